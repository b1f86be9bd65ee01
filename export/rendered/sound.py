"""From what the synthesiser gave to a clip: mono, begun where the music begins, at a sane level, as FLAC."""

from io import BytesIO
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from models.whole_file import whole_file

ONSET_DBFS: Final = -45.0
PEAK_DBFS: Final = -1.0
_FULL_SCALE: Final = 32767


def clip_of(stereo: npt.NDArray[np.float32], rate_hz: int, seconds: float, level_dbfs: float) -> npt.NDArray[np.int16]:
    """Int16 (frames,) of exactly `seconds`: the channels' mean from the first sound on, at `level_dbfs` (RMS).

    Where that would clip, the level is lower, so that the highest peak is at PEAK_DBFS. What is missing is silent.
    """
    mono = stereo.mean(axis=1, dtype=np.float32)
    peak = float(np.abs(mono).max(initial=0.0))
    frames = round(seconds * rate_hz)
    if peak == 0.0:
        return np.zeros(frames, np.int16)
    onset = int(np.argmax(np.abs(mono) > peak * 10 ** (ONSET_DBFS / 20)))
    mono = np.pad(mono[onset : onset + frames], (0, max(0, frames - (len(mono) - onset))))
    gain = 10 ** (level_dbfs / 20) / float(np.sqrt(np.mean(np.square(mono, dtype=np.float64))))
    gain = min(gain, 10 ** (PEAK_DBFS / 20) / float(np.abs(mono).max()))
    return np.round(mono * gain * _FULL_SCALE).astype(np.int16)


def flac_frames(path: Path) -> int | None:
    """How many frames the FLAC file says that it has; None where there is none, or a damaged one."""
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
            return container.streams.audio[0].duration  # in its time base, which is that of the samples
    except (av.FFmpegError, IndexError):
        return None


def write_flac(path: Path, mono: npt.NDArray[np.int16], rate_hz: int) -> None:
    """A FLAC file that is there whole or not at all; OSError."""
    with BytesIO() as buffer:
        with av.open(buffer, "w", format="flac") as container:
            stream = container.add_stream("flac", rate=rate_hz, layout="mono", format="s16")
            block = 4096
            for start in range(0, len(mono), block):
                frame = av.AudioFrame.from_ndarray(mono[None, start : start + block], format="s16", layout="mono")
                frame.rate, frame.pts = rate_hz, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        with whole_file(path) as file:
            file.write(buffer.getvalue())
