"""Hop blocks to frames, on the CPU: decode, resample, transform. Each block once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from daemon.audio_format import AudioFormat
from daemon.cuts import HopBlock, Window
from daemon.grid import Grid
from daemon.pcm import decode_mono, mean_square
from models.front_ends.frames import make_frames
from models.front_ends.spec import FrontEnd
from models.resample import resample

Features = npt.NDArray[np.float32]


class CpuFeatures:
    """Fills the blocks of windows with their frames: float32 (frames_per_hop, n_features).

    `count_unusable(samples)` hears of NaN, infinite and absurd samples, which are taken for zero.
    """

    def __init__(self, front_end: FrontEnd, count_unusable: Callable[[int], None]) -> None:
        self._front_end = front_end
        self._frames = make_frames(front_end)
        self._count_unusable = count_unusable

    def window(self, window: Window) -> Features:
        """The window's frames, float32 (frames, n_features); blocks that have no features yet get theirs."""
        for block in window.blocks:
            with block.filling:  # two workers may have windows of one stream, which share a block
                if block.features is None:
                    self._fill(block, window.grid, window.format)
        return np.concatenate([block.features for block in window.blocks])

    def _fill(self, block: HopBlock, grid: Grid, audio_format: AudioFormat) -> None:
        assert block.audio is not None
        samples, unusable = decode_mono(block.audio, audio_format)
        if unusable:
            self._count_unusable(unusable)
        block.mean_square = mean_square(samples[grid.left_frames : grid.left_frames + grid.hop_frames])
        block.features = self._frames.frames_of(self._at_model_rate(samples, grid)[np.newaxis])[0]
        block.audio = None

    def _at_model_rate(self, samples: npt.NDArray[np.float32], grid: Grid) -> npt.NDArray[np.float32]:
        """The block's samples at the model's rate, with just the front end's own margins."""
        front_end = self._front_end
        rate_hz = front_end.sample_rate_hz
        resampled = resample(samples, grid.sample_rate_hz, rate_hz)
        block_start = grid.left_frames * rate_hz // grid.sample_rate_hz
        block_stop = block_start + grid.hop_frames * rate_hz // grid.sample_rate_hz
        return resampled[block_start - front_end.samples_before : block_stop + front_end.samples_after]
