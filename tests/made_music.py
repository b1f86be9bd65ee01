"""Music for tests: chords, a tune and drums out of a seed, in any container; no two seeds sound alike."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream

Samples = npt.NDArray[np.float32]

RATE_HZ = 16_000
_SCALE = np.array([0, 2, 4, 5, 7, 9, 11])


def tune(seed: int, seconds: float = 6.0, rate_hz: int = RATE_HZ) -> Samples:
    """Mono float32 (frames,), full scale 0.9: every seed has a key, a tempo, harmonies and a melody of its own."""
    draw = np.random.default_rng(seed)
    key, beat_s = draw.integers(0, 12), 60 / draw.uniform(80, 160)
    music = np.zeros(round(seconds * rate_hz), np.float32)
    for bar_s in np.arange(0, seconds, 4 * beat_s):
        root = draw.integers(0, 7)
        for third in (0, 2, 4):
            _add(music, bar_s, 4 * beat_s, 48 + key + _SCALE[(root + third) % 7], 0.15, rate_hz)
        for n, step in enumerate(draw.integers(0, 7, 8)):
            _add(music, bar_s + n * beat_s / 2, beat_s / 2, 60 + key + _SCALE[step], 0.2, rate_hz)
            _drum(music, bar_s + n * beat_s / 2, draw, rate_hz)
    music *= np.float32(0.9) / np.abs(music).max()
    return music


def _add(music: Samples, at_s: float, length_s: float, midi: int, loudness: float, rate_hz: int) -> None:
    start = round(at_s * rate_hz)
    time_s = np.arange(max(0, min(round(length_s * rate_hz), len(music) - start))) / rate_hz
    pitch_hz = 440 * 2 ** ((int(midi) - 69) / 12)
    partials = [np.sin(2 * np.pi * pitch_hz * n * time_s) / n for n in range(1, 5)]
    music[start : start + len(time_s)] += loudness * np.sum(partials, axis=0) * np.exp(-3 * time_s / length_s)


def _drum(music: Samples, at_s: float, draw: np.random.Generator, rate_hz: int) -> None:
    start = round(at_s * rate_hz)
    n = max(0, min(rate_hz // 10, len(music) - start))
    music[start : start + n] += 0.3 * draw.standard_normal(n) * np.exp(-np.arange(n) / (rate_hz / 50))


def audio_bytes(
    samples: Samples,
    container: str,
    rate_hz: int = RATE_HZ,
    bit_rate: int | None = None,
    metadata: dict[str, str] | None = None,
) -> bytes:
    """Mono samples as a whole file: wav, mp3, ogg (Vorbis, stereo) or flac."""
    codec, kind = {
        "wav": ("pcm_s16le", "s16"),
        "mp3": ("libmp3lame", "fltp"),
        "ogg": ("vorbis", "fltp"),
        "flac": ("flac", "s16"),
    }[container]
    layout = "stereo" if container == "ogg" else "mono"
    target = io.BytesIO()
    with av.open(target, "w", format=container) as output:
        output.metadata.update(metadata or {})
        stream = output.add_stream(codec, rate=rate_hz, options={"strict": "experimental"})
        assert isinstance(stream, AudioStream)
        stream.layout, stream.format = layout, kind
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        stream.codec_context.open()
        shaper = av.AudioResampler(stream.format, stream.layout, rate_hz, stream.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], "fltp", "mono")
        frame.sample_rate, frame.pts = rate_hz, 0
        for shaped in [*shaper.resample(frame), *shaper.resample(None)]:
            output.mux(stream.encode(shaped))
        output.mux(stream.encode(None))
    return target.getvalue()


def write_tune(path: Path, seed: int, seconds: float = 6.0, metadata: dict[str, str] | None = None) -> Path:
    """The seed's music as `path`, in the format of its suffix; folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(audio_bytes(tune(seed, seconds), path.suffix[1:], metadata=metadata))
    return path
