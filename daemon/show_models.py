"""`genred models`: list, describe, prove."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import typer

from daemon.cpu_team import cpu_model
from daemon.errors import ModelRefused
from daemon.inference import GOLDEN_TOLERANCE, OnnxModel
from daemon.prove_model import prove
from models.catalogue import ModelNotFound, pretrained_models, resolve_model
from models.front_ends.description import frames_in_words, hears

TIMED_WINDOWS = 5


def print_models() -> None:
    """A line a shipped model; one that cannot be used says why."""
    typer.echo(f"{'name':<16} {'version':<8} {'window':<7} {'labels':>6} {'genres':>6}  {'size':>7}  licence")
    for path in pretrained_models():
        model = OnnxModel(path, "cpu")
        card = model.card
        size = f"{path.stat().st_size / 1e6:.1f} MB"
        typer.echo(
            f"{path.stem:<16} {card.version:<8} {f'{card.window_s:g} s':<7} {len(card.labels):>6} "
            f"{len(card.genres):>6}  {size:>7}  {card.licence.splitlines()[0]}"
        )


def print_card(name: str) -> None:
    """The card of one model, as people read it."""
    model = OnnxModel(_path(name), "cpu")
    card = model.card
    rows = [
        ("name", f"{card.name} {card.version}"),
        ("file", str(model.path)),
        ("sha256", model.id.sha256),
        ("licence", card.licence.splitlines()[0]),
        ("hears", hears(card.front_end, card.window_s, card.hop_s)),
        ("front end", frames_in_words(card.front_end)),
        ("network", f"{card.input_name} -> {card.output_name} ({card.activation})"),
        ("golden check", f"off by {model.golden_deviation:.1e} (allowed {GOLDEN_TOLERANCE:g})"),
    ]
    rows += [(f"provenance.{key}", str(value)) for key, value in card.provenance.items()]
    rows += [(f"training.{key}", str(value)) for key, value in card.training.items()]
    for kind in dict.fromkeys(label.kind for label in card.labels):
        rows.append((f"labels: {kind}", ", ".join(label.name for label in card.labels if label.kind == kind)))
    for key, value in rows:
        typer.echo(f"{key:<20} {value}")


def verify_models(names: list[str], device: str, precision: str = "fp32") -> None:
    """Proof and speed of each model. ModelRefused, at the end, if any failed; other precisions: on a CPU."""
    paths = [_path(name) for name in names] or pretrained_models()
    refused: list[ModelRefused] = []
    for path in paths:
        try:
            model = OnnxModel(path, device) if precision == "fp32" else cpu_model(path, precision)
            proof = prove(model)
        except ModelRefused as error:
            refused.append(error)
            typer.echo(f"FAIL {path.stem}")
            continue
        typer.echo(
            f"ok   {path.stem:<16} off by {model.golden_deviation:.1e}, {window_ms(model):.1f} ms a window, "
            f"{model.provider}, {model.threads} threads, {proof}"
        )
    if refused:
        raise ModelRefused("\n".join(str(error) for error in refused))


def window_ms(model: OnnxModel) -> float:
    """Milliseconds to score one window, after the one before it where they share work: the best of a few."""
    window = model.card.golden_input[np.newaxis]
    carried = None if model.card.carry is None else model.scores_and_carries(window, None)[1]
    took_s = []
    for _ in range(TIMED_WINDOWS):
        started = time.perf_counter()
        if carried is None:
            model.scores(window)
        else:
            model.scores_and_carries(window, carried)
        took_s.append(time.perf_counter() - started)
    return min(took_s) * 1000


def _path(name: str) -> Path:
    try:
        return resolve_model(name)
    except ModelNotFound as error:
        raise ModelRefused(str(error)) from None
