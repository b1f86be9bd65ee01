"""What would make a test too easy: the same recording, or the same artist, on two sides of a split."""

from collections.abc import Iterator, Sequence
from typing import Final

from export.data.clip import Clip, Split
from export.data.music_set import MusicSet
from export.data.splits import artist_key
from export.errors import InputUnusable

_SHOWN: Final = 5
_STRENGTH: Final[dict[Split, int]] = {"train": 0, "validation": 1, "test": 2}


def check_leaks(music: MusicSet) -> None:
    """InputUnusable that names what is on two sides of a split."""
    found = list(leaks(music.clips))
    if found:
        more = [f"... and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        head = f"{len(found)} leaks between the splits of {music.folder}: figures of the test would be too good"
        raise InputUnusable("\n".join([head, *found[:_SHOWN], *more]))


def leaks(clips: Sequence[Clip]) -> Iterator[str]:
    """A line for each artist, recording and file that is in more than one split."""
    first: dict[tuple[str, str], Clip] = {}
    said: set[tuple[str, str]] = set()
    for clip in clips:
        for key in _keys(clip):
            other = first.setdefault(key, clip)
            if clip.split and other.split and other.split != clip.split and key not in said:
                said.add(key)
                what = f"artist {clip.artist}" if key[0] == "artist" else f"the same {key[0]}"
                yield f"{what}: {other.path} ({other.split}) and {clip.path} ({clip.split})"


def without_leaks(clips: Sequence[Clip]) -> tuple[list[Clip], list[Clip]]:
    """(kept, left out): what is also in the test leaves the other splits, what also validates leaves the training."""
    strongest: dict[tuple[str, str], int] = {}
    for clip in clips:
        for key in _keys(clip):
            strongest[key] = max(strongest.get(key, 0), _strength(clip))
    stays = [all(strongest[key] <= _strength(clip) for key in _keys(clip)) for clip in clips]
    kept = [clip for clip, stay in zip(clips, stays, strict=True) if stay]
    return kept, [clip for clip, stay in zip(clips, stays, strict=True) if not stay]


def _strength(clip: Clip) -> int:
    return _STRENGTH[clip.split] if clip.split else 0


def _keys(clip: Clip) -> list[tuple[str, str]]:
    """What must not be on two sides, most telling first."""
    named = (("file", str(clip.path)), ("audio", clip.recording or clip.sha256), ("artist", artist_key(clip)))
    return [(what, value) for what, value in named if value]
