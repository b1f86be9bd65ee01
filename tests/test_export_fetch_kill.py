"""`genred export fetch` after kill -9: the half download goes on, what is whole is not asked for again."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from export.data.manifest import list_manifest
from tests.audio_files import encode, stepped_tones, write
from tests.link_server import Served, serving
from tests.process import TIME_LIMIT_S, genred, wait_for
from tests.test_export_fetch import RATE_HZ, heard, recording, rows


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    with serving() as server:
        server.links["/a.flac"] = Served(recording(0))
        server.links["/slow.wav"] = Served(recording(7, "pcm_s16le", "wav"), "audio/wav", hold_after=200_000)
        (tmp_path / "t.csv").write_text(
            f"url,labels,artist,split\n{server.url('/a.flac')},jazz,Ann,train\n{server.url('/slow.wav')},rock,Bob,test\n"
        )
        command = ["export", "fetch", str(tmp_path / "t.csv"), "-o", str(folder)]
        run = subprocess.Popen([sys.executable, "-m", "daemon", *command], stderr=subprocess.DEVNULL)
        try:
            # The good link is recorded, and the other's half is on the disk.
            wait_for(lambda: len(list(folder.glob("records/*/*.json"))) == 1, "the first record")
            wait_for(lambda: any(p.stat().st_size > 100_000 for p in folder.glob("partial/*.part")), "half a file")
        finally:
            os.kill(run.pid, signal.SIGKILL)
            run.wait(10)
        server.let_go()
        (folder / "audio" / ".torn.flac.x.tmp").write_bytes(b"what a kill leaves of a file that is being written")
        done = genred(*command)
        assert done.returncode == 0, done.stderr
        assert "2 recordings (1 links fetched now, 1 before)" in done.stdout
        assert server.asked("/a.flac") == 1
        whole, rest = server.ranges("/slow.wav")
        assert whole is None and rest is not None and 100_000 < int(rest.removeprefix("bytes=").rstrip("-")) <= 200_000
    samples, _ = heard(folder / rows(folder / "manifest.csv")[1]["path"])
    assert len(samples) == 3 * RATE_HZ and np.abs(samples - stepped_tones(3, RATE_HZ, 7))[500:-500].max() < 0.05
    assert not list(folder.rglob("*.tmp"))
    listing = list_manifest(folder / "manifest.csv")
    assert [(clip.labels, clip.artist, clip.split) for clip in listing.clips] == [
        (("jazz",), "Ann", "train"),
        (("rock",), "Bob", "test"),
    ]


def test_a_full_disk_ends_the_run_and_nothing_is_half_written(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    with serving() as server:
        server.links["/a.flac"] = Served(recording(0))
        server.links["/large.wav"] = Served(recording(7, "pcm_s16le", "wav"), "audio/wav")
        (tmp_path / "t.txt").write_text(f"{server.url('/a.flac')}\n{server.url('/large.wav')}\n")
        command = ["export", "fetch", str(tmp_path / "t.txt"), "-o", str(folder), "--workers", "1"]
        full = subprocess.run(
            [sys.executable, "-m", "daemon", *command],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
            capture_output=True,
            text=True,
            check=False,
        )
        assert full.returncode == 70 and "File too large" in full.stderr and "Traceback" not in full.stderr
        assert [row["url"] for row in rows(folder / "manifest.csv")] == [server.url("/a.flac")]
        done = genred(*command)
        assert done.returncode == 0, done.stderr
        assert server.asked("/a.flac") == 1 and server.ranges("/large.wav")[1] is not None
    assert len(rows(folder / "manifest.csv")) == 2


def test_a_full_disk_is_said_while_a_large_file_is_converted(tmp_path: Path) -> None:
    """A small MP3 of noise that becomes a large FLAC; in a process of its own, for the limit is for good."""
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, 44_100 * 20).astype(np.float32)
    source = write(tmp_path / "noise", encode(noise, "libmp3lame", "mp3"))
    program = (
        "import resource, sys; from pathlib import Path; from export.fetch.conversion import convert\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))\n"
        "try: convert(Path(sys.argv[1]), Path(sys.argv[2]), 48_000, 1200)\n"
        "except OSError as error: sys.exit(error.errno)"
    )
    command = [sys.executable, "-c", program, str(source), str(tmp_path / "music")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
    assert done.returncode == errno.EFBIG, done.stderr
    assert not [path for path in (tmp_path / "music").rglob("*") if path.is_file()]
