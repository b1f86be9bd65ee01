"""A link of the table and what is known of it."""

import hashlib
from dataclasses import dataclass
from typing import Final
from urllib.parse import urldefrag, urljoin, urlsplit

from export.data.clip import Split
from export.fetch.faults import LinkFault

SCHEMES: Final = ("http", "https")
MAX_URL: Final = 8192

# Names that say the link is a file of sound: nobody is asked which web site this is.
AUDIO_SUFFIXES: Final = (
    *(".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac"),
    *(".mp4", ".webm", ".mka", ".wma", ".aif", ".aiff", ".au", ".ac3"),
)


@dataclass(frozen=True, slots=True)
class Link:
    """One address of the table; `labels`, `artist`, `split` and `title` are handed on to the manifest."""

    url: str
    labels: tuple[str, ...] = ()
    artist: str | None = None
    split: Split | None = None
    title: str | None = None

    @property
    def key(self) -> str:
        """Names the link's record and its half download: 32 hex digits of the address's SHA-256."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:32]

    @property
    def host(self) -> str:
        """Host and port, for politeness; empty where there is none."""
        try:
            return urlsplit(self.url).netloc.rpartition("@")[2].lower()
        except ValueError:
            return ""

    @property
    def named_as_audio(self) -> bool:
        """Whether the path ends like a file of sound."""
        path = urlsplit(self.url).path
        return "." + path.rpartition(".")[2].lower() in AUDIO_SUFFIXES


def check_address(url: str) -> None:
    """LinkFault unless `url` is an http or https address that can be asked."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # a ValueError where it is no number
    except ValueError as error:
        raise LinkFault(f"not an address: {error}") from None
    if parts.scheme.lower() not in SCHEMES:
        said = f"the scheme {parts.scheme[:20]!r}" if parts.scheme else "no scheme"
        raise LinkFault(f"an address with {said} is not fetched; http and https are")
    if not parts.hostname:
        raise LinkFault("an address without a host")
    if len(url) > MAX_URL:
        raise LinkFault(f"an address of more than {MAX_URL} characters")


def absolute(reference: str, base: str | None) -> str:
    """A link as the table gives it, without its fragment; relative to `base`, the table's own address, if any."""
    text = reference.strip()
    try:
        return urldefrag(urljoin(base, text) if base else text).url
    except ValueError:
        return text  # check_address will say what is wrong
