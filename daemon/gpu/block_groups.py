"""A batch's new blocks, put together by what is to be done with them, and the host's share of that work.

16-bit audio goes to the device as it came. Other formats, which are rare, become mono float32 on the host, so that
nothing is lost and NaN is found where it is found on the CPU path; so does audio whose rate the host is to resample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.cuts import HopBlock, Window
from daemon.gpu.audio_upload import Section
from daemon.gpu.resample_torch import fits_device
from daemon.grid import Grid
from daemon.pcm import Samples, decode_mono, mean_square
from models.front_ends.spec import FrontEnd
from models.resample import resample


class ResampleOn(StrEnum):
    """Where audio of another rate than the model's is resampled."""

    DEVICE = "device"
    HOST = "host"


@dataclass(frozen=True, slots=True, eq=False)
class BlockGroup:
    """Blocks of one grid and format that have no features yet."""

    grid: Grid
    format: AudioFormat
    blocks: list[HopBlock]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A group on its way to the device.

    sections: the samples, int16 (blocks, frames * channels) or float32 mono (blocks, frames or samples); then, when
    `resampled` (the samples are at the model's rate, with just the front end's margins), the mean squares (1, blocks).
    """

    group: BlockGroup
    sections: list[Section]
    resampled: bool


def new_groups(windows: Sequence[Window]) -> list[BlockGroup]:
    """The blocks of `windows` that have no features yet, each once."""
    groups: dict[tuple[Grid, AudioFormat], BlockGroup] = {}
    seen: set[int] = set()
    for window in windows:
        for block in window.blocks:
            if block.features is None and id(block) not in seen:
                seen.add(id(block))
                key = (window.grid, window.format)
                groups.setdefault(key, BlockGroup(window.grid, window.format, [])).blocks.append(block)
    return list(groups.values())


def model_range(grid: Grid, front_end: FrontEnd) -> tuple[int, int]:
    """What a block needs, [start, stop) in samples at the model's rate after the first frame of its audio."""
    start = grid.left_frames * front_end.sample_rate_hz // grid.sample_rate_hz
    stop = start + grid.hop_frames * front_end.sample_rate_hz // grid.sample_rate_hz
    return start - front_end.samples_before, stop + front_end.samples_after


def prepare(
    group: BlockGroup, front_end: FrontEnd, resample_on: ResampleOn, count_unusable: Callable[[int], None]
) -> Prepared:
    """The group's sections; the host decodes and resamples only what the device is not to."""
    source_hz, model_hz = group.grid.sample_rate_hz, front_end.sample_rate_hz
    by_host = source_hz != model_hz and (resample_on is ResampleOn.HOST or not fits_device(source_hz, model_hz))
    if group.format.sample_format is SampleFormat.S16LE and not by_host:
        return Prepared(group, [Section(torch.int16, [_audio(block) for block in group.blocks])], False)
    samples = [_mono(block, group.format, count_unusable) for block in group.blocks]
    if not by_host:
        return Prepared(group, [Section(torch.float32, samples)], False)
    hop = slice(group.grid.left_frames, group.grid.left_frames + group.grid.hop_frames)
    powers = np.array([mean_square(mono[hop]) for mono in samples], np.float32)
    wanted = slice(*model_range(group.grid, front_end))
    resampled = [np.ascontiguousarray(resample(mono, source_hz, model_hz)[wanted]) for mono in samples]
    return Prepared(group, [Section(torch.float32, resampled), Section(torch.float32, [powers])], True)


def _audio(block: HopBlock) -> bytes:
    assert block.audio is not None
    return block.audio


def _mono(block: HopBlock, audio_format: AudioFormat, count_unusable: Callable[[int], None]) -> Samples:
    samples, unusable = decode_mono(_audio(block), audio_format)
    if unusable:
        count_unusable(unusable)
    return samples
