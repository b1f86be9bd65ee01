"""What became of each link, a small file each: a run that was killed goes on where it was, nothing comes twice."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from export.fetch.link import Link
from models.whole_file import write_text

RECORDS: Final = "records"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A link whose audio is here. file: relative to the folder; source_sha256: of what was downloaded, hex."""

    url: str
    file: str
    source_sha256: str
    sample_rate_hz: int
    duration_s: float
    title: str | None = None
    artist: str | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """A link that gave no audio. passing: a later run tries again by itself."""

    url: str
    reason: str
    passing: bool


def read_record(folder: Path, link: Link) -> Fetched | Dead | None:
    """What is known of `link`; None when nothing is, or the file it speaks of is gone."""
    try:
        fields: dict[str, Any] = json.loads(_path(folder, link).read_text(encoding="utf-8"))
        if fields.pop("kind") == "dead":
            return Dead(**fields)
        fetched = Fetched(**fields)
        return fetched if (folder / fetched.file).is_file() else None
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # not ours, or of another version: fetched again


def write_record(folder: Path, link: Link, record: Fetched | Dead) -> None:
    """Keep what became of `link`, whole or not at all; OSError."""
    kind = "dead" if isinstance(record, Dead) else "fetched"
    write_text(_path(folder, link), json.dumps({"kind": kind, **asdict(record)}, ensure_ascii=False) + "\n")


def _path(folder: Path, link: Link) -> Path:
    return folder / RECORDS / link.key[:2] / f"{link.key}.json"
