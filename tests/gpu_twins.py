"""The CPU path and the device path over the same audio: the same windows, cut twice.

The tests run on torch's CPU device everywhere, and on CUDA where there is a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.cpu_scorer import CpuScorer
from daemon.cuts import HopBlock, Window
from daemon.errors import AcceleratorUnavailable
from daemon.gpu.block_groups import ResampleOn
from daemon.gpu.bound_network import BoundNetwork
from daemon.gpu.device import open_device
from daemon.gpu.gpu_scorer import GpuScorer
from daemon.gpu.lanes import Lanes
from daemon.gpu.network_options import NetworkOptions
from daemon.grid import make_grid
from daemon.inference import OnnxModel
from daemon.messages import AudioChunk
from daemon.windows import Windower
from models.front_ends.spec import MUSICNN_FRONT_END

Floats = npt.NDArray[np.float32]


def _no_gpu() -> str | None:
    """Why there is none to test on."""
    try:
        open_device("cuda")
    except AcceleratorUnavailable as error:
        return str(error)
    return None


NO_GPU = _no_gpu()
ON_CUDA = pytest.mark.skipif(NO_GPU is not None, reason=f"no GPU: {NO_GPU}")
DEVICES = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=ON_CUDA)])
SILENCE_DBFS = -60.0
TOLERANCE = 1e-3


@dataclass
class Told:
    """What a scorer said beside its scores."""

    unusable: int = 0
    stages: list[tuple[str, float]] = field(default_factory=list)

    def count(self, samples: int) -> None:
        """Hear of unusable samples."""
        self.unusable += samples

    def timed(self, stage: str, seconds: float) -> None:
        """Hear of a stage."""
        self.stages.append((stage, seconds))


def lanes_of(kind: str) -> Lanes:
    """Lanes of torch's device `kind`."""
    return Lanes(torch.device("cuda", 0) if kind == "cuda" else torch.device("cpu"))


def gpu_scorer(
    model: Path, lanes: Lanes, told: Told, resample_on: ResampleOn = ResampleOn.DEVICE, copies: int = 1
) -> GpuScorer:
    """A scorer of `copies` times the model."""
    networks = [BoundNetwork(model, lanes, NetworkOptions()) for _ in range(copies)]
    return GpuScorer(networks, lanes, SILENCE_DBFS, told.count, told.timed, resample_on=resample_on)


def cpu_scorer(model: Path, told: Told) -> CpuScorer:
    """The reference."""
    return CpuScorer([OnnxModel(model, "cpu", 1)], SILENCE_DBFS, 2, told.count, told.timed)


def music(seconds: float, rate_hz: int, channels: int, seed: int = 0) -> Floats:
    """Partials up to the model's highest frequency over noise, each channel another, float32 (frames, channels)."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    partials = [hz for hz in (110.0, 277.2, 659.3, 1318.5, 3520.0, 5500.0, 7600.0) if hz < rate_hz / 2]
    sides = []
    for _ in range(channels):
        tones = sum(np.sin(2 * np.pi * hz * time_s + rng.uniform(0, 6)) / (1 + hz / 500) for hz in partials)
        sides.append(0.1 * tones * (1 + 0.8 * np.sin(3 * time_s)) + 0.03 * rng.standard_normal(len(time_s)))
    return np.stack(sides, axis=1).astype(np.float32)


def encoded(samples: Floats, sample_format: SampleFormat) -> bytes:
    """float32 (frames, channels) within -1..1 as interleaved PCM."""
    match sample_format:
        case SampleFormat.S16LE:
            return (samples * 32767).astype("<i2").tobytes()
        case SampleFormat.S24LE:
            wide = (samples * (2**31 - 256)).astype("<i4")
            return wide.reshape(-1, 1).view(np.uint8)[:, 1:].tobytes()
        case SampleFormat.S32LE:
            return (samples * (2**31 - 256)).astype("<i4").tobytes()
        case SampleFormat.F32LE:
            return samples.astype("<f4").tobytes()
        case SampleFormat.U8:
            return (samples * 127 + 128).astype(np.uint8).tobytes()


def cut(audio: bytes, audio_format: AudioFormat, stream: str = "s") -> list[Window]:
    """The windows of a whole stream, with blocks of their own."""
    grid = make_grid(audio_format.sample_rate_hz, MUSICNN_FRONT_END, 4.0, 2.0, 0.05)
    windower = Windower(stream, "e", audio_format, grid)
    cuts = windower.push(AudioChunk(stream, "e", 0, audio_format, audio, 0.0)) + windower.flush()
    return [item for item in cuts if isinstance(item, Window)]


def cutter(
    seconds: float, rate_hz: int = 16000, channels: int = 1, kind: SampleFormat = SampleFormat.S16LE, seed: int = 0
) -> Callable[[], list[Window]]:
    """Cuts the same music anew at each call."""
    audio = encoded(music(seconds, rate_hz, channels, seed), kind)
    return partial(cut, audio, AudioFormat(kind, rate_hz, channels))


def spectrograms(scorer: GpuScorer, windows: Sequence[Window]) -> Floats:
    """The device's spectrograms of windows that have been scored, float32 (windows, frames, n_mels)."""
    rows = torch.tensor([[block.features.index for block in window.blocks] for window in windows])
    found: Floats = scorer.features.windows(rows.to(scorer.features.device))[0].cpu().numpy()
    return found


def loose(window: Window, audio: Sequence[bytes]) -> Window:
    """A window like `window`, of blocks with other audio."""
    blocks = tuple(HopBlock(block.index, data) for block, data in zip(window.blocks, audio, strict=True))
    return Window(
        window.stream, window.epoch, window.index, window.grid, window.format, blocks,
        window.fresh_frames, window.gap_frames, window.end_at_s,
    )  # fmt: skip
