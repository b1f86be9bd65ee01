"""A set is there whole or not at all: after a kill at any moment, without space, without permission."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from export.data.music_set import MusicSet, read_music_set
from export.errors import InputUnusable
from tests.made_music import write_tune
from tests.process import genred, wait_for
from tests.scanning import scan


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for n in range(8):
        write_tune(folder / ("a", "b")[n % 2] / f"{n}.wav", n, 4.5)
    return folder


def test_the_program_ends_with_its_code(music: Path, tmp_path: Path) -> None:
    done = genred("export", "scan", str(music), "-o", str(tmp_path / "set"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no bar where there is no terminal
    assert len(read_music_set(tmp_path / "set").clips) == 8
    refused = genred("export", "scan", str(music / "a" / "0.wav"), "-o", str(tmp_path / "no"))
    assert (refused.returncode, refused.stdout) == (64, "")
    assert refused.stderr.startswith("genred export: ")
    assert not (tmp_path / "no").exists()


def test_without_space_the_old_set_stays(music: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the quota; the manifest is the first that is longer."""
    folder = tmp_path / "set"
    before = scan(music, folder).music
    words = ["export", "scan", str(music), "-o", str(folder), "--workers", "1", "--seed", "5"]
    done = subprocess.run(
        [sys.executable, "-m", "daemon", *words],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 70
    assert "nothing was left half-written" in done.stderr
    assert read_music_set(folder) == before
    assert {path.name for path in folder.iterdir()} == {"manifest.jsonl", "labels.json", "report.json"}


def test_a_kill_leaves_the_old_set_or_the_new_or_none(music: Path, tmp_path: Path) -> None:
    """Killed as soon as the folder is touched; it is never a mixture."""
    folder = tmp_path / "set"
    whole = {scan(music, tmp_path / str(seed), "--seed", str(seed)).music.fingerprint for seed in range(4)}
    for seed in range(4):
        before = folder.stat().st_mtime_ns if folder.exists() else 0
        words = ["export", "scan", str(music), "-o", str(folder), "--workers", "1", "--seed", str(seed)]
        process = subprocess.Popen([sys.executable, "-m", "daemon", *words], stdout=subprocess.DEVNULL)
        wait_for(partial(_changed, folder, before), "a change of the set")
        process.send_signal(signal.SIGKILL)
        process.wait()
        with suppress(InputUnusable):  # then it says that it is no set
            found: MusicSet = read_music_set(folder)
            assert found.fingerprint in whole
    assert scan(music, folder).music.fingerprint in whole


def _changed(folder: Path, since_ns: int) -> bool:
    return folder.exists() and folder.stat().st_mtime_ns != since_ns
