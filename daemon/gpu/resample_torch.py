"""Resampling on the device by the host's own filter, written out as a matrix.

soxr's answers to single impulses, one for each input phase, are all there is to know of it (it is linear, and the same
after every whole step of the two rates). As a matrix they give on the device what `models.resample` gives on the host
to some 1e-6, whatever the rate, which no other filter does: torchaudio's best deviates where the pass band ends, and
with it the highest mels (docs/gpu.md).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import pad

from models.resample import filter_margin_frames, resample

_GROUP = 128  # output samples of a product: enough columns to multiply well, few enough to multiply little in vain
_LARGEST = 1 << 20  # input x output samples of a group; beyond it (22,051 Hz, say) the host resamples
_NEGLIGIBLE = 1e-6  # of the largest coefficient; what is left out is rounding, soxr's own most of it
_WORK_BYTES = 64 << 20  # overlapping stretches laid out at once


def fits_device(source_rate_hz: int, target_rate_hz: int) -> bool:
    """Whether the two rates meet often enough for a matrix of reasonable size."""
    group_in, group_out = _group(source_rate_hz, target_rate_hz)
    return group_in * group_out <= _LARGEST


class DeviceResampler:
    """`models.resample.resample` for many blocks at once, on a torch device."""

    def __init__(self, source_rate_hz: int, target_rate_hz: int, device: torch.device) -> None:
        self._group_in, self._group_out = _group(source_rate_hz, target_rate_hz)
        matrix, self._before = filter_matrix(source_rate_hz, target_rate_hz)
        self._after = len(matrix) - self._before - self._group_in
        self._matrix = torch.from_numpy(matrix).to(device)

    def resample(self, samples: Tensor, start: int, stop: int) -> Tensor:
        """float32 (blocks, frames) -> samples [start, stop) at the target rate, float32 (blocks, stop - start).

        Sample 0 is at the time of frame 0; beyond the ends there are zeros.
        """
        first, last = start // self._group_out, -(-stop // self._group_out)
        from_frame = first * self._group_in - self._before
        to_frame = last * self._group_in + self._after
        stretch = samples[:, max(0, from_frame) : to_frame]
        lacking = to_frame - max(0, from_frame) - stretch.shape[1]
        if from_frame < 0 or lacking > 0:
            stretch = pad(stretch, (max(0, -from_frame), lacking))
        overlapping = stretch.unfold(1, len(self._matrix), self._group_in)  # (blocks, groups, frames), nothing copied
        at_once = max(1, _WORK_BYTES // (4 * overlapping.shape[1] * overlapping.shape[2]))
        parts = [part @ self._matrix for part in torch.split(overlapping, at_once)]
        resampled = (parts[0] if len(parts) == 1 else torch.cat(parts)).flatten(1)
        skipped = start - first * self._group_out
        return resampled[:, skipped : skipped + stop - start]


def filter_matrix(source_rate_hz: int, target_rate_hz: int) -> tuple[npt.NDArray[np.float32], int]:
    """The filter, float32 (input frames, output samples of a group), and how many of its frames precede the group.

    Group g, output samples [g * n, (g + 1) * n), is the product of the input frames from g * group_in - before on.
    """
    group_in, group_out = _group(source_rate_hz, target_rate_hz)
    reach = filter_margin_frames(source_rate_hz, target_rate_hz)
    around = -(-reach // group_in)  # groups on either side that an impulse can be heard in
    impulses = np.zeros(((2 * around + 1) * group_in, group_in), np.float32)
    phases = np.arange(group_in)
    impulses[around * group_in + phases, phases] = 1
    answers = resample(impulses, source_rate_hz, target_rate_hz).reshape(2 * around + 1, group_out, group_in)
    offsets = np.arange(-reach, group_in + reach)
    # A frame `offset` after the group's start is heard in the group as an impulse is, that many groups before it.
    matrix = answers[around - offsets // group_in, :, offsets % group_in]
    heard = np.flatnonzero(np.abs(matrix).max(axis=1) > _NEGLIGIBLE * np.abs(matrix).max())
    first, last = min(int(heard[0]), reach), max(int(heard[-1]) + 1, reach + group_in)
    return np.ascontiguousarray(matrix[first:last]), reach - first


def _group(source_rate_hz: int, target_rate_hz: int) -> tuple[int, int]:
    """Input frames and output samples of a group: whole steps of both rates."""
    common = math.gcd(source_rate_hz, target_rate_hz)
    steps = -(-_GROUP // (target_rate_hz // common))
    return steps * source_rate_hz // common, steps * target_rate_hz // common
