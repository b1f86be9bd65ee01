"""`genred bench peers`: what is not installed is said, what is installed is measured, and the figures add up."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from daemon.bench.audio import write_music
from daemon.bench.peers_choice import PeerChoices, PeerName
from daemon.bench.peers_installed import Contender, Missing, find_peers
from daemon.bench.peers_report import Measured, peers_report, print_report
from daemon.bench.peers_scores import Scores, largest_difference, read_scores
from daemon.bench.process import Took
from tests.process import genred
from tests.stand_ins import ESSENTIA, MUSICNN, interpreter_with

QUICK = ("bench", "peers", "--minutes", "0.2", "--rounds", "1")
ROW = {
    "what", "wall_s", "cpu_s", "start_cpu_s", "x_realtime", "windows", "windows_per_s", "peak_mb", "genred_speed_ratio",
    "genred_cpu_ratio", "genred_cpu_ratio_without_start", "ratios", "rounds", "largest_score_difference",
}  # fmt: skip


@pytest.fixture(scope="module")
def essentia(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return interpreter_with(tmp_path_factory.mktemp("essentia"), ESSENTIA)


@pytest.fixture(scope="module")
def musicnn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return interpreter_with(tmp_path_factory.mktemp("musicnn"), MUSICNN)


def found(choices: PeerChoices, folder: Path) -> Contender | Missing:
    """What is found of the one peer that is chosen."""
    (peer,) = find_peers(choices, write_music(folder / "clip.flac", 6), folder)
    return peer


@pytest.mark.skipif(find_spec("essentia") is not None or find_spec("tensorflow") is not None, reason="they are here")
def test_peers_that_are_not_installed_have_a_line_that_says_how(tmp_path: Path) -> None:
    done = genred(*QUICK, "--peer", "essentia", "--peer", "musicnn", "--json", str(tmp_path / "figures.json"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = {line.partition(":")[0]: line for line in done.stdout.splitlines()}
    for name in ("essentia", "musicnn"):
        assert "not installed" in lines[name]
        assert "pip install" in lines[name]
        assert f"--{name}-python" in lines[name]
    report = json.loads((tmp_path / "figures.json").read_text())
    assert set(report["rows"]) == {"genred"}
    assert set(report["missing"]) == {"essentia", "musicnn"}


def test_stand_ins_are_measured_beside_genred(essentia: Path, musicnn: Path, tmp_path: Path) -> None:
    (tmp_path / "graph.pb").write_bytes(b"")
    peers = ["--peer", "essentia", "--peer", "musicnn", "--musicnn-python", str(musicnn)]
    graph = ["--essentia-python", str(essentia), "--essentia-graph", str(tmp_path / "graph.pb")]
    done = genred(*QUICK, *peers, *graph, "--json", str(tmp_path / "figures.json"))
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "figures.json").read_text())
    assert set(report) == {"when", "machine", "model", "audio_s", "rounds", "rows", "missing"}
    assert list(report["rows"]) == ["genred", "essentia", "musicnn"]
    assert report["missing"] == {}
    assert all(set(row) == ROW for row in report["rows"].values())
    assert [row["windows"] for row in report["rows"].values()] == [5, 5, 5]
    assert report["rows"]["essentia"]["what"].startswith("Essentia 9.9, batch ")
    assert report["rows"]["essentia"]["largest_score_difference"] is None  # a published graph has shorter windows
    assert 0 < report["rows"]["musicnn"]["largest_score_difference"] <= 0.75
    assert report["rows"]["genred"]["genred_speed_ratio"] == 1
    assert all(row["what"] in done.stdout for row in report["rows"].values())


def test_a_peer_that_fails_leaves_the_others_their_figures(tmp_path: Path) -> None:
    broken = {**MUSICNN, "musicnn/extractor.py": "def extractor(*_, **__):\n    raise RuntimeError('no such op')\n"}
    python = interpreter_with(tmp_path / "musicnn", broken)
    done = genred(*QUICK, "--peer", "musicnn", "--musicnn-python", str(python))
    assert done.returncode == 0, done.stderr
    assert "genred tag" in done.stdout
    assert "RuntimeError: no such op" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--essentia-python", "/nowhere/python"], "--essentia-python /nowhere/python"),
        (["--peer", "essentia", "--essentia-python", __file__], "cannot be run"),
        (["--essentia-graph", "/nowhere/x.pb"], "--essentia-graph /nowhere/x.pb"),
        (["--plain-model", "/nowhere/x.onnx"], "--plain-model /nowhere/x.onnx"),
        (["--peer", "musicnn", "--musicnn-python", sys.executable], "--musicnn-python"),
        (["--peer", "madmom"], "madmom"),
        (["--rounds", "0"], "--rounds"),
        (["--json", "/nowhere/at/all.json"], "/nowhere/at is not a folder"),
    ],
)
def test_options_that_cannot_be(arguments: list[str], says: str) -> None:
    if sys.executable in arguments and find_spec("tensorflow") is not None:
        pytest.skip("this interpreter has it")
    done = genred("bench", "peers", "--minutes", "0.2", *arguments)
    assert done.returncode == 64, done.stderr
    assert says in done.stderr
    assert done.stdout == ""


def test_musicnn_under_numpy_2_is_not_measured(tmp_path: Path) -> None:
    python = interpreter_with(tmp_path / "musicnn", {**MUSICNN, "numpy.py": "__version__ = '2.4.6'\n"})
    peer = found(PeerChoices((PeerName.MUSICNN,), musicnn_python=python), tmp_path)
    assert isinstance(peer, Missing)
    assert "numpy 1" in peer.why


@pytest.mark.skipif(find_spec("tensorflow") is not None, reason="musicnn is here")
def test_essentia_without_a_graph_says_what_it_needs(essentia: Path, tmp_path: Path) -> None:
    peer = found(PeerChoices((PeerName.ESSENTIA,), essentia_python=essentia), tmp_path)
    assert isinstance(peer, Missing)
    assert "--essentia-graph" in peer.why


@pytest.mark.skipif(find_spec("librosa") is None, reason="librosa is not installed")
def test_librosa_without_the_plain_network_says_how_to_make_it(tmp_path: Path) -> None:
    peer = found(PeerChoices((PeerName.LIBROSA,)), tmp_path)
    assert isinstance(peer, Missing)
    assert "genred export import-musicnn" in peer.why


@pytest.mark.skipif(find_spec("torch") is None or find_spec("librosa") is None, reason="needs torch and librosa")
def test_the_torch_peer_scores_every_window(tmp_path: Path) -> None:
    audio = write_music(tmp_path / "music.flac", 8)
    command = [sys.executable, "-m", "daemon.bench.peer_torch", str(audio)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert list(csv.reader(done.stdout.splitlines())) == [["window"], ["0"], ["1"], ["2"]]


def test_scores_are_read_by_label_or_by_number(tmp_path: Path) -> None:
    (tmp_path / "ours.csv").write_text("stream,window,rock,jazz\ns,0,0.5,0.25\ns,1,,\n")
    (tmp_path / "theirs.csv").write_text("0,1,2\n0.1,0.5,0.35\n0.9,0.9,0.9\n0.9,0.9,0.9\n")
    ours, theirs = (read_scores(tmp_path / name, ["pop", "rock", "jazz"]) for name in ("ours.csv", "theirs.csv"))
    assert (ours.windows, theirs.windows) == (2, 3)
    assert set(ours.by_label) == {"rock", "jazz"}
    assert largest_difference(ours, theirs) == pytest.approx(0.1)  # the silent window is not compared
    assert largest_difference(ours, Scores(2, {})) is None


def test_ratios_are_the_medians_of_the_rounds_own(capsys: pytest.CaptureFixture[str]) -> None:
    scores = Scores(4, {"rock": np.array([0.1, 0.2, 0.3, 0.4])})
    ours = Measured(
        Contender("genred", "genred tag", lambda _: []),
        Took(1, 1, 50),
        [Took(2, 2, 90), Took(4, 3, 100), Took(5, 2, 80)],
        scores,
    )
    theirs = Measured(
        Contender("essentia", "Essentia", lambda _: []),
        Took(2, 2, 50),
        [Took(4, 4, 200), Took(12, 4, 201), Took(11, 5, 202)],
        scores,
    )
    report = peers_report([ours, theirs], [Missing("torch", "not installed: …")], 10.0)
    row = report["rows"]["essentia"]
    assert row["ratios"] == [2, 3, 2.2]
    assert row["genred_speed_ratio"] == 2.2
    assert row["genred_cpu_ratio"] == 2  # of 2, 1.333, 2.5
    assert row["genred_cpu_ratio_without_start"] == 2  # of 2, 1, 3
    assert (row["wall_s"], row["cpu_s"], row["peak_mb"], row["windows_per_s"]) == (11, 4, 202, 0.36)
    assert row["largest_score_difference"] == 0
    print_report(report)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["genred", "Essentia", "torch:"]
    assert "other work" in lines[-1]
