"""The contenders of `genred bench peers`: which are installed, how each is run, and what is missing for the others."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daemon.bench.peers_choice import PeerChoices, PeerName
from daemon.bench.process import run_on_one_core
from daemon.errors import GenredError, InputUnusable

MODEL = "musicnn-msd"
WINDOW_FRAMES = 250
PUBLISHED_FRAMES = 187  # what Essentia's published graphs take
BATCHES = (1, 2, 4, 8, 64)  # 64 is TensorflowPredictMusiCNN's default
SCRIPTS = Path(__file__).parent
# Isolated: the scripts' own folder, whose files have names like `audio`, is not searched for modules.
ISOLATED = "-I"
VERSIONS = "import importlib, json, sys; print(json.dumps({n: getattr(importlib.import_module(n), '__version__', '')"
VERSIONS += " for n in sys.argv[1:]}))"
PROBE_S = 120.0

HOW = {
    PeerName.ESSENTIA: "python3 -m venv essentia; essentia/bin/pip install essentia-tensorflow; "
    "then --essentia-python essentia/bin/python",
    PeerName.MUSICNN: "python3.11 -m venv musicnn; musicnn/bin/pip install tensorflow-cpu==2.15.1 'numpy<2' librosa; "
    "musicnn/bin/pip install --no-deps musicnn==0.1.0; then --musicnn-python musicnn/bin/python",
    PeerName.TORCH: "pip install 'genred[export]' librosa",
    PeerName.LIBROSA: "pip install librosa",
}


@dataclass(frozen=True, slots=True)
class Contender:
    """Who can be measured. `command`: what scores a file and writes CSV to standard output."""

    name: str
    what: str
    command: Callable[[Path], list[str]]
    same_work: bool = True  # the same windows by the same network: its scores can be compared


@dataclass(frozen=True, slots=True)
class Missing:
    """Who cannot be measured, and what to do about it."""

    name: str
    why: str


def genred() -> Contender:
    """genred itself, as users run it."""
    options = ["--threads", "1", "--model", MODEL, "--output", "csv"]
    return Contender(
        "genred", "genred tag", lambda audio: [sys.executable, "-m", "daemon", "tag", str(audio), *options]
    )


def find_peers(choices: PeerChoices, clip: Path, folder: Path) -> list[Contender | Missing]:
    """Every wanted peer. `clip`: audio on which Essentia's best batch size is found; `folder`: for its graph."""
    for option, path in (("--essentia-graph", choices.essentia_graph), ("--plain-model", choices.plain_model)):
        if path is not None and not path.is_file():
            raise InputUnusable(f"bench: {option} {path}: no such file")
    finders: dict[PeerName, Callable[[], Contender | Missing]] = {
        PeerName.ESSENTIA: lambda: _essentia(choices, clip, folder),
        PeerName.MUSICNN: lambda: _musicnn(choices.musicnn_python),
        PeerName.TORCH: _torch,
        PeerName.LIBROSA: lambda: _librosa(choices.plain_model),
    }
    return [finders[name]() for name in choices.wanted()]


def _essentia(choices: PeerChoices, clip: Path, folder: Path) -> Contender | Missing:
    python = _interpreter(choices.essentia_python)
    versions = _versions(PeerName.ESSENTIA, choices.essentia_python, "essentia", "essentia.standard")
    if isinstance(versions, Missing):
        return versions
    graph, frames = choices.essentia_graph, PUBLISHED_FRAMES
    if graph is None:
        frozen = _frozen_graph(choices, folder)
        if isinstance(frozen, Missing):
            return frozen
        graph, frames = frozen, WINDOW_FRAMES

    def command(audio: Path, batch: int) -> list[str]:
        script = str(SCRIPTS / "peer_essentia.py")
        return [python, ISOLATED, script, str(audio), str(graph), str(frames), str(batch)]

    try:
        best = min(BATCHES, key=lambda batch: min(run_on_one_core(command(clip, batch)).cpu_s for _ in range(2)))
    except GenredError as error:
        return Missing(PeerName.ESSENTIA, str(error))
    what = f"Essentia {versions['essentia']}, batch {best}"
    if frames != WINDOW_FRAMES:
        what += f", {frames} frames"
    return Contender(PeerName.ESSENTIA, what, lambda audio: command(audio, best), frames == WINDOW_FRAMES)


