"""What `genred tag` and `genred feed` were given, as source settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from daemon.audio_format import SampleFormat
from daemon.errors import InputUnusable
from daemon.settings import Settings

DEVICE_PREFIX = "device:"


def with_inputs(settings: Settings, inputs: Sequence[str], realtime: bool, pcm: str | None) -> Settings:
    """The settings with the inputs as their only sources. InputUnusable names the inputs that cannot be."""
    tables = source_tables(inputs, realtime, pcm)
    fields: dict[str, Any] = {name: getattr(settings, name) for name in settings.model_fields_set}
    try:
        return Settings(**{**fields, "sources": tables})
    except ValidationError as error:
        problems = (f"{inputs[_place(problem)]}: {_what(problem)}" for problem in error.errors())
        raise InputUnusable("; ".join(problems)) from None


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


def _place(problem: Any) -> int:
    """Which input a settings problem is about."""
    return next((part for part in problem["loc"] if isinstance(part, int)), 0)


def _what(problem: Any) -> str:
    key = problem["loc"][-1] if problem["loc"] else "inputs"
    return f"{key}: {problem['msg']}"


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
