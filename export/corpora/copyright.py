"""Which licence a file has by its package's debian/copyright (DEP-5). Pure."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

UNKNOWN: Final = "see copyright"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """patterns: of files, relative to the source package. licence: its short name."""

    patterns: tuple[str, ...]
    licence: str


def paragraphs_of(text: str) -> list[Paragraph]:
    """The `Files:` paragraphs in their order; none when the file is not in the machine-readable format."""
    found = []
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields = _fields(block)
        if fields.get("files") and fields.get("license"):
            short = fields["license"].split("\n")[0].strip()
            if short:
                found.append(Paragraph(tuple(fields["files"].split()), short))
    return found


def licence_of(path: str, paragraphs: list[Paragraph]) -> str:
    """Of an installed file: that of the last paragraph that means it, as the format has it; UNKNOWN when none does.

    Patterns are of the source tree, which lies elsewhere than what is installed: the tails of both are compared, so
    `data/music/*` means `usr/share/games/x/music/a.ogg`. At least a folder or a file must be named for that.
    """
    licence = UNKNOWN
    for paragraph in paragraphs:
        if any(_means(pattern, path) for pattern in paragraph.patterns):
            licence = paragraph.licence
    return licence


def _means(pattern: str, path: str) -> bool:
    if pattern in ("*", "./*"):
        return True
    parts, names = pattern.split("/"), path.split("/")
    stem = names[-1].rpartition(".")[0]
    for start in range(len(parts)):
        tail = "/".join(parts[start:])
        if not any(part.strip("*?.") and not part.startswith("*.") for part in parts[start:]):
            return False
        # Music is often encoded anew for the package: x.flac of the source is x.ogg of the package.
        tails = ["/".join(names[at:]) for at in range(len(names))]
        stems = ["/".join([*names[at:-1], stem]) for at in range(len(names))]
        if any(fnmatchcase(own, tail) for own in tails):
            return True
        if "." in parts[-1] and any(own == tail.rpartition(".")[0] for own in stems):
            return True
    return False


def _fields(block: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    name = ""
    for line in block.split("\n"):
        if line[:1] in (" ", "\t") and name:
            fields[name] += "\n" + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields
