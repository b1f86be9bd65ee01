"""`genred config`: the effective settings as TOML, and their JSON Schema."""

from __future__ import annotations

import json
from typing import Any

import tomli_w
import typer

from daemon.settings import Settings, masked


def print_settings(settings: Settings) -> None:
    """Print the settings as TOML that `genred run -c` takes back, but for masked secrets and unset values."""
    typer.echo(tomli_w.dumps(_without_unset(masked(settings))), nl=False)


def settings_schema() -> dict[str, Any]:
    """The JSON Schema of the settings file."""
    schema = Settings.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "genred settings"}


def print_schema() -> None:
    """Print the JSON Schema."""
    typer.echo(json.dumps(settings_schema(), indent=2, ensure_ascii=False))


def _without_unset(value: Any) -> Any:
    """TOML has no null: an unset key is left out."""
    if isinstance(value, dict):
        return {key: _without_unset(inner) for key, inner in value.items() if inner is not None}
    return [_without_unset(inner) for inner in value] if isinstance(value, list) else value
