"""Memory outside Python: what was freed goes back to the system, and no window keeps a network that has gone."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.bench.ready_windows import Arrival, ReadyWindows
from daemon.cpu_scorer import CpuScorer
from daemon.grid import make_grid
from daemon.inference import OnnxModel
from models.catalogue import resolve_model

# 128 MB in pieces of 64 kB, of which every hundredth stays in use: glibc can only cut off the heap's end.
RAGGED = """
import asyncio, ctypes, os
from daemon.native_memory import giving_back
from tests.soak_watch import memory_kb
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
pieces = [libc.malloc(1 << 16) for _ in range(2048)]
for piece in pieces:
    ctypes.memset(piece, 1, 1 << 16)
for number, piece in enumerate(pieces):
    if number % 100 != 99:
        libc.free(piece)

async def main():
    before = memory_kb(os.getpid())["Rss"]
    async with giving_back(0.01), asyncio.timeout(20):
        while before - memory_kb(os.getpid())["Rss"] < 100 << 10:
            await asyncio.sleep(0.01)

asyncio.run(main())
"""


def test_freed_memory_goes_back() -> None:
    subprocess.run([sys.executable, "-c", RAGGED], timeout=60, check=True)


def test_what_windows_hand_on_is_not_the_network_s_memory() -> None:
    model = OnnxModel(resolve_model("musicnn-msd"), "cpu", 1)
    grid = make_grid(16_000, model.card.front_end, model.card.window_s, model.card.hop_s, 0.05)
    windows = list(
        islice(ReadyWindows(grid, AudioFormat(SampleFormat.S16LE, 16_000, 1)).arriving(Arrival.BEHIND, 1), 2)
    )
    scorer = CpuScorer([model], -60.0, 1, lambda samples: None, lambda stage, seconds: None)
    assert all(scores is not None for scores in scorer.begin(windows).scores())
    carries = windows[-1].blocks[-1].carries
    assert carries
    assert all(carry.flags.owndata for carry in carries.values())
