"""What a model has learnt of the clips that it is to be judged on, in a sentence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from export.data.clip import Split
from export.data.music_set import MusicSet
from export.train.learnt import Learnt, clips_known, learnt_about
from models.card import Label

FLATTER: Final = "the figures flatter"


def learnt_note(
    name: str,
    path: Path,
    labels: tuple[Label, ...],
    origin: Mapping[str, object],
    music: MusicSet,
    split: Split,
    so: str = FLATTER,
) -> str | None:
    """Of the model `name` in the file `path`, when `music` is not what it was trained on or the split's clips are.

    labels: the model's. origin: what its file says of where it is from. so: what follows where it knows the clips.
    None where there is nothing to say, or where the model does not say what it was trained on.
    """
    fingerprint = fingerprint_of(origin)
    if fingerprint is None:
        return None
    learnt, clips = _learnt(path, fingerprint), music.of(split)
    # A student's set bears its teachers' labels.
    same = fingerprint in (music.fingerprint, music.taught(labels).fingerprint)
    known = 0 if learnt is None else clips_known(learnt.train, clips, music)
    chosen = 0 if learnt is None or split != "test" else clips_known(learnt.validation, clips, music)
    if same and (split != "test" or not known + chosen):
        return None
    another = (
        f"{name}: " if same else f"{music.folder} is not the set that {name} was trained on, or has changed since: "
    )
    if learnt is None:
        return f"{another}its {split} clips may have been trained on, and then {so}."
    if not known + chosen:
        return f"{another}none of its {len(clips)} {split} clips was trained on."
    found = f"{known} of the {len(clips)} {split} clips {'was' if known == 1 else 'were'} trained on"
    if chosen:
        found += f", and its best epoch was chosen by {chosen}"
    return f"{another}{found}: {so}."


def fingerprint_of(origin: Mapping[str, object]) -> str | None:
    """Of the music set that a model was trained on, where its file says so."""
    noted = origin.get("music_set")
    found = noted.get("fingerprint") if isinstance(noted, Mapping) else None
    return found if isinstance(found, str) else None


def _learnt(path: Path, fingerprint: str) -> Learnt | None:
    """What the run that the file lies in has kept."""
    return next((learnt for learnt in learnt_about(path) if learnt.fingerprint == fingerprint), None)
