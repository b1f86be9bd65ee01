"""Short pieces of recordings as small files that every browser plays: MP3, mono."""

import io
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream

from export.data.decode import UnreadableAudio, mono_pieces
from models.whole_file import whole_file

Floats = npt.NDArray[np.float32]
RATE_HZ: Final = 44_100
_FADE_S: Final = 0.02  # no click where the piece begins and ends
_BITS_PER_S: Final = 96_000


def cut(path: Path, start_s: float, stop_s: float, target: Path) -> None:
    """Write seconds start_s to stop_s of `path`, or what there is of them, to `target`. UnreadableAudio, OSError."""
    samples, rate_hz = _samples(path, start_s, stop_s)
    if not len(samples):
        raise UnreadableAudio(f"{path} ends before {start_s:g} s")
    with whole_file(target) as file:
        file.write(mp3(_faded(samples, rate_hz), rate_hz))


def mp3(samples: Floats, rate_hz: int) -> bytes:
    """Mono float32 (n,), full scale 1, as an MP3 file."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp3") as output:
        stream = output.add_stream("libmp3lame", rate=RATE_HZ)
        assert isinstance(stream, AudioStream)
        stream.layout, stream.bit_rate = "mono", _BITS_PER_S
        stream.codec_context.open()
        shaper = av.AudioResampler(stream.format, stream.layout, RATE_HZ, stream.frame_size)
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], "fltp", "mono")
        frame.sample_rate, frame.pts = rate_hz, 0
        for shaped in [*shaper.resample(frame), *shaper.resample(None)]:
            output.mux(stream.encode(shaped))
        output.mux(stream.encode(None))
    return target.getvalue()


def _samples(path: Path, start_s: float, stop_s: float) -> tuple[Floats, int]:
    """The piece at the file's own rate, read no further than its end; empty beyond the recording's."""
    pieces: list[Floats] = []
    position, rate_hz = 0, RATE_HZ
    for piece, rate_hz in mono_pieces(path):
        first, last = round(start_s * rate_hz) - position, round(stop_s * rate_hz) - position
        pieces.append(piece[max(0, first) : max(0, last)])
        position += len(piece)
        if last <= len(piece):
            break
    return np.concatenate(pieces or [np.zeros(0, np.float32)]), rate_hz


def _faded(samples: Floats, rate_hz: int) -> Floats:
    n = min(round(_FADE_S * rate_hz), len(samples) // 2)
    ramp = np.ones(len(samples), np.float32)
    ramp[:n] = np.linspace(0, 1, n, dtype=np.float32)
    ramp[len(ramp) - n :] = np.linspace(1, 0, n, dtype=np.float32)
    return samples * ramp
