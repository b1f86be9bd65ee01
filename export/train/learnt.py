"""Which recordings a network has learnt from, by their contents: a run's folder keeps it for those who judge later."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from export.data.clip import Clip
from export.data.music_set import MusicSet
from models.whole_file import write_text

LEARNT: Final = "learnt.json"  # in a run's folder
_DIGITS: Final = 16  # of a SHA-256: as many as recordings are named by


@dataclass(frozen=True, slots=True)
class Learnt:
    """fingerprint: of the music set. train, validation: what names the contents of the clips of these splits.

    train also names what the network it began with had learnt from, where that one's own run kept it.
    """

    fingerprint: str
    train: frozenset[str]
    validation: frozenset[str]


def learnt_from(music: MusicSet, left_out: Iterable[Clip], began_with: str) -> Learnt:
    """Of a run on `music` without the clips left out; began_with: a network's name or path, as in settings, or ""."""
    unheard = {clip.path for clip in left_out}
    train, validation = (
        frozenset().union(*(_names(clip) for clip in music.of(split) if clip.path not in unheard))
        for split in ("train", "validation")
    )
    path = Path(began_with).expanduser()
    before = next(learnt_about(path), None) if began_with and path.exists() else None  # else it is a shipped one's name
    return Learnt(music.fingerprint, train | before.train if before else train, validation)


def clips_known(names: frozenset[str], clips: Sequence[Clip], music: MusicSet) -> int:
    """How many of `clips`, all of `music`, have the content or the recording of one of `names`."""
    recordings = {clip.recording for clip in music.clips if clip.recording and _content(clip) in names}
    return sum(bool(names & _names(clip)) or clip.recording in recordings for clip in clips)


def write_learnt(folder: Path, learnt: Learnt) -> None:
    """Into the run's folder; OSError."""
    fields = {
        "fingerprint": learnt.fingerprint,
        "train": sorted(learnt.train),
        "validation": sorted(learnt.validation),
    }
    write_text(folder / LEARNT, json.dumps(fields, indent=0) + "\n")


def read_learnt(folder: Path) -> Learnt | None:
    """What a run's folder keeps; None where there is nothing that can be read."""
    try:
        fields = json.loads((folder / LEARNT).read_text(encoding="utf-8"))
        return Learnt(str(fields["fingerprint"]), frozenset(fields["train"]), frozenset(fields["validation"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def learnt_about(path: Path) -> Iterator[Learnt]:
    """What lies in a run's folder, in the one that a checkpoint is of, or beside a file."""
    places = (path,) if path.is_dir() else (run_folder_of(path), path.resolve().parent)
    yield from filter(None, map(read_learnt, places))


def run_folder_of(checkpoint: Path) -> Path:
    """The folder of the run that a checkpoint lies in, if it does."""
    return checkpoint.resolve().parent.parent


def _names(clip: Clip) -> frozenset[str]:
    return frozenset((_content(clip), clip.recording)) if clip.recording else frozenset((_content(clip),))


def _content(clip: Clip) -> str:
    return clip.sha256[:_DIGITS] if clip.sha256 else str(clip.path)
