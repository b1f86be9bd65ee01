"""`genred export fetch` after kill -9: the half download goes on, what is whole is not asked for again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from export.data.manifest import list_manifest
from tests.audio_files import stepped_tones
from tests.link_server import Served, serving
from tests.process import genred, wait_for
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
