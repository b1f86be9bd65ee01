"""Scores as the daemon itself publishes them: each clip goes through `genred run` as a stream.

The daemon is run as a program, on a settings file with a source a clip and one sink of JSON lines with every label.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tomli_w

from export.data.clip import Clip
from export.errors import ExportError
from export.evaluate.scoring import ClipScores, Floats

CLIPS_AT_ONCE: Final = 32  # streams of one run of the daemon: it reads them all at the same time
TOLERANCE: Final = 1e-3  # what streamed and offline scores may differ by


@dataclass(frozen=True, slots=True)
class StreamingCheck:
    """Streamed scores beside those that were computed offline, of all windows that both heard.

    apart: clips of which not the same number of windows was heard.
    """

    windows: int
    largest_difference: float
    apart: tuple[Path, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether they are the same."""
        return not self.apart and self.largest_difference <= TOLERANCE


def stream_clips(model: Path, labels: Sequence[str], clips: Sequence[Clip]) -> Iterator[ClipScores]:
    """What the daemon says of each clip with the ONNX file `model`, of these labels. ExportError when it fails."""
    for start in range(0, len(clips), CLIPS_AT_ONCE):
        some = clips[start : start + CLIPS_AT_ONCE]
        with tempfile.TemporaryDirectory(prefix="genred-streaming-") as folder:
            results = Path(folder, "results.jsonl")
            _run_daemon(_settings(model, some, results), Path(folder, "genred.toml"))
            yield from _read(results, some, labels)


def check_streamed(streamed: Iterable[ClipScores], offline: Iterable[ClipScores]) -> StreamingCheck:
    """How far apart the scores of the same clips, in the same order, are."""
    windows, largest, apart = 0, 0.0, list[Path]()
    for one, other in zip(streamed, offline, strict=True):
        heard, wanted = one.heard, other.heard
        if len(heard) != len(wanted):
            apart.append(one.clip.path)
        elif len(heard):
            windows += len(heard)
            largest = max(largest, float(np.abs(heard - wanted).max()))
    return StreamingCheck(windows, largest, tuple(apart))


def _settings(model: Path, clips: Sequence[Clip], results: Path) -> dict[str, Any]:
    return {
        "model": str(model.resolve()),
        "engine": {"device": "cpu"},
        "tags": {"all_labels": True},
        "http": {"enabled": False},
        "log": {"level": "error", "format": "text"},
        "sources": [
            {"kind": "file", "path": str(clip.path.resolve()), "stream": str(place)} for place, clip in enumerate(clips)
        ],
        "sinks": [{"kind": "jsonl", "path": str(results)}],
    }


def _run_daemon(settings: dict[str, Any], path: Path) -> None:
    path.write_bytes(tomli_w.dumps(settings).encode())
    # -P: a folder named daemon where the user stands is not the daemon. Settings of the user's own daemon do not count.
    command = [sys.executable, "-P", "-m", "daemon", "run", "-c", str(path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GENRED_")}
    done = subprocess.run(command, env=environment, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        said = "\n".join(done.stderr.decode(errors="replace").splitlines()[-3:]) or "it said nothing"
        raise ExportError(f"--streaming: genred run ended with code {done.returncode}: {said}")


def _read(results: Path, clips: Sequence[Clip], labels: Sequence[str]) -> Iterator[ClipScores]:
    """The windows of each stream, in order."""
    found: list[list[list[float] | None]] = [[] for _ in clips]
    if results.exists():
        with results.open(encoding="utf-8") as lines:
            for line in lines:
                result = json.loads(line)
                if result["type"] == "genred.window.v1":
                    scores = result["scores"]
                    row = None if result["silent"] else [scores[name] for name in labels]
                    found[int(result["stream"])].append(row)
    for clip, rows in zip(clips, found, strict=True):
        silent = np.array([row is None for row in rows], bool)
        windows: Floats = np.zeros((len(rows), len(labels)), np.float32)
        windows[~silent] = np.array([row for row in rows if row is not None], np.float32).reshape(-1, len(labels))
        yield ClipScores(clip, windows, silent)
