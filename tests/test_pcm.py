"""Raw PCM to mono floats: every format against an independent reading of the same numbers."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.pcm import decode_mono, mean_square

LEVELS = (0.0, 0.5, -0.5, -1.0, 0.25)


def encode(value: float, sample_format: SampleFormat) -> bytes:
    """One sample, written the slow and plain way."""
    match sample_format:
        case SampleFormat.S16LE:
            return struct.pack("<h", round(value * 2**15))
        case SampleFormat.S24LE:
            return struct.pack("<i", round(value * 2**23))[:3]
        case SampleFormat.S32LE:
            return struct.pack("<i", round(value * 2**31))
        case SampleFormat.F32LE:
            return struct.pack("<f", value)
        case SampleFormat.U8:
            return struct.pack("B", round(value * 2**7) + 128)


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
@pytest.mark.parametrize("sample_format", list(SampleFormat))
def test_every_format_and_channel_count(sample_format: SampleFormat, channels: int) -> None:
    frames = [[LEVELS[(frame + channel) % len(LEVELS)] for channel in range(channels)] for frame in range(10)]
    audio = b"".join(encode(value, sample_format) for frame in frames for value in frame)
    mono, unusable = decode_mono(audio, AudioFormat(sample_format, 16000, channels))
    assert mono.dtype == np.float32
    assert unusable == 0
    np.testing.assert_allclose(mono, np.mean(frames, axis=1), atol=1e-7)


@pytest.mark.parametrize("sample_format", list(SampleFormat))
def test_silence_is_zero(sample_format: SampleFormat) -> None:
    fmt = AudioFormat(sample_format, 16000, 2)
    mono, _ = decode_mono(fmt.silence(100), fmt)
    assert mono.shape == (100,)
    assert not mono.any()


@given(st.lists(st.floats(width=32), min_size=2, max_size=64).filter(lambda v: len(v) % 2 == 0))
def test_unusable_float_samples_are_counted_and_zeroed(values: list[float]) -> None:
    audio = struct.pack(f"<{len(values)}f", *values)
    mono, unusable = decode_mono(audio, AudioFormat(SampleFormat.F32LE, 16000, 2))
    bad = [not (abs(value) <= 100) for value in values]
    assert unusable == sum(bad)
    assert np.isfinite(mono).all()
    kept = [0.0 if is_bad else value for value, is_bad in zip(values, bad, strict=True)]
    np.testing.assert_allclose(mono, np.mean(np.reshape(kept, (-1, 2)), axis=1), rtol=1e-6, atol=1e-30)


def test_mean_square_of_a_sine_is_half() -> None:
    sine = np.sin(2 * np.pi * np.arange(16000) / 100).astype(np.float32)
    assert mean_square(sine) == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize(("rate_hz", "channels"), [(7999, 1), (192_001, 1), (16000, 0), (16000, 9)])
def test_formats_outside_the_limits_are_refused(rate_hz: int, channels: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        AudioFormat(SampleFormat.S16LE, rate_hz, channels)
