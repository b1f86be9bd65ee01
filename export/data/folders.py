"""A folder for each genre, at any depth: the labels are parts of the paths."""

from dataclasses import dataclass
from pathlib import Path

from export.data.clip import Clip
from export.data.images import tags_beside
from export.data.listing import Listing, Skipped
from export.data.media import folders_below, is_audio, is_picture, is_utf8
from export.errors import InputUnusable


@dataclass(frozen=True, slots=True)
class PathParts:
    """Which folder below the source names what: 0 the first, 1 the second, ..., -1 the one the file lies in.

    genre: None for music without labels. artist: None when no folder names it.
    """

    genre: int | None = 0
    artist: int | None = None


def list_folders(source: Path, parts: PathParts, without: Path) -> Listing:
    """The music below `source`, or its pictures where there is no music; `without` (the set) is left out.

    Pictures with a text file of tags beside them (a.png, a.txt) have their labels from there. GTZAN's folder may be
    the source itself or lie in it. InputUnusable when nothing is there.
    """
    if (source / "genres_original").is_dir():
        source = source / "genres_original"
    found = [(folder, files) for folder, files in folders_below(source, without)]
    paths = [path for _, files in found for path in files]
    pictures = not any(is_audio(path) for path in paths)
    media = [path for path in paths if (is_picture(path) if pictures else is_audio(path))]
    if not media:
        raise InputUnusable(f"{source} holds no audio files and no pictures ({len(paths)} other files)")
    tagged = pictures and parts.genre is not None and any(path.with_suffix(".txt").is_file() for path in media)
    clips: list[Clip] = []
    skipped: list[Skipped] = []
    for path in media:
        try:
            clips.append(_clip(path, source, parts, tagged))
        except LookupError as error:
            skipped.append(Skipped(path, str(error.args[0])))
    promised = frozenset() if tagged else _promised(source, [folder for folder, _ in found], parts)
    return Listing(tuple(clips), tuple(skipped), promised, pictures)


def _clip(path: Path, source: Path, parts: PathParts, tagged: bool) -> Clip:
    """LookupError with the reason when the path does not say what it must."""
    if not is_utf8(path):
        raise LookupError("its name is not UTF-8: rename it")
    folders = path.relative_to(source).parts[:-1]
    artist = None if parts.artist is None else _part(folders, parts.artist, "artist")
    if tagged:
        return Clip(path, tags_beside(path), artist)
    return Clip(path, () if parts.genre is None else (_part(folders, parts.genre, "genre"),), artist)


def _part(folders: tuple[str, ...], index: int, what: str) -> str:
    try:
        return folders[index]
    except IndexError:
        where = "the folder it lies in" if index == -1 else f"folder {index} below the source"
        raise LookupError(f"its {what} should be {where}, and there is none") from None


def _promised(source: Path, folders: list[Path], parts: PathParts) -> frozenset[str]:
    """The genres that have a folder, be it empty."""
    if parts.genre is None or parts.genre < 0:
        return frozenset()
    named = [folder.relative_to(source).parts for folder in folders]
    return frozenset(parts_of[parts.genre] for parts_of in named if len(parts_of) == parts.genre + 1)
