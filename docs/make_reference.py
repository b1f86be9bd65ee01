"""Writes the generated pages of docs from the code: `python docs/make_reference.py`."""

from __future__ import annotations

import inspect
import json
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.registry import Collector

from daemon.metrics import Metrics
from daemon.settings import ENV_PREFIX, Settings
from export.train.settings import TrainSettings

DOCS = Path(__file__).resolve().parent
Schema = Mapping[str, Any]

NOTICE = "<!-- Made by docs/make_reference.py from the code. Do not edit. -->"

SETTINGS_INTRO = f"""\
{NOTICE}

# Settings

Settings are read once, at the start. Flags go over the environment, the environment over the TOML file
(`-c genred.toml`), the file over the defaults. An unknown key or variable is an error (exit code 78).
`genred config -c genred.toml` prints what is in effect, `genred config --schema` the JSON Schema.

A key with a dot is a key in a table: `engine.threads` is `threads` under `[engine]`. Its variable has two underscores
in the dot's place: `GENRED_ENGINE__THREADS`. `sources` and `sinks` are lists of tables; as a variable, such a list is
JSON:

```console
$ GENRED_SOURCES='[{{"kind": "url", "url": "https://radio.example/live", "stream": "radio-1"}}]' genred run
```
"""

TRAINING_INTRO = f"""\
{NOTICE}

# Settings of a training run

For `genred export train` and `genred export distil`: in a TOML file (`--config train.toml`), or one at a time on the
command line, where a dot stands for the table:

```console
$ genred export train set --run runs/b --set schedule.kind=one-cycle --set optimiser.learning_rate=3e-3
```

The run's folder keeps them all as `settings.toml`, which `--config` takes again. An unknown key or a wrong value is an
error (exit code 78).
"""


def pages() -> dict[str, str]:
    """The generated pages: name of the file -> its text."""
    return {"settings.md": settings_page(), "metrics.md": metrics_page(), "training-settings.md": training_page()}


def settings_page() -> str:
    """All settings, a table a section."""
    schema = Settings.model_json_schema()
    properties: Mapping[str, Schema] = schema["properties"]
    nested = {key: _resolved(field, schema) for key, field in properties.items()}
    tables = {
        key for key, field in nested.items() if "properties" in field or "discriminator" in field.get("items", {})
    }
    plain = {key: field for key, field in nested.items() if key not in tables}
    parts = [SETTINGS_INTRO, "## Top level\n", _settings_table(plain, schema, "")]
    for key, section in nested.items():
        if "properties" in section:
            parts += _section(key, section, schema)
    for key, section in nested.items():
        if key in tables and "items" in section:
            parts.append(f"## `[[{key}]]`\n")
            parts.append(f"{section['description']} As a variable: `{_variable(key)}`, a JSON list.\n")
            for kind, table in _kinds(section["items"], schema).items():
                parts += [f'### `kind = "{kind}"`\n', table["description"] + "\n"]
                required = set(table.get("required", ()))
                fields = {name: field for name, field in table["properties"].items() if name != "kind"}
                if fields:
                    parts.append(
                        _table(("key", "type", "default", "limits", "meaning"), _rows(fields, schema, required))
                    )
                else:
                    parts.append("No settings.\n")
    return "\n".join(parts)


def _section(key: str, section: Schema, schema: Schema) -> list[str]:
    """A table of settings, and the tables inside it, those that may be left out too."""
    inner: dict[str, Schema] = {}
    for name, field in section["properties"].items():
        for form in _forms(_resolved(field, schema), schema):
            if "properties" in form:
                inner[name] = form
    plain = {name: field for name, field in section["properties"].items() if name not in inner}
    required = set(section.get("required", ()))
    parts = [f"## `[{key}]`\n", section["description"] + "\n", _settings_table(plain, schema, f"{key}.", required)]
    for name, table in inner.items():
        parts += _section(f"{key}.{name}", table, schema)
    return parts


def training_page() -> str:
    """The settings of training, a table a section, each with what its class says of them."""
    schema = TrainSettings.model_json_schema()
    fields = {name: _resolved(field, schema) for name, field in schema["properties"].items()}
    plain = {name: field for name, field in fields.items() if "properties" not in field}
    parts = [TRAINING_INTRO, _training_section("Top level", str(inspect.getdoc(TrainSettings)), plain, schema)]
    for name, field in fields.items():
        if name not in plain:
            parts.append(_training_section(f"`[{name}]`", field["description"], field["properties"], schema))
    return "\n".join(parts)


