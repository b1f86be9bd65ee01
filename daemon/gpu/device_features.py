"""Hop blocks to frames on the device: down-mix, resample, transform. Each block once, as in `daemon.features`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from daemon.cuts import Window
from daemon.gpu.audio_upload import Section, Upload
from daemon.gpu.block_groups import BlockGroup, Prepared, ResampleOn, model_range, new_groups, prepare
from daemon.gpu.feature_pool import FeaturePool
from daemon.gpu.lanes import Lanes, Mark
from daemon.gpu.resample_torch import DeviceResampler
from models.front_ends.frames_torch import make_torch_frames
from models.front_ends.network_input_torch import network_input
from models.front_ends.spec import FrontEnd

_FULL_SCALE = 2**15
_WORK_BYTES = 128 << 20  # of float32 samples worked on at once; what is made of them takes a few times as much
_KEPT_RESAMPLERS = 16  # rates at once; each holds at most a few MB


@dataclass(frozen=True, slots=True, eq=False)
class SentBatch:
    """A batch's audio on its way to the device.

    window_rows: int64 (windows, blocks), where in the pool each window's blocks are. new_rows: int64 (new blocks,).
    """

    started: Mark
    arrived: Mark
    window_rows: Tensor
    new_rows: Tensor
    parts: list[tuple[Prepared, list[Tensor]]]


class DeviceFeatures:
    """Sees to it that every block of a batch has its row in the pool: `block.features` is a `FeatureRow` from then on.

    `count_unusable(samples)` hears of NaN, infinite and absurd samples, which are taken for zero.
    """

    def __init__(
        self, front_end: FrontEnd, lanes: Lanes, count_unusable: Callable[[int], None], resample_on: ResampleOn
    ) -> None:
        self.front_end, self._lanes, self._resample_on = front_end, lanes, resample_on
        self.device = lanes.device
        self._count_unusable = count_unusable
        self._frames = make_torch_frames(front_end, lanes.device)
        self._pool: FeaturePool | None = None  # made when the length of a block is known
        self._resampler = lru_cache(_KEPT_RESAMPLERS)(self._new_resampler)

    def send(self, windows: Sequence[Window], upload: Upload) -> SentBatch:
        """Start the batch's audio on its way, in the copying lane; lets the blocks' own bytes go."""
        prepared = [
            prepare(group, self.front_end, self._resample_on, self._count_unusable) for group in new_groups(windows)
        ]
        blocks = [block for part in prepared for block in part.group.blocks]
        with self._lanes.computing():  # where the pool grows
            rows = self._pool_for(windows[0]).take(len(blocks))
        for block, row in zip(blocks, rows, strict=True):
            block.features = row
        # All the indices in one section: the windows' and then the new blocks'.
        indices = [block.features.index for window in windows for block in window.blocks]
        everything = np.array([*indices, *(row.index for row in rows)], np.int64)
        sections = [section for part in prepared for section in part.sections]
        started = self._lanes.mark_copies()
        places, *tensors = upload.send([Section(torch.int64, [everything]), *sections])
        arrived = self._lanes.mark_copies()
        for block in blocks:
            block.audio = None
        left = iter(tensors)
        return SentBatch(
            started=started,
            arrived=arrived,
            window_rows=places[0, : len(indices)].view(len(windows), -1),
            new_rows=places[0, len(indices) :],
            parts=[(part, [next(left) for _ in part.sections]) for part in prepared],
        )

    def compute(self, sent: SentBatch) -> None:
        """Fill the new blocks' rows, in the computing lane; the audio must have arrived there."""
        assert self._pool is not None
        done = 0
        for part, tensors in sent.parts:
            samples = tensors[0]
            at_once = max(1, _WORK_BYTES // (4 * samples.shape[1]))
            for first in range(0, len(samples), at_once):
                some = samples[first : first + at_once]
                known = tensors[1][0, first : first + at_once] if part.resampled else None
                features, mean_squares = self._features(some, known, part.group)
                self._pool.write(sent.new_rows[done : done + len(some)], features, mean_squares)
                done += len(some)

    def windows(self, window_rows: Tensor) -> tuple[Tensor, Tensor]:
        """int64 (windows, blocks) -> what the network takes of each, float32 (windows, *shape), and the blocks' mean
        squares, float32 (windows, blocks); in the computing lane."""
        assert self._pool is not None
        flat = window_rows.flatten()
        n_windows, _ = window_rows.shape
        frames = self._pool.features.index_select(0, flat).view(n_windows, -1, self.front_end.n_features)
        mean_squares = self._pool.mean_squares.index_select(0, flat).view(window_rows.shape)
        return network_input(frames, self.front_end), mean_squares

    @property
    def rows(self) -> int:
        """Rows of the pool."""
        return 0 if self._pool is None else self._pool.rows

    @property
    def rows_in_use(self) -> int:
        """Blocks whose features are on the device."""
        return 0 if self._pool is None else self._pool.rows_in_use

    def _features(self, samples: Tensor, known: Tensor | None, group: BlockGroup) -> tuple[Tensor, Tensor]:
        """Samples as in `Prepared` -> float32 (blocks, frames, n_features) and mean squares float32 (blocks,)."""
        if known is not None:
            return self._frames.frames_of(samples), known
        grid = group.grid
        mono = _mono(samples, group.format.channels)
        hop = mono[:, grid.left_frames : grid.left_frames + grid.hop_frames]
        mean_squares = torch.linalg.vector_norm(hop, dim=1).square_().div_(grid.hop_frames)
        start, stop = model_range(grid, self.front_end)
        if grid.sample_rate_hz == self.front_end.sample_rate_hz:
            at_rate = mono[:, start:stop]
        else:
            at_rate = self._resampler(grid.sample_rate_hz).resample(mono, start, stop)
        return self._frames.frames_of(at_rate), mean_squares

    def _new_resampler(self, source_rate_hz: int) -> DeviceResampler:
        return DeviceResampler(source_rate_hz, self.front_end.sample_rate_hz, self._lanes.device)

    def _pool_for(self, window: Window) -> FeaturePool:
        if self._pool is None:
            grid, front_end = window.grid, self.front_end
            samples = grid.hop_frames * front_end.sample_rate_hz // grid.sample_rate_hz
            frames = samples // front_end.frame_hop
            self._pool = FeaturePool(frames, front_end.n_features, self._lanes.device)
        return self._pool


def _mono(samples: Tensor, channels: int) -> Tensor:
    """int16 (blocks, frames * channels) interleaved, or float32 mono -> float32 mono (blocks, frames)."""
    if samples.dtype == torch.float32:
        return samples
    if channels == 1:
        return samples.to(torch.float32).mul_(1 / _FULL_SCALE)
    interleaved = samples.view(len(samples), -1, channels)
    # Sums of 16-bit samples are exact in float32.
    if channels == 2:
        mono = interleaved[:, :, 0].to(torch.float32).add_(interleaved[:, :, 1])
    else:
        mono = interleaved.sum(dim=2, dtype=torch.float32)
    return mono.mul_(1 / (_FULL_SCALE * channels))
