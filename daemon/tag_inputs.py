"""What `genred tag` was given, as source settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daemon.audio_format import SampleFormat
from daemon.errors import InputUnusable

DEVICE_PREFIX = "device:"


def source_tables(inputs: Sequence[str], realtime: bool, pcm: str | None) -> list[dict[str, Any]]:
    """One `[[sources]]` table an input, streams named apart. InputUnusable for what cannot be an input."""
    tables = [_table(given, realtime, pcm) for given in inputs]
    taken: dict[str, int] = {}
    for table in tables:
        name = table["stream"]
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:
            table["stream"] = f"{name}#{taken[name]}"
    return tables


def is_live(inputs: Sequence[str]) -> bool:
    """Whether any of the inputs may never end."""
    return any("://" in given or given.startswith(DEVICE_PREFIX) for given in inputs)


def _table(given: str, realtime: bool, pcm: str | None) -> dict[str, Any]:
    if given == "-":
        return {"kind": "stdin", "stream": "stdin", **(_pcm(pcm) if pcm else {})}
    if given.startswith(DEVICE_PREFIX):
        name = given.removeprefix(DEVICE_PREFIX)
        device = int(name) if name.isdecimal() else name
        return {"kind": "device", "device": device, "stream": given, "required": True}
    if "://" in given:
        return {"kind": "url", "url": given, "stream": _url_name(given), "required": True}
    path = Path(given)
    if not path.exists():
        raise InputUnusable(f"{given}: no such file or folder")
    return {"kind": "file", "path": path, "stream": path.name or str(path.resolve().name), "realtime": realtime}


def _url_name(url: str) -> str:
    """The URL without user, password and query, which may be secrets."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.split('?')[0]}"[:512]


def _pcm(pcm: str) -> dict[str, Any]:
    """`s16le:44100:2` as settings."""
    parts = pcm.split(":")
    if len(parts) != 3 or parts[0] not in set(SampleFormat) or not (parts[1] + parts[2]).isdecimal():
        raise InputUnusable(f"--pcm {pcm!r}: use FORMAT:HZ:CHANNELS, FORMAT one of {', '.join(SampleFormat)}")
    return {"sample_format": parts[0], "sample_rate_hz": int(parts[1]), "channels": int(parts[2])}
