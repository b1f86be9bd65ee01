"""The shipped rules and scrape configurations: promtool takes them, each alert is tested, and has its page."""

from __future__ import annotations

import logging
import re
import runpy
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.logs import JsonFormatter
from daemon.settings import Settings
from tests.expressions import alerts, asked, declared, metrics_in
from tests.prometheus_server import DEPLOY, RULES, shortened

ROOT = DEPLOY.parent
FOLDER = DEPLOY / "prometheus"
RUNBOOKS = ROOT / "docs" / "runbooks"
ALERTS = {alert["alert"]: alert for alert in alerts()}
HEADINGS = ["## What it means", "## How to see it", "## What to do"]


def promtool(*arguments: str | Path) -> None:
    """Run it; its complaints fail the test."""
    program = shutil.which("promtool")
    assert program, "Debian's package prometheus is not installed"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def load(path: Path) -> Any:
    """The YAML of a file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["loopback.yml", "files.yml", "prometheus.yml"])
def test_promtool_takes_the_configuration(name: str) -> None:
    promtool("check", "config", FOLDER / name)


def test_promtool_takes_kubernetes_but_for_what_debian_leaves_out(tmp_path: Path) -> None:
    config = load(FOLDER / "kubernetes.yml")
    (job,) = config["scrape_configs"]
    (pods,) = job.pop("kubernetes_sd_configs")
    assert pods["role"] == "pod"
    assert {rule["target_label"] for rule in job["relabel_configs"] if "target_label" in rule} >= {"job", "namespace"}
    shutil.copytree(RULES, tmp_path / "rules")
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    promtool("check", "config", tmp_path / "prometheus.yml")


@pytest.mark.parametrize("path", sorted(RULES.glob("*.yml")), ids=lambda path: path.stem)
def test_rules_can_stand_in_a_prometheus_rule(path: Path) -> None:
    """Moved in by two columns, as docs/alerts.md does, they are the spec of a PrometheusRule."""
    moved = "spec:\n" + "".join(f"  {line}" for line in path.read_text(encoding="utf-8").splitlines(keepends=True))
    assert yaml.safe_load(moved)["spec"] == load(path)


def test_rules_check_out() -> None:
    promtool("check", "rules", "--lint-fatal", *sorted(RULES.glob("*.yml")))


def test_every_alert_fires_in_its_time_and_not_before() -> None:
    promtool("test", "rules", FOLDER / "tests" / "alerts.yml")


def test_every_alert_is_tested_both_ways() -> None:
    tests = load(FOLDER / "tests" / "alerts.yml")["tests"]
    cases = [(test["name"], case) for test in tests for case in test["alert_rule_test"]]
    fires = {case["alertname"] for _, case in cases if case["exp_alerts"]}
    quiet = {case["alertname"] for name, case in cases if not case["exp_alerts"] and not name.startswith("all is well")}
    well = {case["alertname"] for name, case in cases if name.startswith("all is well")}
    assert fires == quiet == well == set(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_is_wrong_and_where_to_read_on(name: str) -> None:
    alert = ALERTS[name]
    assert alert["labels"]["severity"] in ("warning", "critical")
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert "$value" in alert["annotations"]["description"]
    assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{name}.md"
    assert alert["for"]


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_a_runbook_says_what_it_means_how_to_see_it_what_to_do(page: Path) -> None:
    assert page.stem in ALERTS
    text = page.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("#")] == [f"# {page.stem}", *HEADINGS]
    assert "```console" in text.partition(HEADINGS[1])[2].partition(HEADINGS[2])[0]


def test_the_last_words_that_a_runbook_looks_for_are_what_the_journal_has() -> None:
    """`journalctl -g` leaves upper and lower case alone only where the pattern is in lower case throughout."""
    text = (RUNBOOKS / "GenredCrashLoop.md").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"journalctl -u genred -g '([^']+)'", text)
    assert pattern == pattern.lower()
    error = logging.LogRecord("genred", logging.ERROR, "", 0, "it ends", None, None)
    lines = [
        JsonFormatter().format(error),
        "genred: broker: refuses the connection",
        "genred.service: Main process exited, code=exited, status=69/n/a",
    ]
    assert all(re.search(pattern, line, re.IGNORECASE) for line in lines)
    error.levelno, error.levelname = logging.INFO, "INFO"
    assert not re.search(pattern, JsonFormatter().format(error), re.IGNORECASE)


def test_every_alert_has_a_runbook() -> None:
    assert {page.stem for page in RUNBOOKS.glob("*.md")} == set(ALERTS)


def test_every_metric_of_the_rules_is_declared() -> None:
    used = {where: metrics_in(expression) for where, expression in asked()}
    assert {where: names - declared() for where, names in used.items() if names - declared()} == {}
    assert [where for where, names in used.items() if not names] == ["GenredDown"]  # asks for `up`


def test_the_port_is_the_daemons() -> None:
    port = Settings().http.port
    (loopback,) = load(FOLDER / "loopback.yml")["scrape_configs"]
    assert loopback["static_configs"] == [{"targets": [f"127.0.0.1:{port}"]}]
    (group,) = load(FOLDER / "targets" / "genred.yml")
    assert all(target.endswith(f":{port}") for target in group["targets"])


def test_engine_busy_comes_before_the_process_ends_itself() -> None:
    alert, config = ALERTS["GenredEngineBusy"], load(FOLDER / "loopback.yml")["global"]
    bound_s = float(alert["expr"].rpartition(">")[2])
    waits_s = [float(text.removesuffix("s")) for text in (alert["for"], *config.values())]
    assert bound_s + sum(waits_s) < Settings().health.stuck_after_s


def test_shortened_rules_keep_names_and_bounds() -> None:
    assert shortened("a:rate5m > 30 and b[5m] for: 10m 30s 2h") == "a:rate5m > 30 and b[5s] for: 10s 4s 2h"


def test_pages_are_up_to_date() -> None:
    pages = runpy.run_path(str(ROOT / "docs" / "make_observability.py"))["pages"]()
    stale = [name for name, text in pages.items() if (ROOT / "docs" / name).read_text(encoding="utf-8") != text]
    assert stale == [], "run: python docs/make_observability.py"
