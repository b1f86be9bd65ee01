"""One file over HTTP into a half download that a later try, or a later run, goes on with."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import aiohttp

from export.fetch.faults import LinkFault, PageFound
from export.fetch.http_reply import opened
from export.fetch.limits import Limits
from models.whole_file import write_text

_ACCEPTED: Final = frozenset((200, 206, 416))
_CHUNK: Final = 1 << 16
_NEVER_AUDIO: Final = ("image/", "font/", "text/css", "text/javascript", "application/json", "application/pdf")
# What yt-dlp may find audio in. Playlists too: FFmpeg must not be led to further addresses.
_PAGES: Final = (
    "text/html",
    "application/xhtml+xml",
    "application/vnd.apple.mpegurl",
    "application/x-mpegurl",
    "audio/mpegurl",
    "audio/x-mpegurl",
    "application/dash+xml",
)


@dataclass(frozen=True, slots=True)
class Half:
    """What the half download is half of. validator: an ETag or a date; total: bytes, where the server says."""

    validator: str | None
    total: int | None


async def download(
    session: aiohttp.ClientSession, url: str, part: Path, limits: Limits, received: Callable[[int], None]
) -> None:
    """Fill `part` with the file at `url`, from where an earlier try left it; `received` hears of each run of bytes.

    LinkFault; PageFound when it is no file of sound but a page. OSError of the disk.
    """
    have, half = _size(part), _read_half(part)
    if half is None:
        have = 0
    elif half.total is not None and have == half.total:
        return  # whole: the run was killed before it was converted
    async with opened(session, url, _headers(have, half), _ACCEPTED) as reply:
        if reply.status == 416:
            forget(part)
            raise LinkFault("the file on the server changed", passing=True)
        start = _start(reply, have, half, part)
        _check_type(reply)
        total = _total(reply, start)
        _check_size(total or 0, limits)
        if "Content-Encoding" not in reply.headers:
            write_text(_beside(part), json.dumps(asdict(Half(_validator(reply.headers), total))))
        try:
            end = await _save(reply, part, start, limits, received)
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            progressed = _size(part) > start
            raise LinkFault("the connection was lost on the way", passing=True, progressed=progressed) from None
        if total is not None and end != total:
            raise LinkFault(f"{end} of {total} bytes came", passing=True, progressed=end > start)


def forget(part: Path) -> None:
    """Remove a half download and what is known of it."""
    part.unlink(missing_ok=True)
    _beside(part).unlink(missing_ok=True)


async def _save(
    reply: aiohttp.ClientResponse, part: Path, start: int, limits: Limits, received: Callable[[int], None]
) -> int:
    """Append the body at `start`; the file's length then."""
    part.parent.mkdir(parents=True, exist_ok=True)
    with part.open("r+b" if start else "wb") as file:
        file.seek(start)
        file.truncate()
        async for data in reply.content.iter_chunked(_CHUNK):
            file.write(data)
            received(len(data))
            _check_size(file.tell(), limits)
        return file.tell()


def _headers(have: int, half: Half | None) -> dict[str, str]:
    if not have or half is None:
        return {}
    headers = {"Range": f"bytes={have}-"}
    return headers | {"If-Range": half.validator} if half.validator else headers


def _start(reply: aiohttp.ClientResponse, have: int, half: Half | None, part: Path) -> int:
    """Where the body begins: at `have` if the server goes on there with the same file, else at 0.

    A part of another file, or another part, is no use: the half is forgotten, the next try begins anew.
    """
    if reply.status != 206:
        return 0
    place, _, total = reply.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    same = half is None or half.total is None or total in ("*", str(half.total))
    if not same or place.partition("-")[0] != str(have):
        forget(part)
        raise LinkFault("the server answered with another part of the file than was asked for", passing=have > 0)
    return have


def _total(reply: aiohttp.ClientResponse, start: int) -> int | None:
    """Bytes of the whole file; None where the server does not say."""
    length = reply.headers.get("Content-Length", "")
    return start + int(length) if length.isdigit() and "Content-Encoding" not in reply.headers else None


def _check_type(reply: aiohttp.ClientResponse) -> None:
    media_type = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type in _PAGES:
        raise PageFound(media_type)
    if media_type.startswith(_NEVER_AUDIO):
        raise LinkFault(f"the server sends {media_type[:60]}, which is no audio")


def _check_size(size: int, limits: Limits) -> None:
    if size > limits.max_bytes:
        raise LinkFault(f"larger than {limits.max_bytes / 1e6:g} MB")


def _validator(headers: Mapping[str, str]) -> str | None:
    """What If-Range may be given: a strong ETag, or the date of the file."""
    tag = headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")


def _beside(part: Path) -> Path:
    return part.with_suffix(".half.json")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _read_half(part: Path) -> Half | None:
    try:
        return Half(**json.loads(_beside(part).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
