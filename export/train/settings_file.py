"""Settings from a TOML file and from `key=value` words, and back to TOML."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from export.errors import SettingsUnusable
from export.train.settings import TrainSettings


def read_settings(path: Path) -> TrainSettings:
    """The settings of a file; SettingsUnusable names the file and the key."""
    return checked(read_table(path), str(path))


def read_table(path: Path) -> dict[str, Any]:
    """A TOML file as it is written; SettingsUnusable."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsUnusable(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsUnusable(f"{path}: not TOML: {error}") from None


def changed(table: Mapping[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """`table` with each "a.b=value" put in; a value is TOML where it can be read as such, else a string."""
    result: dict[str, Any] = _copied(table)
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not all(name.split(".")):
            raise SettingsUnusable(f"--set {word}: must be key=value, such as optimiser.learning_rate=3e-4")
        *parents, last = name.strip().split(".")
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise SettingsUnusable(f"--set {word}: {parent} is no table of settings")
        place[last] = _value(value.strip())
    return result


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`under` with what `over` says put in, tables key by key."""
    tables = {key: value for key, value in under.items() if isinstance(value, Mapping)}
    both = {key: merged(tables[key], value) for key, value in over.items() if key in tables and _is_table(value)}
    return _copied({**under, **over, **both})


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def checked(table: Mapping[str, Any], where: str) -> TrainSettings:
    """The settings in `table`; SettingsUnusable with a line for each key that is wrong."""
    try:
        return TrainSettings.model_validate(table)
    except ValidationError as error:
        lines = [f"{where}: {_said(detail)}" for detail in error.errors()]
        raise SettingsUnusable("\n".join(dict.fromkeys(lines))) from None


def settings_toml(settings: TrainSettings) -> str:
    """What `read_settings` reads."""
    return tomli_w.dumps(settings.model_dump(mode="json", exclude_none=True))


def _said(detail: Any) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        return f"{key}: no such setting"
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"{key}: {message}, not {detail['input']!r}" if key else message


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _copied(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, Mapping) else value for key, value in table.items()}
