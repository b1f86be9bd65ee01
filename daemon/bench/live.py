"""How long after the end of its first window a live stream has its first tag."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from daemon.bench.audio import write_music
from daemon.errors import GenredError

DRAIN_S = 30.0


def first_tag_latency_s(folder: Path) -> float:
    """Seconds from the wall time of the first window's end to its line on the daemon's standard output."""
    clip = write_music(folder / "live.flac", 6)
    command = [sys.executable, "-m", "daemon", "tag", "--realtime", "--output", "jsonl", str(clip)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        arrived_at_s = time.time()
        process.terminate()
        process.communicate(timeout=DRAIN_S)  # what the drain still says
    if not line:
        raise GenredError("bench: genred tag --realtime gave no result")
    return arrived_at_s - datetime.fromisoformat(json.loads(line)["time"]).timestamp()
