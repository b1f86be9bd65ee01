"""`genred bench peers`: `genred tag` beside other ways to have musicnn's tags of a file, one core, in turns."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from daemon.bench.audio import write_music
from daemon.bench.peers_choice import PeerChoices
from daemon.bench.peers_installed import MODEL, Contender, Missing, find_peers, genred
from daemon.bench.peers_report import Measured, peers_report, print_report
from daemon.bench.peers_scores import read_scores
from daemon.bench.process import Took, run_on_one_core
from daemon.errors import GenredError, InputUnusable
from daemon.inference import OnnxModel
from models.catalogue import resolve_model

SHORT_S = 6.0  # of audio, two windows: what a run takes for it is called its start
CLIP_S = 60.0


def run_bench_peers(minutes: float, rounds: int, choices: PeerChoices, json_path: Path | None) -> None:
    """Measure, print a table, and write the figures to `json_path` when given."""
    if json_path is not None and not json_path.parent.is_dir():
        raise InputUnusable(f"bench: --json {json_path}: {json_path.parent} is not a folder")
    with tempfile.TemporaryDirectory(prefix="genred-bench-") as name:
        folder = Path(name)
        audio_s = minutes * 60
        clip = write_music(folder / "clip.flac", min(CLIP_S, audio_s))
        _say("looking for peers")
        found = [genred(), *find_peers(choices, clip, folder)]
        starts, failed = _starts([peer for peer in found if isinstance(peer, Contender)], folder)
        missing = [peer for peer in found if isinstance(peer, Missing)] + failed
        measured = measure(starts, write_music(folder / "music.flac", audio_s), rounds, folder)
    report = peers_report(measured, missing, audio_s)
    print_report(report)
    if json_path is not None:
        json_path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _starts(contenders: Sequence[Contender], folder: Path) -> tuple[dict[Contender, Took], list[Missing]]:
    """What each takes for a few seconds of audio, the better of two; a peer that fails is left out, genred may not."""
    clip = write_music(folder / "short.flac", SHORT_S)
    starts, failed = {}, []
    for contender in contenders:
        try:
            runs = [run_on_one_core(contender.command(clip)) for _ in range(2)]
        except GenredError as error:
            if contender.name == "genred":
                raise
            failed.append(Missing(contender.name, str(error)))
        else:
            starts[contender] = min(runs, key=lambda run: run.cpu_s)
    return starts, failed


def measure(starts: Mapping[Contender, Took], audio: Path, rounds: int, folder: Path) -> list[Measured]:
    """Each contender `rounds` times, in turns, so that the machine's mood falls on all alike."""
    labels = OnnxModel(resolve_model(MODEL), "cpu").card.label_names
    took: dict[Contender, list[Took]] = {contender: [] for contender in starts}
    for round_ in range(rounds):
        for contender, runs in took.items():
            _say(f"round {round_ + 1} of {rounds}: {contender.what}")
            runs.append(run_on_one_core(contender.command(audio), folder / f"{contender.name}.csv"))
    return [
        Measured(contender, starts[contender], runs, read_scores(folder / f"{contender.name}.csv", labels))
        for contender, runs in took.items()
    ]


def _say(what: str) -> None:
    """Progress, where somebody watches."""
    if sys.stderr.isatty():
        typer.echo(what, err=True)
