"""What the benchmarks of the engine share: which model, how, and how their figures are written."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from daemon.bench.machine import describe
from daemon.crew import load_models
from daemon.errors import InputUnusable
from daemon.model import Model
from daemon.settings import load_settings


@dataclass(frozen=True, slots=True)
class Benched:
    """The model that is measured and the settings that it runs with."""

    model: str
    precision: str = "fp32"

    def flags(self, workers: int) -> dict[str, Any]:
        """Settings of a daemon with so many workers."""
        engine = {"device": "cpu", "threads": workers, "max_batch": 1, "precision": self.precision}
        return {"model": self.model, "engine": engine}

    def load(self) -> Model:
        """The model, so that one that cannot be used is refused before anything is measured."""
        return load_models(load_settings(None, self.flags(1)))[0]


def check_outputs(*paths: Path | None) -> None:
    """InputUnusable, before anything is measured, for a file that could not be written."""
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise InputUnusable(f"bench: {path}: {path.parent} is not a folder")


def header(model: str, precision: str) -> dict[str, Any]:
    """How every report begins; the load average says what else was going on."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe(),
        "load_average": round(os.getloadavg()[0], 2),
        "model": model,
        "precision": precision,
    }


def print_header(report: Mapping[str, Any]) -> None:
    """The first line of a table."""
    typer.echo(f"{report['when']}  {report['machine']}; load average before: {report['load_average']}")
    typer.echo(f"model {report['model']}, {report['precision']}")


def write_json(report: Mapping[str, Any], path: Path | None) -> None:
    """The figures, if they are wanted."""
    if path is not None:
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def say(what: str) -> None:
    """Progress, where somebody watches."""
    if sys.stderr.isatty():
        typer.echo(what, err=True)
