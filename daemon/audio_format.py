"""What raw audio bytes mean: sample format, rate and channels, with the limits that genred accepts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

MIN_SAMPLE_RATE_HZ, MAX_SAMPLE_RATE_HZ = 8_000, 192_000
MAX_CHANNELS = 8


class SampleFormat(StrEnum):
    """Little-endian interleaved PCM formats."""

    S16LE = "s16le"
    S24LE = "s24le"
    S32LE = "s32le"
    F32LE = "f32le"
    U8 = "u8"

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample of one channel."""
        return _SAMPLE_BYTES[self]

    @property
    def silence(self) -> bytes:
        """One sample of digital silence."""
        return b"\x80" if self is SampleFormat.U8 else bytes(self.sample_bytes)


_SAMPLE_BYTES = {
    SampleFormat.S16LE: 2,
    SampleFormat.S24LE: 3,
    SampleFormat.S32LE: 4,
    SampleFormat.F32LE: 4,
    SampleFormat.U8: 1,
}


class FormatOutOfBounds(ValueError):
    """A sample rate or a number of channels that genred does not accept."""


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """Interleaved little-endian PCM: a *frame* is one sample of every channel.

    Raises FormatOutOfBounds when rate or channels are outside what genred accepts (8-192 kHz, 1-8 channels).
    """

    sample_format: SampleFormat
    sample_rate_hz: int
    channels: int
    frame_bytes: int = field(init=False, repr=False, compare=False)  # bytes of one frame; asked for with every chunk

    def __post_init__(self) -> None:
        if not MIN_SAMPLE_RATE_HZ <= self.sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
            raise FormatOutOfBounds(
                f"sample rate {self.sample_rate_hz} Hz is outside {MIN_SAMPLE_RATE_HZ}-{MAX_SAMPLE_RATE_HZ} Hz"
            )
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise FormatOutOfBounds(f"{self.channels} channels are outside 1-{MAX_CHANNELS}")
        object.__setattr__(self, "frame_bytes", self.sample_format.sample_bytes * self.channels)

    def seconds(self, frames: int) -> float:
        """Duration of `frames` frames in seconds."""
        return frames / self.sample_rate_hz

    def silence(self, frames: int) -> bytes:
        """`frames` frames of digital silence."""
        return self.sample_format.silence * (self.channels * frames)