def _training_section(heading: str, text: str, fields: Mapping[str, Schema], schema: Schema) -> str:
    rows = [row[:4] for row in _rows(fields, schema, set())]
    return f"## {heading}\n\n{text}\n\n{_table(('key', 'type', 'default', 'limits'), rows)}"


def metrics_page() -> str:
    """All metrics, in the order of the code."""
    page = tomllib.loads((DOCS / "metrics.toml").read_text(encoding="utf-8"))
    notes = page["metrics"]
    registry = CollectorRegistry()
    values = [value for value in vars(Metrics(registry)).values() if value is not registry]
    collectors: list[Collector] = [value for value in values if hasattr(value, "collect")]
    rows = [row for collector in collectors for row in _metric_rows(collector, notes)]
    if notes:
        raise KeyError(f"docs/metrics.toml: no such metrics: {', '.join(notes)}")
    head = ("name", "type", "labels", "unit", "meaning", "what to look for")
    return "\n".join([NOTICE, "", page["introduction"], _table(head, rows), page["end"]])


def _metric_rows(collector: Collector, notes: dict[str, list[str]]) -> list[tuple[str, ...]]:
    """A row a family of the collector; its notes are taken out of `notes`."""
    described = list(getattr(collector, "describe", list)() or collector.collect())
    rows: list[tuple[str, ...]] = []
    for family in described:
        if isinstance(collector, MetricWrapperBase):
            labels = collector._labelnames
        else:
            labels = getattr(family, "_labelnames", None) or tuple(family.samples[0].labels if family.samples else ())
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        unit, look = notes.pop(family.name.removeprefix("genred_"))
        shown = ", ".join(f"`{label}`" for label in labels)
        rows.append((f"`{family.name}{suffix}`", family.type, shown, unit, family.documentation, look))
    return rows


def _settings_table(fields: Mapping[str, Schema], schema: Schema, prefix: str, required: Collection[str] = ()) -> str:
    rows = [
        (*row, f"`{_variable(prefix + key)}`")
        for key, row in zip(fields, _rows(fields, schema, required, prefix), strict=True)
    ]
    return _table(("key", "type", "default", "limits", "meaning", "variable"), rows)


def _rows(
    fields: Mapping[str, Schema], schema: Schema, required: Collection[str], prefix: str = ""
) -> list[tuple[str, ...]]:
    return [
        (
            f"`{prefix}{key}`",
            " or ".join(_type(form) for form in _forms(field, schema)),
            "required" if key in required else _default(field.get("default")),
            "; ".join(filter(None, (_limits(form) for form in _forms(field, schema)))),
            str(field.get("description", "")),
        )
        for key, field in fields.items()
    ]


def _variable(key: str) -> str:
    return ENV_PREFIX + key.replace(".", "__").upper()


def _resolved(field: Schema, schema: Schema) -> Schema:
    """`field` with its `$ref` followed."""
    if "$ref" not in field:
        return field
    target: Schema = schema["$defs"][field["$ref"].rpartition("/")[2]]
    return {**target, **{key: value for key, value in field.items() if key != "$ref"}}


def _forms(field: Schema, schema: Schema) -> list[Schema]:
    """What a value may be, without null."""
    forms = [_resolved(form, schema) for form in field.get("anyOf", [field])]
    return [form for form in forms if form.get("type") != "null"]


def _kinds(items: Schema, schema: Schema) -> dict[str, Schema]:
    mapping: Mapping[str, str] = items["discriminator"]["mapping"]
    return {kind: _resolved({"$ref": ref}, schema) for kind, ref in mapping.items()}


def _type(form: Schema) -> str:
    return {"format:path": "path", "format:password": "secret string"}.get(
        f"format:{form.get('format')}", str(form["type"])
    )


def _default(value: object) -> str:
    return "" if value is None else f"`{json.dumps(value)}`"


def _limits(form: Schema) -> str:
    if "enum" in form:
        return ", ".join(f"`{value}`" for value in form["enum"])
    if "pattern" in form:
        return "`" + str(form["pattern"]).replace("|", "\\|") + "`"
    signs = (("minimum", "≥ "), ("exclusiveMinimum", "> "), ("maximum", "≤ "), ("exclusiveMaximum", "< "))
    limits = [
        f"{sign}{form[key]:g}" if isinstance(form[key], float) else f"{sign}{form[key]}"
        for key, sign in signs
        if key in form
    ]
    if "maxLength" in form:
        limits.append(f"{form.get('minLength', 0)} to {form['maxLength']} characters")
    return ", ".join(limits)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    for page, text in pages().items():
        (DOCS / page).write_text(text, encoding="utf-8")
