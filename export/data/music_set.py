"""A music set: a folder with the list of its clips, their labels and splits. What scanning writes and training reads.

`manifest.jsonl` has one clip a line, paths relative to the folder where they lie beneath it; `labels.json` the labels
in the order of a network's outputs, and whether a clip may have several.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import UnionType
from typing import IO, Any, Final, cast, get_args

from export.data.clip import SPLITS, Clip, Split
from export.errors import InputUnusable
from models.card import Kind, Label
from models.whole_file import whole_file

MANIFEST: Final = "manifest.jsonl"
LABELS: Final = "labels.json"


@dataclass(frozen=True, slots=True)
class MusicSet:
    """Clips with their labels and splits.

    folder: where the set is (or will be) written. labels: in the order of the outputs. multi_label: several a clip.
    """

    folder: Path
    clips: tuple[Clip, ...]
    labels: tuple[Label, ...]
    multi_label: bool

    def of(self, split: Split) -> tuple[Clip, ...]:
        """The clips of one split."""
        return tuple(clip for clip in self.clips if clip.split == split)

    def taught(self, labels: tuple[Label, ...]) -> "MusicSet":
        """The set with teachers' labels, several a clip; its clips bear none."""
        clips = tuple(replace(clip, labels=()) for clip in self.clips)
        return replace(self, clips=clips, labels=labels, multi_label=True)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels' names, in the order of the outputs."""
        return tuple(label.name for label in self.labels)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over what training depends on: the files' contents, labels and splits; not where they lie."""
        lines = sorted(json.dumps([c.sha256 or str(c.path), c.labels, c.artist, c.split]) for c in self.clips)
        text = "\n".join([json.dumps([self.label_names, self.multi_label]), *lines])
        return hashlib.sha256(text.encode()).hexdigest()


def write_music_set(music: MusicSet) -> None:
    """Write the two files, both or neither; OSError.

    After a kill between them `labels.json` is missing, and the folder is no set: clips never meet another set's labels.
    """
    lines = [json.dumps(_fields(clip, music.folder), ensure_ascii=False) for clip in music.clips]
    named = [{"name": label.name, "kind": label.kind} for label in music.labels]
    text = json.dumps({"labels": named, "multi_label": music.multi_label}, ensure_ascii=False, indent=2)
    with whole_file(music.folder / LABELS) as labels:
        labels.write(f"{text}\n".encode())
        _on_disk(labels)
        with whole_file(music.folder / MANIFEST) as manifest:
            manifest.write("".join(f"{line}\n" for line in lines).encode())
            _on_disk(manifest)
            (music.folder / LABELS).unlink(missing_ok=True)


def read_music_set(folder: Path) -> MusicSet:
    """Read what `write_music_set` wrote; InputUnusable names the file and the line."""
    manifest, labels = folder / MANIFEST, folder / LABELS
    for path in (manifest, labels):
        if not path.is_file():
            raise InputUnusable(f"{folder} is no music set ({path.name} is missing): make one with genred export scan")
    names, multi_label = _read_labels(labels)
    try:
        text = manifest.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputUnusable(f"{manifest} is not UTF-8: {error.reason} at byte {error.start}") from None
    clips = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            clips.append(_clip(line, folder, f"{manifest}:{number}"))
    return MusicSet(folder, tuple(clips), names, multi_label)


def _on_disk(file: IO[bytes]) -> None:
    """No space left: said before anything has changed."""
    file.flush()
    os.fsync(file.fileno())


def _fields(clip: Clip, folder: Path) -> dict[str, Any]:
    path = clip.path
    inside = path.is_relative_to(folder)
    fields = {
        "path": str(path.relative_to(folder) if inside else path),
        "labels": list(clip.labels),
        "artist": clip.artist,
        "split": clip.split,
        "sha256": clip.sha256,
        "recording": clip.recording,
        "duration_s": clip.duration_s,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _clip(line: str, folder: Path, where: str) -> Clip:
    try:
        fields = json.loads(line)
        split = fields.get("split")
        if split is not None and split not in SPLITS:
            raise ValueError(f"unknown split {split!r}")
        return Clip(
            path=folder / _typed(fields, "path", str),
            labels=tuple(str(name) for name in _typed(fields, "labels", list)),
            artist=_typed_or_none(fields, "artist", str),
            split=cast(Split | None, split),
            sha256=_typed_or_none(fields, "sha256", str),
            recording=_typed_or_none(fields, "recording", str),
            duration_s=_typed_or_none(fields, "duration_s", int | float),
        )
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise InputUnusable(f"{where}: not a clip: {error}") from None


def _typed(fields: Mapping[str, Any], key: str, kind: type | UnionType) -> Any:
    value = fields[key]
    if not isinstance(value, kind):
        raise ValueError(f"{key} must be a {kind.__name__ if isinstance(kind, type) else 'number'}")
    return value


def _typed_or_none(fields: Mapping[str, Any], key: str, kind: type | UnionType) -> Any:
    return None if fields.get(key) is None else _typed(fields, key, kind)


def _read_labels(path: Path) -> tuple[tuple[Label, ...], bool]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        labels = tuple(Label(str(entry["name"]), cast(Kind, entry["kind"])) for entry in fields["labels"])
        unknown = [label.kind for label in labels if label.kind not in get_args(Kind)]
        if unknown:
            raise ValueError(f"unknown kind {unknown[0]!r}")
        return labels, bool(fields["multi_label"])
    except (ValueError, TypeError, KeyError) as error:
        raise InputUnusable(f"{path}: not a list of labels: {error}") from None
