"""The dashboards: made by the code beside them, of the types that Grafana knows, of metrics that there are."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.expressions import dashboards, declared, metrics_in, panels, shown
from tests.prometheus_server import DEPLOY

FOLDER = DEPLOY / "grafana"
MADE = dashboards()
COLUMNS = 24


def test_dashboards_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    made = importlib.import_module("make_dashboards").dashboards()
    assert made.keys() == MADE.keys()
    stale = [name for name, text in made.items() if (FOLDER / "dashboards" / name).read_text(encoding="utf-8") != text]
    assert stale == [], "run: python deploy/grafana/make_dashboards.py"


@pytest.mark.parametrize("name", MADE)
def test_the_sdks_models_read_all_of_it(name: str) -> None:
    """Read into typed models and written again it is the same: no field is unknown, none is lost."""
    register_default_plugins()
    model = Dashboard.from_json(json.loads(json.dumps(MADE[name])))
    assert json.loads(JSONEncoder().encode(model)) == MADE[name]
    assert {type(panel).__name__ for panel in model.panels or ()} <= {"Panel", "RowPanel"}


@pytest.mark.parametrize("name", MADE)
def test_variables_choose_source_namespace_job_and_instance(name: str) -> None:
    variables = {each["name"]: each for each in MADE[name]["templating"]["list"]}
    assert list(variables) == ["datasource", "namespace", "job", "instance"]
    assert variables["datasource"]["type"] == "datasource"
    assert all(variables[each]["allValue"] == ".*" for each in ("namespace", "job", "instance"))


def test_every_series_is_of_what_the_variables_choose() -> None:
    """Each metric is followed by a selector that has them all."""
    metric = re.compile(r"\b(?:genred|process|python)_\w+(?!\w)(\{[^}]*\})?")
    for where, expression in shown():
        for found in metric.finditer(re.sub(r"(by|without) \([^)]*\)", "", expression)):
            assert all(f'=~"${each}"' in (found[1] or "") for each in ("namespace", "job", "instance")), where


def test_every_metric_is_declared_and_every_family_is_shown() -> None:
    used = set().union(*(metrics_in(expression) for _, expression in shown()))
    assert used - declared() == set()
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in declared() if name.startswith("genred_")}
    assert families - {re.sub(r"_(bucket|sum|count)$", "", name) for name in used} == set()


@pytest.mark.parametrize("name", MADE)
def test_panels_lie_in_the_grid_and_do_not_overlap(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in MADE[name]["panels"]:
        at = panel["gridPos"]
        x, y = at.get("x", 0), at.get("y", 0)
        cells = {(x + right, y + down) for right in range(at["w"]) for down in range(at["h"])}
        assert not cells & taken and max(x for x, _ in cells) < COLUMNS, panel["title"]
        taken |= cells


def test_every_panel_has_a_title_of_its_own_a_text_and_a_source() -> None:
    for name, dashboard in MADE.items():
        all_panels = list(panels(dashboard))
        titles = [panel["title"] for panel in all_panels]
        assert len(set(titles)) == len(titles), name
        assert all(panel["description"] and panel["targets"] for panel in all_panels), name
        assert {panel["datasource"]["uid"] for panel in all_panels} == {"${datasource}"}, name


@pytest.mark.parametrize("page", sorted((DEPLOY.parent / "docs" / "runbooks").glob("*.md")), ids=lambda page: page.stem)
def test_what_a_runbook_looks_at_is_there(page: Path) -> None:
    """In italics: dashboards and panels, and one page of Prometheus' own."""
    seen = {panel["title"] for dashboard in MADE.values() for panel in panels(dashboard)} | {"Status, Targets"}
    seen |= {dashboard["title"].removeprefix("genred / ") for dashboard in MADE.values()}
    named = re.findall(r"(?<![*\w])\*([A-Z0-9][^*]+)\*(?!\*)", page.read_text(encoding="utf-8"))
    assert {" ".join(name.split()) for name in named} <= seen


def test_uids_are_stable_and_differ() -> None:
    assert [MADE[name]["uid"] for name in sorted(MADE)] == ["genred-genres", "genred-pipeline", "genred-service"]


def test_provisioning_finds_prometheus_and_the_dashboards() -> None:
    source = load(FOLDER / "provisioning" / "datasources" / "prometheus.yml")
    provider = load(FOLDER / "provisioning" / "dashboards" / "genred.yml")
    assert source["datasources"][0]["type"] == "prometheus" and source["datasources"][0]["isDefault"]
    assert provider["providers"][0]["options"] == {"path": "/var/lib/grafana/dashboards"}


def load(path: Path) -> Any:
    """The YAML of a file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))
