"""Windows for training, read from the cache while they are needed: memory does not grow with the number of clips.

An epoch takes the clips in a new order, unpacks each once, and mixes its windows with those of many other clips in a
buffer of bounded size. Everything is a function of (seed, epoch), so that a resumed training sees what it would have
seen; several processes (ranks) each take a share, and equally many batches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from export.data.balance import Balance, Ints, epoch_windows
from export.data.clip import Clip
from export.data.decode import Floats
from export.data.features import silent_windows
from export.data.targets import Targets
from export.data.window_source import WindowSource
from export.errors import InputUnusable

_BUFFER_BYTES: Final = 128 << 20  # in each process; 2048 windows of 128 x 128
_UNPACKED: Final = 64  # windows of a clip that are laid out at once: a clip may be hours long


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """frames: float32 (batch, frames, features), not yet what a network takes. targets: float32 (batch, n_labels)."""

    frames: Tensor
    targets: Tensor


class WindowStream:
    """The windows of `clips` that are not silent, epoch by epoch.

    batch_size: the most windows a batch. The batches of an epoch differ by one window at most, so that no last one is
    too small to normalise over. shuffle_windows: the buffer's size, as
    far as 128 MiB go and at least a batch. balance, windows_per_label, windows_per_clip: see
    `export.data.balance`; without them each window comes exactly once an epoch, in one rank.
    InputUnusable when there is no window; UnreadableAudio for a clip that cannot be read (leave out what
    `export.data.cache_build.build` refused).
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        source: WindowSource,
        targets: Targets,
        batch_size: int,
        seed: int,
        *,
        shuffle_windows: int = 2048,
        balance: Balance = "none",
        windows_per_label: int | None = None,
        windows_per_clip: int | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self._clips, self._source, self._targets = clips, source, targets
        self._seed, self._rank, self._world_size = seed, rank, world_size
        self._shuffle_windows = max(min(shuffle_windows, _BUFFER_BYTES // source.window_bytes), batch_size)
        self._balance = balance
        self._windows_per_label, self._windows_per_clip = windows_per_label, windows_per_clip
        silent = (silent_windows(source.power(clip), source.recipe) for clip in clips)
        self._counts = np.array([np.count_nonzero(~each) for each in silent], np.int64)
        self.windows_per_epoch = len(self._chosen(0))
        least = self.windows_per_epoch // world_size
        if least < 1:
            raise InputUnusable(
                f"{len(clips)} clips have {self.windows_per_epoch} windows that are not silent: too few to train on"
            )
        most = -(-self.windows_per_epoch // world_size)
        self.batches_per_epoch = min(-(-most // batch_size), least)

    def epoch(self, n: int) -> Iterator[WindowBatch]:
        """The batches of epoch `n` (of this rank), `batches_per_epoch` of them."""
        windows = self._share(n)
        rng = np.random.default_rng((self._seed, n, 1 + self._rank))
        parts = np.array_split(windows, self.batches_per_epoch)  # the first is the longest, of batch_size + 1 at times
        buffer = _Buffer(min(max(self._shuffle_windows, len(parts[0])), len(windows)), rng)
        rows = self._rows(windows)
        for part in parts:
            while buffer.has_room and (row := next(rows, None)) is not None:
                buffer.put(*row)
            yield buffer.take(len(part))

    def _share(self, n: int) -> Ints:
        """This rank's windows of epoch `n`, (n_windows, 2) of (clip, place), each clip's together."""
        windows = self._chosen(n)
        turn = np.random.default_rng((self._seed, n)).permutation(len(self._clips))
        windows = windows[np.lexsort((windows[:, 1], turn[windows[:, 0]]))]
        start, stop = (len(windows) * rank // self._world_size for rank in (self._rank, self._rank + 1))
        return windows[start:stop]

    def _chosen(self, n: int) -> Ints:
        return epoch_windows(
            self._counts,
            [clip.labels for clip in self._clips],
            np.random.default_rng((self._seed, n, 0)),
            self._balance,
            self._windows_per_label,
            self._windows_per_clip,
        )

    def _rows(self, windows: Ints) -> Iterator[tuple[Floats, Floats]]:
        """Each window (frames, features) with its targets (n_labels,), clip by clip."""
        recipe = self._source.recipe
        for of_clip in np.split(windows, np.flatnonzero(np.diff(windows[:, 0])) + 1):
            clip = self._clips[of_clip[0, 0]]
            blocks = self._source.blocks(clip)
            heard = np.flatnonzero(~blocks.silent(recipe))[of_clip[:, 1]]
            targets = self._targets.of(clip, blocks.n_windows(recipe))[heard]
            for start in range(0, len(heard), _UNPACKED):
                part = slice(start, start + _UNPACKED)
                yield from zip(blocks.windows(recipe, heard[part]), targets[part], strict=True)


class _Buffer:
    """Holds up to `capacity` windows and gives them out at random."""

    def __init__(self, capacity: int, rng: np.random.Generator) -> None:
        self._capacity, self._rng = capacity, rng
        self._held = 0
        self._windows = self._targets = np.empty((0, 0), np.float32)

    @property
    def has_room(self) -> bool:
        """Whether another window may be put."""
        return self._held < self._capacity

    def put(self, window: Floats, target: Floats) -> None:
        """Hold a copy of a window and its targets."""
        if not len(self._windows):
            self._windows = np.empty((self._capacity, *window.shape), np.float32)
            self._targets = np.empty((self._capacity, *target.shape), np.float32)
        self._windows[self._held], self._targets[self._held] = window, target
        self._held += 1

    def take(self, n: int) -> WindowBatch:
        """`n` of what is held, which are then no longer held."""
        taken = self._rng.choice(self._held, n, replace=False)
        batch = WindowBatch(torch.from_numpy(self._windows[taken]), torch.from_numpy(self._targets[taken]))
        self._held -= n
        holes = taken[taken < self._held]
        moved = np.setdiff1d(np.arange(self._held, self._held + n), taken)
        self._windows[holes], self._targets[holes] = self._windows[moved], self._targets[moved]
        return batch
