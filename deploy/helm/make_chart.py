"""Makes what follows from other files anew: of the daemon's settings, parts of the chart's values.schema.json and its
README's table; of Prometheus's rules, the PrometheusRule of deploy/kustomize.

Run it after a change of the settings, of values.schema.json, or of the rules: python deploy/helm/make_chart.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from daemon.kafka_settings import KafkaSourceSettings  # noqa: E402
from daemon.settings import Settings  # noqa: E402

CHART = Path(__file__).resolve().parent / "genred"
SCHEMA, README = CHART / "values.schema.json", CHART / "README.md"
RULES = ROOT / "deploy" / "prometheus" / "rules"
RULES_OBJECT = ROOT / "deploy" / "kustomize" / "components" / "observability" / "prometheusrule.yaml"
RULES_HEAD = """# Made by deploy/helm/make_chart.py of deploy/prometheus/rules. Do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: genred
  labels:
    app.kubernetes.io/name: genred
    app.kubernetes.io/instance: genred
    app.kubernetes.io/component: rules
    app.kubernetes.io/version: "{version}"
    app.kubernetes.io/part-of: genred
spec:
  groups:
"""
BEGIN, END = "<!-- made: values -->\n", "<!-- end -->\n"
# What other values say, or the pod's name does.
ELSEWHERE = {"Settings": {"sources", "sinks"}, "KafkaSettings": {"tls", "sasl"}, "HttpSettings": {"enabled"}}
NOISE = {"title", "default", "discriminator"}
NOT_OF_SOURCE = {"kind", "instance_id"}
SOURCES = {"settings": "genred.toml, by the names of docs/settings.md.", "source": "The [[sources]] of kind kafka."}


def main() -> None:
    """Write the files."""
    schema = made_schema(json.loads(SCHEMA.read_text(encoding="utf-8")))
    SCHEMA.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    README.write_text(made_readme(README.read_text(encoding="utf-8"), schema), encoding="utf-8")
    RULES_OBJECT.write_text(made_rules(), encoding="utf-8")


def made_rules() -> str:
    """The rules as an object for the Prometheus operator."""
    version = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))["appVersion"]
    texts = [(RULES / name).read_text(encoding="utf-8") for name in ("recording.yml", "alerts.yml")]
    lines = "".join(text.partition("groups:\n")[2] for text in texts).splitlines()
    return RULES_HEAD.format(version=version) + "".join(f"  {line}".rstrip() + "\n" for line in lines)


def made_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The chart's schema with the daemon's own settings in it; everything else as it is."""
    settings = _closed(Settings.model_json_schema(ref_template="#/definitions/{model}"))
    source = _closed(KafkaSourceSettings.model_json_schema(ref_template="#/definitions/{model}"))
    definitions = settings.pop("$defs") | source.pop("$defs", {})
    for key in NOT_OF_SOURCE:
        del source["properties"][key]
    for name, keys in ELSEWHERE.items():
        table = settings if name == "Settings" else definitions[name]
        for key in keys:
            del table["properties"][key]
    definitions["KafkaSettings"]["properties"]["bootstrap_servers"]["minItems"] = 1
    definitions["KafkaSettings"]["required"] = ["bootstrap_servers"]
    settings["required"], source["required"] = ["kafka", "http", "drain_timeout_s"], ["topic", "group"]
    definitions["HttpSettings"]["required"] = ["host", "port"]
    definitions["HttpSettings"]["properties"]["port"]["minimum"] = 1
    made = {"settings": settings, "source": source}
    for name, description in SOURCES.items():
        made[name]["description"] = description
    schema["properties"] |= made
    schema["definitions"] = _reached(made, definitions)
    return schema


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema by pydantic without titles and defaults, which are the daemon's affair."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {key: plain(each) for key, each in value.items() if key not in NOISE}

    return {**plain(schema), "additionalProperties": False}


def _reached(made: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Those definitions that are referred to, by way of others too."""
    reached: dict[str, Any] = {}
    ahead = [made]
    while ahead:
        for name in set(_references(ahead.pop())) - set(reached):
            reached[name] = definitions[name]
            ahead.append(definitions[name])
    return dict(sorted(reached.items()))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _references(each)
    elif isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rpartition("/")[2]
        for each in value.values():
            yield from _references(each)


def made_readme(text: str, schema: dict[str, Any]) -> str:
    """The README with its table of values."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    head, _, rest = text.partition(BEGIN)
    lines = ["| value | default | limits | meaning |", "| --- | --- | --- | --- |", *_rows(schema, values, "")]
    return head + BEGIN + "\n".join(lines) + "\n" + END + rest.partition(END)[2]


def _rows(schema: dict[str, Any], values: dict[str, Any], prefix: str) -> Iterator[str]:
    for name, what in schema["properties"].items():
        default = values.get(name)
        if what.get("properties") and name not in SOURCES:
            yield from _rows(what, default or {}, f"{prefix}{name}.")
        else:
            shown = "" if default is None else f"`{json.dumps(default, ensure_ascii=False)}`"
            yield f"| `{prefix}{name}` | {shown} | {_limits(what)} | {what['description']} |"


def _limits(what: dict[str, Any]) -> str:
    if "enum" in what:
        return ", ".join(f"`{each}`" for each in what["enum"] if each)
    low, high = what.get("minimum"), what.get("maximum")
    return " to ".join(f"{each:,}" for each in (low, high) if each is not None) if low is not None else ""


if __name__ == "__main__":
    main()
