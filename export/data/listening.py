"""A file taken in once, whole: whether it can be read, how long it is, what it is byte by byte and by ear."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
import soxr

from export.data.decode import Floats, UnreadableAudio, mono_pieces
from export.data.fingerprint import LONGEST_S, RATE_HZ, Fingerprint, fingerprint
from export.data.images import UnreadablePicture, grey_pixels

_PIECE_S: Final = 30.0
_SILENCE: Final = 1e-6  # mean square: -60 dBFS, below which the daemon hears nothing


@dataclass(frozen=True, slots=True)
class Heard:
    """sha256: of the bytes. content: the audio's fingerprint; of a picture the sha256 of its pixels.

    duration_s: None of a picture. artist: what the file's own metadata say.
    """

    sha256: str
    content: Fingerprint | str
    duration_s: float | None = None
    artist: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file cannot be used."""

    reason: str


def hear(path: Path) -> Heard | Unreadable:
    """Decode an audio file to its end, in bounded memory."""
    beginning: list[Floats] = []
    held_s = duration_s = loudest = 0.0
    try:
        for samples, rate_hz in mono_pieces(path, _PIECE_S):
            duration_s += len(samples) / rate_hz
            loudest = max(loudest, _loudest_second(samples, rate_hz))
            if held_s < LONGEST_S:
                beginning.append(np.asarray(soxr.resample(samples, rate_hz, RATE_HZ), np.float32))
                held_s += len(samples) / rate_hz
        if loudest < _SILENCE:
            return Unreadable("is silent from end to end")
        return Heard(_sha256(path), fingerprint(np.concatenate(beginning)), duration_s, _artist(path))
    except (UnreadableAudio, OSError) as error:
        return Unreadable(_reason(error, path))


def look(path: Path) -> Heard | Unreadable:
    """Read a picture."""
    try:
        pixels = grey_pixels(path)
        shape = repr(pixels.shape).encode()
        return Heard(_sha256(path), hashlib.sha256(shape + pixels.tobytes()).hexdigest())
    except (UnreadablePicture, OSError) as error:
        return Unreadable(_reason(error, path))


def _loudest_second(samples: Floats, rate_hz: int) -> float:
    """The largest mean square of any whole or last second."""
    squares = np.square(samples)
    return max((float(squares[at : at + rate_hz].mean()) for at in range(0, len(squares), rate_hz)), default=0.0)


def _reason(error: Exception, path: Path) -> str:
    """The message without the path, which stands beside it anyway."""
    said = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    return said.removeprefix(str(path)).lstrip(": ").strip() or "cannot be read"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _artist(path: Path) -> str | None:
    """The artist among the file's tags; the container's, or (Ogg) the stream's."""
    try:
        with av.open(f"file:{path}", "r", metadata_errors="replace", options={"protocol_whitelist": "file"}) as file:
            found = [file.metadata, *(stream.metadata for stream in file.streams.audio)]
    except (av.FFmpegError, OSError):
        return None
    named = {key.lower(): value for tags in reversed(found) for key, value in tags.items()}
    artist = named.get("album_artist") or named.get("artist") or ""
    return artist.strip() or None