def _frozen_graph(choices: PeerChoices, folder: Path) -> Path | Missing:
    """musicnn's checkpoint as Essentia wants it, made with the interpreter that has musicnn."""
    versions = _versions(PeerName.MUSICNN, choices.musicnn_python, "tensorflow", "musicnn.models")
    if isinstance(versions, Missing):
        needs = "Essentia needs a graph: --essentia-graph FILE (its msd-musicnn-1.pb), or musicnn to make it from"
        return Missing(PeerName.ESSENTIA, f"{needs}: {HOW[PeerName.MUSICNN]}")
    graph = folder / "musicnn.pb"
    script = str(SCRIPTS / "freeze_musicnn.py")
    try:
        run_on_one_core([_interpreter(choices.musicnn_python), ISOLATED, script, str(graph), str(WINDOW_FRAMES)])
    except GenredError as error:
        return Missing(PeerName.ESSENTIA, str(error))
    return graph


def _musicnn(given: Path | None) -> Contender | Missing:
    versions = _versions(PeerName.MUSICNN, given, "numpy", "tensorflow", "musicnn.extractor")
    if isinstance(versions, Missing):
        return versions
    if int(versions["numpy"].partition(".")[0]) >= 2:  # its float16 overflows, and the scores ignore the audio
        return Missing(PeerName.MUSICNN, f"it needs numpy 1, not {versions['numpy']}: {HOW[PeerName.MUSICNN]}")
    script = str(SCRIPTS / "peer_musicnn.py")
    what = f"musicnn 0.1.0, TensorFlow {versions['tensorflow']}"
    return Contender(PeerName.MUSICNN, what, lambda audio: [_interpreter(given), ISOLATED, script, str(audio)])


def _torch() -> Contender | Missing:
    versions = _versions(PeerName.TORCH, None, "torch", "librosa")
    if isinstance(versions, Missing):
        return versions
    what = f"librosa, torch {versions['torch']}".partition("+")[0]
    module = "daemon.bench.peer_torch"
    return Contender(PeerName.TORCH, what, lambda audio: [sys.executable, "-m", module, str(audio)], False)


def _librosa(plain_model: Path | None) -> Contender | Missing:
    versions = _versions(PeerName.LIBROSA, None, "onnxruntime", "librosa")
    if isinstance(versions, Missing):
        return versions
    if plain_model is None:
        how = "genred export import-musicnn --model msd --arrangement plain"
        return Missing(PeerName.LIBROSA, f"it needs the network as published: {how}; then --plain-model FILE")
    what, module = f"librosa, ONNX Runtime {versions['onnxruntime']}", "daemon.bench.librosa_loop"
    return Contender(PeerName.LIBROSA, what, lambda audio: [sys.executable, "-m", module, str(audio), str(plain_model)])


def _interpreter(given: Path | None) -> str:
    """Not resolved: a virtual environment's interpreter is a link, and knows its packages by where it was called."""
    return sys.executable if given is None else str(given.absolute())


def _versions(peer: PeerName, given: Path | None, *modules: str) -> dict[str, str] | Missing:
    """Version of each module, all imported; Missing where this interpreter has them not; an error for one named."""
    command = [_interpreter(given), ISOLATED, "-c", VERSIONS, *modules]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputUnusable(f"bench: --{peer}-python {given}: cannot be run: {error}") from None
    if done.returncode == 0:
        versions: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        return versions
    reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
    if given is not None:
        raise InputUnusable(f"bench: --{peer}-python {given}: {reason}; {HOW[peer]}")
    return Missing(peer, f"not installed: {HOW[peer]}")
