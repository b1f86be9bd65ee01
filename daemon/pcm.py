"""Raw PCM bytes to mono float samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from daemon.audio_format import AudioFormat, SampleFormat

Samples = npt.NDArray[np.float32]

# Full scale is 1. Float audio may run hot, but 40 dB over full scale is not audio: a wrong byte order, say.
ABSURD_AMPLITUDE = 100.0


def decode_mono(audio: bytes, audio_format: AudioFormat) -> tuple[Samples, int]:
    """Interleaved PCM as mono float32 (frames,) in [-1, 1], the mean of the channels, and the unusable samples.

    Unusable samples (float formats only: NaN, infinite, or absurdly large) become zero before the channels are mixed.
    """
    samples = _DECODERS[audio_format.sample_format](audio)
    unusable = 0
    if audio_format.sample_format is SampleFormat.F32LE:
        samples, unusable = _without_unusable(samples)
    if audio_format.channels == 1:
        return samples, unusable
    interleaved = samples.reshape(-1, audio_format.channels)
    if audio_format.channels == 2:
        mono = interleaved[:, 0] + interleaved[:, 1]
        mono *= np.float32(0.5)
        return mono, unusable
    return interleaved.mean(axis=1, dtype=np.float32), unusable


def mean_square(samples: Samples) -> float:
    """Mean power of `samples`, full scale 1."""
    return float(np.dot(samples, samples)) / max(1, len(samples))


def _from_s16(audio: bytes) -> Samples:
    return np.frombuffer(audio, "<i2").astype(np.float32) * np.float32(2**-15)


def _from_s24(audio: bytes) -> Samples:
    wide = np.zeros((len(audio) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(audio, np.uint8).reshape(-1, 3)
    return wide.view("<i4").ravel().astype(np.float32) * np.float32(2**-31)


def _from_s32(audio: bytes) -> Samples:
    return np.frombuffer(audio, "<i4").astype(np.float32) * np.float32(2**-31)


def _from_f32(audio: bytes) -> Samples:
    return np.frombuffer(audio, "<f4").astype(np.float32, copy=False)


def _from_u8(audio: bytes) -> Samples:
    return (np.frombuffer(audio, np.uint8).astype(np.float32) - np.float32(128)) * np.float32(2**-7)


def _without_unusable(samples: Samples) -> tuple[Samples, int]:
    # One pass decides the usual case; NaN compares false, so it is unusable too.
    usable = np.abs(samples) <= ABSURD_AMPLITUDE
    if usable.all():
        return samples, 0
    return np.where(usable, samples, np.float32(0)), int(usable.size - np.count_nonzero(usable))


_DECODERS: dict[SampleFormat, Callable[[bytes], Samples]] = {
    SampleFormat.S16LE: _from_s16,
    SampleFormat.S24LE: _from_s24,
    SampleFormat.S32LE: _from_s32,
    SampleFormat.F32LE: _from_f32,
    SampleFormat.U8: _from_u8,
}
