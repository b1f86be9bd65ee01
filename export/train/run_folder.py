"""A run's folder: what lies where, and whether a run may begin or go on in it.

settings.toml, environment.json, learnt.json, metrics.jsonl, checkpoints/{best,last,last-state,body}.safetensors,
plots/, tensorboard/.
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from export.data.clip import Clip
from export.data.music_set import MusicSet
from export.errors import InputUnusable
from export.train.environment import environment
from export.train.learnt import LEARNT, learnt_from, read_learnt, write_learnt
from export.train.outcome import EpochFigures
from export.train.settings import TrainSettings
from export.train.settings_file import read_settings, settings_toml
from models.whole_file import write_text


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of a run; `path` need not exist yet."""

    path: Path

    @property
    def settings(self) -> Path:
        """What decides the run's figures."""
        return self.path / "settings.toml"

    @property
    def environment(self) -> Path:
        """Where and with what it ran, and on what music."""
        return self.path / "environment.json"

    @property
    def metrics(self) -> Path:
        """A line an epoch."""
        return self.path / "metrics.jsonl"

    @property
    def best(self) -> Path:
        """The network of the best epoch."""
        return self.path / "checkpoints" / "best.safetensors"

    @property
    def last(self) -> Path:
        """The network of the last whole epoch; with a frozen body, of the last one when training is over."""
        return self.path / "checkpoints" / "last.safetensors"

    @property
    def state(self) -> Path:
        """All that going on needs, in one file, so that no kill can leave halves of two states."""
        return self.path / "checkpoints" / "last-state.safetensors"

    @property
    def body(self) -> Path:
        """A body that is frozen for good, which the state leaves out."""
        return self.path / "checkpoints" / "body.safetensors"

    @property
    def plots(self) -> Path:
        """Pictures of the curves."""
        return self.path / "plots"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's events."""
        return self.path / "tensorboard"


def require_new(folder: RunFolder) -> None:
    """InputUnusable when the folder holds a run already, or is none."""
    if folder.settings.exists():
        raise InputUnusable(f"{folder.path} holds a run already: go on with it by --resume, or name another folder")
    if folder.path.exists() and not folder.path.is_dir():
        raise InputUnusable(f"{folder.path} is a file; name a folder for the run")


def require_same(folder: RunFolder, settings: TrainSettings, music: MusicSet) -> None:
    """InputUnusable unless a run with these (resolved) settings was begun here on this music."""
    if not folder.settings.is_file() or not folder.environment.is_file():
        raise InputUnusable(f"{folder.path} holds no run to resume: leave --resume out to begin one")
    before = read_settings(folder.settings)
    differing = list(differences(before.model_dump(mode="json"), settings.model_dump(mode="json")))
    if differing:
        lines = [f"{folder.path} was begun with other settings:", *differing]
        raise InputUnusable("\n".join([*lines, "leave them out to go on, or begin another run"]))
    if learnt_fingerprint(folder) != music.fingerprint:
        raise InputUnusable(
            f"{folder.path} was begun on other music: the files, labels or splits of {music.folder} have changed "
            "since; begin another run"
        )


def resumable(folder: RunFolder) -> bool:
    """Whether there is a state to go on from; what a run has left without one is removed.

    InputUnusable for what no run has left.
    """
    if folder.state.is_file():
        return True
    if not folder.path.exists():
        return False
    names = [path.name for path in folder.path.iterdir()] if folder.path.is_dir() else [folder.path.name]
    begun = folder.settings.name in names or LEARNT in names
    if not begun and not all(name.startswith(".") and name.endswith(".tmp") for name in names):  # torn by a kill
        raise InputUnusable(f"{folder.path} is no run of ours, and stands where one shall be; move it away")
    shutil.rmtree(folder.path)
    return False


def begun_with(folder: RunFolder) -> TrainSettings | None:
    """The settings of the run in the folder, if there is one. SettingsUnusable."""
    return read_settings(folder.settings) if folder.settings.is_file() else None


def begin(folder: RunFolder, settings: TrainSettings, music: MusicSet, left_out: Sequence[tuple[Clip, str]]) -> None:
    """Write a new run's first files, or note that a run goes on here and clear away what a kill has left."""
    for place in (folder.path, folder.best.parent, folder.plots):  # not beneath: other runs may be at work there
        for torn in place.glob(".*.tmp"):
            torn.unlink(missing_ok=True)
    sessions = _noted(folder)["sessions"] if folder.settings.exists() else []
    noted = {
        "music_set": {
            "folder": str(music.folder),
            "fingerprint": music.fingerprint,
            "clips": {split: len(music.of(split)) for split in ("train", "validation", "test")},
            "labels": list(music.label_names),
            "multi_label": music.multi_label,
            "left_out": [[str(clip.path), why] for clip, why in left_out],
        },
        "seeds": {
            "run": settings.seed,
            "note": "each batch of each process draws from a seed made of this one, the epoch and its number",
        },
        "sessions": [*sessions, environment()],
    }
    if not sessions or read_learnt(folder.path) is None:  # going on, the initial network may be gone
        began_with = settings.initial or str(settings.network_options.get("checkpoint", ""))
        write_learnt(folder.path, learnt_from(music, [clip for clip, _ in left_out], began_with))
    write_text(folder.environment, json.dumps(noted, indent=2, ensure_ascii=False) + "\n")
    write_text(folder.settings, settings_toml(settings))  # the last: from here on the folder holds a run


def write_metrics(folder: RunFolder, history: Sequence[EpochFigures]) -> None:
    """All epochs so far, a JSON object a line."""
    write_text(folder.metrics, "".join(json.dumps(asdict(epoch)) + "\n" for epoch in history))


def read_metrics(folder: RunFolder) -> list[EpochFigures]:
    """What `write_metrics` wrote; nothing where that is not there, or is something else."""
    try:
        lines = folder.metrics.read_text(encoding="utf-8").splitlines()
        return [EpochFigures(**json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError):
        return []


def differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """A line for each setting that is not what it was, by its dotted name."""
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from differences(old, new, f"{prefix}{key}.")
        elif old != new:
            yield f"  {prefix}{key}: {old!r} then, {new!r} now"


def learnt_fingerprint(folder: RunFolder) -> str:
    """`MusicSet.fingerprint` of what the run was begun on."""
    return str(_noted(folder)["music_set"]["fingerprint"])


def _noted(folder: RunFolder) -> dict[str, Any]:
    noted: dict[str, Any] = json.loads(folder.environment.read_text(encoding="utf-8"))
    return noted
