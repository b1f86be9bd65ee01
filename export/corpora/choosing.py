"""What of a package is music: by its place, its kind and its length."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import av

from export.corpora.packages import ARCHIVES, AUDIO, MIDI, MIDI_PACKAGES, NOT_MUSIC, NOT_TRACKS


@dataclass(frozen=True, slots=True)
class Heard:
    """What a file says of itself. artist, title: empty when it does not."""

    duration_s: float
    artist: str
    title: str


def may_be_music(path: str, package: str) -> bool:
    """By the path alone: an audio file (or one that may hold some) outside the folders of effects and speech."""
    pure = PurePosixPath(path)
    kind = pure.suffix.lower()
    if any(folder.lower() in NOT_MUSIC for folder in pure.parts[:-1]) or pure.name.lower() in NOT_TRACKS:
        return False
    return kind in AUDIO | ARCHIVES or (kind in MIDI and package in MIDI_PACKAGES)


def heard(path: Path) -> Heard | None:
    """Length and tags as the container tells them; None where it cannot be read or has no audio or length."""
    try:
        # Tags come in any encoding; what is really a playlist must not make FFmpeg fetch addresses.
        with av.open(f"file:{path}", metadata_errors="replace", options={"protocol_whitelist": "file"}) as container:
            if not container.streams.audio or container.duration is None:
                return None
            tags = dict(container.metadata) | dict(container.streams.audio[0].metadata)
            return Heard(container.duration / 1_000_000, _tag(tags, "artist"), _tag(tags, "title"))
    except (av.FFmpegError, OSError, ValueError):
        return None


def _tag(tags: dict[str, str], name: str) -> str:
    text = next((value for key, value in tags.items() if key.lower() == name), "")
    return " ".join(text.split())
