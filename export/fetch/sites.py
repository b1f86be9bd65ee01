"""Links that yt-dlp understands: pages of web sites, and pages with a player. Blocking: run it in a thread.

yt-dlp is an extra (`genred[fetch]`), taken as a library. It picks the best sound alone and is not let out of http and
https; nothing is converted by it, so that no ffmpeg program is needed.
"""

import errno
import functools
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from export.fetch.faults import LinkFault
from export.fetch.http_reply import PASSING
from export.fetch.limits import Limits
from export.fetch.link import SCHEMES, Link

_STATUS: Final = re.compile(r"HTTP Error (\d{3})")
_FORBIDDEN: Final = "for security reasons"  # an address that yt-dlp does not open, file:// among them
_PROTOCOLS: Final = frozenset(("http", "https", "m3u8_native", "m3u8", "http_dash_segments"))


@dataclass(frozen=True, slots=True)
class FromSite:
    """A file that yt-dlp brought, and what the site says of it."""

    path: Path
    title: str | None
    artist: str | None


def yt_dlp_is_here() -> bool:
    """Whether the extra is installed."""
    return find_spec("yt_dlp") is not None


def is_of_a_known_site(url: str) -> bool:
    """Whether yt-dlp has an extractor made for `url`'s site."""
    return any(extractor.suitable(url) for extractor in _extractors())


@functools.cache
def _extractors() -> tuple[Any, ...]:
    from yt_dlp.extractor import gen_extractor_classes

    return tuple(found for found in gen_extractor_classes() if found.ie_key() != "Generic")


def from_site(
    link: Link, folder: Path, limits: Limits, received: Callable[[int], None], stop: threading.Event
) -> FromSite:
    """Bring the link's audio into `folder`; what an earlier try left there is gone on with. LinkFault; OSError."""
    from yt_dlp import YoutubeDL
    from yt_dlp.utils import DownloadCancelled, YoutubeDLError

    watch = _Watch(limits, received, stop, DownloadCancelled)
    found = False
    with YoutubeDL(_options(link, folder, limits, watch)) as site:
        try:
            info: dict[str, Any] = _only_entry(site.extract_info(link.url, download=False) or {})
            _check(info)
            found = True
            done = site.process_ie_result(info, download=True)
        except DownloadCancelled as error:
            raise LinkFault(str(error), passing=not watch.too_large) from None
        except YoutubeDLError as error:
            raise _fault(error, found) from None
    for download in done.get("requested_downloads") or ():
        path = Path(download.get("filepath") or "")
        if path.is_file():
            return FromSite(path, _said(info, "track", "title"), _said(info, "artist", "creator"))
    raise LinkFault(f"yt-dlp brought no file; is it larger than {limits.max_bytes / 1e6:g} MB?")


def forget_site_files(folder: Path, link: Link) -> None:
    """Remove what yt-dlp left of `link`."""
    for path in folder.glob(f"{link.key}.site.*"):
        path.unlink(missing_ok=True)


class _Watch:
    """Hears of progress; ends a download that is too large, too long or no longer wanted."""

    def __init__(
        self, limits: Limits, received: Callable[[int], None], stop: threading.Event, ends: type[Exception]
    ) -> None:
        self._limits, self._received, self._stop, self._ends = limits, received, stop, ends
        self._deadline = time.monotonic() + limits.link_s
        self._told = 0
        self.too_large = False

    def __call__(self, progress: Mapping[str, Any]) -> None:
        size = int(progress.get("downloaded_bytes") or 0)
        self._received(max(0, size - self._told))
        self._told = size
        self.too_large = size > self._limits.max_bytes
        if self.too_large:
            raise self._ends(f"larger than {self._limits.max_bytes / 1e6:g} MB")
        if self._stop.is_set() or time.monotonic() > self._deadline:
            raise self._ends("not done in time")


class _Quiet:
    """yt-dlp's messages are in its errors; nothing is printed."""

    def debug(self, message: str) -> None:
        """Nothing."""

    def warning(self, message: str) -> None:
        """Nothing."""

    def error(self, message: str) -> None:
        """Nothing."""


def _options(link: Link, folder: Path, limits: Limits, watch: _Watch) -> dict[str, Any]:
    return {
        "format": "bestaudio/best",
        "outtmpl": {"default": f"{folder.as_posix().replace('%', '%%')}/{link.key}.site.%(ext)s"},
        "noplaylist": True,
        "playlist_items": "1,2",  # enough to know that there are several
        "socket_timeout": limits.timeout_s,
        "retries": 0,  # they are made outside, with pauses
        "fragment_retries": 0,
        "extractor_retries": 0,
        "skip_unavailable_fragments": False,
        "max_filesize": limits.max_bytes,
        "hls_prefer_native": True,
        "fixup": "never",
        "cachedir": False,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "logger": _Quiet(),
        "progress_hooks": [watch],
    }


def _only_entry(info: Mapping[str, Any]) -> dict[str, Any]:
    """The recording itself; LinkFault for a list of several."""
    if info.get("_type", "video") == "video":
        return dict(info)
    entries = [entry for entry in info.get("entries") or () if entry]
    if len(entries) != 1:
        raise LinkFault("a list of recordings: give each a line of its own" if entries else "no audio found there")
    return _only_entry(entries[0])


def _check(info: Mapping[str, Any]) -> None:
    if info.get("is_live"):
        raise LinkFault("a live broadcast, which has no end")
    for chosen in info.get("requested_formats") or [info]:
        scheme = urlsplit(str(chosen.get("url", ""))).scheme.lower()
        if scheme not in SCHEMES or chosen.get("protocol", scheme) not in _PROTOCOLS:
            raise LinkFault("its audio is not at an http or https address")


def _fault(error: Exception, found: bool) -> LinkFault:
    """What went wrong; found: the site did name the audio, it was the download that failed."""
    for number in (errno.ENOSPC, errno.EDQUOT):
        if os.strerror(number) in str(error):
            raise OSError(number, os.strerror(number))
    text = str(error).removeprefix("ERROR: ").partition("\n")[0].partition("; please report")[0].strip()
    status = _STATUS.search(text)
    later = found and _FORBIDDEN not in text
    passing = int(status[1]) in PASSING if status else later or _of_the_network(error)
    return LinkFault(f"yt-dlp: {text[:200]}", passing=passing)


def _of_the_network(error: BaseException | None) -> bool:
    """Whether a lost connection lies beneath, by yt-dlp's several ways to say so."""
    from yt_dlp.networking.exceptions import TransportError

    for _ in range(10):  # causes of causes
        if error is None or isinstance(error, TransportError):
            return error is not None
        exc_info = getattr(error, "exc_info", None) or (None, None)
        error = getattr(error, "cause", None) or exc_info[1] or error.__cause__
    return False


def _said(info: Mapping[str, Any], *keys: str) -> str | None:
    for key in keys:
        with suppress(KeyError):
            value = info[key]
            if isinstance(value, str) and value.strip():
                return value.strip()
    return None
