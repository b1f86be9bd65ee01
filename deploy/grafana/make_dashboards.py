"""Writes dashboards/*.json: `python deploy/grafana/make_dashboards.py`. Needs grafana-foundation-sdk (genred[dev])."""

from __future__ import annotations

from pathlib import Path

from genres import genres
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from pipeline import pipeline
from service import service

FOLDER = Path(__file__).resolve().parent / "dashboards"


def dashboards() -> dict[str, str]:
    """Name of the file -> its text."""
    made = {"service.json": service(), "pipeline.json": pipeline(), "genres.json": genres()}
    encoder = JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False)
    return {name: encoder.encode(dashboard) + "\n" for name, dashboard in made.items()}


if __name__ == "__main__":
    for name, text in dashboards().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
