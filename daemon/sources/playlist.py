"""Playlists that radios hand out (.m3u, .pls): the first address in them; and what tells an HLS playlist. Pure."""

from __future__ import annotations

import re

MAX_PLAYLIST = 2**20  # bytes
PLAYLIST_TYPES = frozenset(
    (
        "application/mpegurl",
        "application/pls+xml",
        "application/vnd.apple.mpegurl",
        "application/x-mpegurl",
        "application/x-scpls",
        "audio/mpegurl",
        "audio/scpls",
        "audio/x-mpegurl",
        "audio/x-scpls",
    )
)
PLAYLIST_SUFFIXES = frozenset((".m3u", ".m3u8", ".pls"))
_PLS_ENTRY = re.compile(r"File\d+\s*=\s*(.+)", re.IGNORECASE)
_TARGET = re.compile(r"#EXT-X-TARGETDURATION:(\d{1,4})")


def is_playlist(content_type: str, suffix: str) -> bool:
    """Whether an answer is a playlist, by its media type, or by its name where the type says nothing."""
    return content_type in PLAYLIST_TYPES or (suffix in PLAYLIST_SUFFIXES and not content_type.startswith("audio/"))


def is_hls(text: str) -> bool:
    """Whether a playlist is HTTP Live Streaming (its entries are pieces, not addresses of radios)."""
    return "#EXT-X-" in text


def is_complete(text: str) -> bool:
    """Whether an HLS playlist lists a whole recording, not the present of a live one."""
    return "#EXT-X-ENDLIST" in text


def target_duration_s(text: str) -> int | None:
    """Longest piece of an HLS playlist in seconds; None in a master playlist."""
    found = _TARGET.search(text)
    return None if found is None else int(found[1])


def first_entry(text: str) -> str | None:
    """The first address of an .m3u or .pls playlist, as it stands there."""
    for line in text.lstrip("\ufeff").splitlines():
        entry = line.strip()
        pls = _PLS_ENTRY.fullmatch(entry)
        if pls is not None:
            return pls[1].strip()
        if entry and not entry.startswith(("#", "[")) and not re.match(r"\w+\s*=", entry):
            return entry
    return None
