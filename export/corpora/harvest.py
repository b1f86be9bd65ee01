"""The music of one package, taken out into a folder with what is known of it; done when `source.json` is there."""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from export.corpora.choosing import Heard, heard, may_be_music
from export.corpora.copyright import UNKNOWN, licence_of, paragraphs_of
from export.corpora.deb import fields_of, members
from export.corpora.packages import ARCHIVES, MIDI, PROSE_LICENCES
from export.rendered.sound import clip_of, write_flac
from export.rendered.synth import RATE_HZ, Synth
from models.whole_file import whole_file, write_text

DONE: Final = "source.json"
COPYRIGHT: Final = "copyright"
_MIDI_LEVEL_DBFS: Final = -18.0


@dataclass(frozen=True, slots=True)
class Track:
    """path: beneath the package's folder."""

    path: str
    artist: str
    title: str
    licence: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Source:
    """A package as it was taken."""

    package: str
    version: str
    homepage: str
    tracks: tuple[Track, ...]


def taken(folder: Path) -> Source | None:
    """What `harvest` left in a package's folder; None when it did not come to its end."""
    try:
        fields = json.loads((folder / DONE).read_text(encoding="utf-8"))
        tracks = tuple(Track(**track) for track in fields.pop("tracks"))
        return Source(**fields, tracks=tracks)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def harvest(package: str, deb: Path, folder: Path, shortest_s: float, synth: Synth | None) -> Source:
    """Take the music of `deb` into `folder`; OSError. Without a synth, MIDI files are left out."""
    version, homepage = fields_of(deb, "Version", "Homepage")
    notice = f"usr/share/doc/{package}/copyright"
    text = f"{package} has no copyright file of its own: see that of its source package.\n"
    found: list[tuple[str, Path, Heard]] = []
    for path, file in _music(deb, package, notice):
        if path == notice:
            text = file.read().decode("utf-8", "replace")
            continue
        target = _kept(path, file, folder, synth)
        known = None if target is None else heard(target)
        if target is not None and known is not None and known.duration_s >= shortest_s:
            found.append((path, target, known))
        elif target is not None:
            target.unlink()
    source = Source(package, version, homepage, tuple(_tracks(package, found, folder, text)))
    write_text(folder / COPYRIGHT, text)
    write_text(folder / DONE, json.dumps(asdict(source), ensure_ascii=False, indent=1) + "\n")
    return source


def _tracks(package: str, found: list[tuple[str, Path, Heard]], folder: Path, copyright_text: str) -> Iterator[Track]:
    paragraphs = paragraphs_of(copyright_text)
    for path, target, known in found:
        licence = licence_of(path, paragraphs) if paragraphs else PROSE_LICENCES.get(package, UNKNOWN)
        own = str(target.relative_to(folder))
        yield Track(own, known.artist, known.title, licence, round(known.duration_s, 2))


def _music(deb: Path, package: str, notice: str) -> Iterator[tuple[str, IO[bytes]]]:
    """The notice, and music of the package and of the archives in it, each to be read before the next."""
    for path, file in members(deb, lambda path: path == notice or may_be_music(path, package)):
        if PurePosixPath(path).suffix.lower() not in ARCHIVES:
            yield path, file
            continue
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy)
            if not zipfile.is_zipfile(copy):
                continue
            with zipfile.ZipFile(copy) as archive:
                for name in archive.namelist():
                    pure = PurePosixPath(name)
                    if may_be_music(name, package) and pure.suffix.lower() not in ARCHIVES:
                        with archive.open(name) as inner:
                            yield f"{path}/{name}", inner


def _kept(path: str, file: IO[bytes], folder: Path, synth: Synth | None) -> Path | None:
    """The file in `folder`, named by its place in the package; a MIDI file played. None when that cannot be."""
    parts = [part for part in PurePosixPath(path).parts if part not in ("usr", "share", "games", "/", "..", ".")]
    target = folder.joinpath(*parts)
    if target.suffix.lower() not in MIDI:
        with whole_file(target) as copy:
            shutil.copyfileobj(file, copy)
        return target
    if synth is None:
        return None
    stereo = synth.render(file.read())
    target = target.with_suffix(".flac")
    write_flac(target, clip_of(stereo, RATE_HZ, len(stereo) / RATE_HZ, _MIDI_LEVEL_DBFS), RATE_HZ)
    return target
