"""Run as a program: the greatest resident size in MB of one epoch over the cache `sys.argv[1]` of `sys.argv[2]` clips.

Every entry is the same file under another name, so that hundreds of megabytes of features need not be made first.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np
import torch

from export.data.cache import FeatureCache
from export.data.cache_entry import write_entry
from export.data.clip import Clip
from export.data.features import Blocks
from export.data.recipe import Recipe
from export.data.targets import LabelTargets
from export.data.window_stream import WindowStream
from models.front_ends.spec import FrontEnd

RECIPE = Recipe(FrontEnd(8_000, 256, 200, 32, 0.0, 4_000.0, "db", "window"), 2.0, 1.0)  # windows of 80 x 32: 10 kB
BLOCKS = 11  # 10 windows a clip


def clips_in(cache: FeatureCache, n: int) -> list[Clip]:
    """Clips that exist in the cache alone."""
    log_mel = np.random.default_rng(0).normal(size=(BLOCKS, RECIPE.frames_per_hop, 32)).astype(np.float32)
    first = cache.folder / "first.npz"
    write_entry(first, Blocks(log_mel, np.ones(BLOCKS, np.float32)), RECIPE)
    clips = []
    for number in range(n):
        clip = Clip(Path(f"{number}.wav"), ("ab"[number % 2],), sha256=f"{number:064x}")
        path = cache.entries / f"{number:064x}"[:2] / f"{number:064x}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.hardlink_to(first)
        clips.append(clip)
    return clips


def main() -> None:
    """Print the size in MB."""
    torch.set_num_threads(1)
    cache = FeatureCache(Path(sys.argv[1]), RECIPE)
    clips = clips_in(cache, int(sys.argv[2]))
    stream = WindowStream(clips, cache, LabelTargets("ab"), 16, 0, shuffle_windows=512)
    windows = sum(len(batch.frames) for batch in stream.epoch(0))
    assert windows == len(clips) * (BLOCKS - 1)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # noqa: T201


if __name__ == "__main__":
    main()
