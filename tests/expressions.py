"""Every expression of the shipped rules and dashboards, and the names of the metrics in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml
from prometheus_client import CollectorRegistry

from daemon.metrics import Metrics
from tests.prometheus_server import DEPLOY, RULES

METRIC = re.compile(r"\b((?:genred|process|python)_\w+|instance:\w+:?\w*)")
STRING = re.compile(r'"[^"]*"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")


def rules() -> list[dict[str, Any]]:
    """All rules, recording ones first."""
    files = [yaml.safe_load((RULES / name).read_text()) for name in ("recording.yml", "alerts.yml")]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """The alert rules."""
    return [rule for rule in rules() if "alert" in rule]


def dashboards() -> dict[str, dict[str, Any]]:
    """The dashboards' models, by the name of their file."""
    paths = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Its panels, those in rows too; rows themselves not."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels", [])
        else:
            yield panel


def shown() -> list[tuple[str, str]]:
    """Where it is, and the expression: of every target of every panel, and of the annotations."""
    found = []
    for name, dashboard in dashboards().items():
        for panel in panels(dashboard):
            found += [(f"{name}: {panel['title']} {target['refId']}", target["expr"]) for target in panel["targets"]]
        queries = [query for query in dashboard["annotations"]["list"] if "expr" in query]
        found += [(f"{name}: annotation {query['name']}", query["expr"]) for query in queries]
    return found


def asked() -> list[tuple[str, str]]:
    """The same of the rules, each part of a comparison by itself: a condition that holds not has no data."""
    return [(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]


def metrics_in(expression: str) -> set[str]:
    """The names of the metrics of an expression."""
    return set(METRIC.findall(GROUPING.sub("", STRING.sub("", expression))))


def declared() -> set[str]:
    """The names of all series that the daemon, and the recording rules, can give."""
    names = {rule["record"] for rule in rules() if "record" in rule}
    registry = CollectorRegistry()
    for collector in [value for value in vars(Metrics(registry)).values() if hasattr(value, "collect")]:
        for family in list(getattr(collector, "describe", list)() or collector.collect()):
            suffixes = {"counter": ("_total",), "info": ("_info",), "histogram": ("_bucket", "_sum", "_count")}
            names |= {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
    return names
