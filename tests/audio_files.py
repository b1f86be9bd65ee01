"""Audio for tests: tones whose pitch says which second they belong to, in any container that PyAV can write."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream

from daemon.audio_format import AudioFormat, SampleFormat

Samples = npt.NDArray[np.float32]

BASE_HZ, STEP_HZ, STEPS = 300, 40, 60  # second n sounds at BASE_HZ + STEP_HZ * (n % STEPS)
LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
DTYPES = {
    SampleFormat.U8: ("u1", 128.0),
    SampleFormat.S16LE: ("<i2", 2.0**15),
    SampleFormat.S32LE: ("<i4", 2.0**31),
    SampleFormat.F32LE: ("<f4", 1.0),
}


def stepped_tones(seconds: float, rate_hz: int, first_s: float = 0.0) -> Samples:
    """Mono (frames,): a tone whose pitch changes every second; `first_s` is where in the sequence it begins."""
    at_s = first_s + np.arange(round(seconds * rate_hz)) / rate_hz
    hz = BASE_HZ + STEP_HZ * (at_s.astype(int) % STEPS)
    return (0.5 * np.sin(2 * np.pi * hz * at_s)).astype(np.float32)


def second_heard(mono: Samples, rate_hz: int) -> int:
    """Which second (modulo STEPS) a stretch of stepped tones belongs to, by its strongest frequency."""
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(len(mono)), 1 << 16))
    peak_hz = float(np.argmax(spectrum)) * rate_hz / (1 << 16)
    return round((peak_hz - BASE_HZ) / STEP_HZ)


def as_float(audio: bytes, audio_format: AudioFormat) -> Samples:
    """PCM as float32 (frames, channels), full scale 1."""
    dtype, scale = DTYPES[audio_format.sample_format]
    samples = np.frombuffer(audio, dtype).astype(np.float64)
    if audio_format.sample_format is SampleFormat.U8:
        samples -= 128.0
    return (samples / scale).astype(np.float32).reshape(-1, audio_format.channels)


def encode(
    samples: Samples,
    codec: str,
    container: str,
    rate_hz: int = 44_100,
    kind: str | None = None,
    channels: int = 2,
    options: dict[str, str] | None = None,
) -> bytes:
    """Mono `samples` on every channel as a file of `container`; `kind` is FFmpeg's sample format for the encoder."""
    target = io.BytesIO()
    with av.open(target, "w", format=container, container_options=options or {}) as output:
        stream = output.add_stream(codec, rate=rate_hz, options={"strict": "experimental"})
        assert isinstance(stream, AudioStream)
        stream.layout = LAYOUTS[channels]
        if kind is not None:
            stream.format = kind
        stream.codec_context.open()
        shaper = av.AudioResampler(stream.format, stream.layout, rate_hz, stream.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(np.tile(samples, (channels, 1)), "fltp", LAYOUTS[channels])
        frame.sample_rate, frame.pts = rate_hz, 0
        for shaped in [*shaper.resample(frame), *shaper.resample(None)]:
            output.mux(stream.encode(shaped))
        output.mux(stream.encode(None))
    return target.getvalue()


def write(path: Path, content: bytes) -> Path:
    """`path`, holding `content`."""
    path.write_bytes(content)
    return path
