"""Writes docs/alerts.md and docs/dashboards.md from rules and dashboards: `python docs/make_observability.py`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).resolve().parent
DEPLOY = DOCS.parent / "deploy"
NOTICE = "<!-- Made by docs/make_observability.py. Do not edit. -->"

ALERTS = f"""{NOTICE}

# Alerts

`deploy/prometheus/rules/alerts.yml`; what they ask for often is worked out in `recording.yml` beside it. *Critical*
should wake somebody: streams are not tagged, or audio is lost. *Warning* wants a look in the day.

| alert | severity | when | for |
| --- | --- | --- | --- |
"""

ALERTS_END = """
The bounds are for streams that are heard in real time with default settings. Change them where yours are others:

| bound | change it when |
| --- | --- |
| 5 s, `GenredLatencyHigh` | you promise another; producers send chunks of more than 2 s |
| 30 s, `GenredFallingBehind` | a lag of more is usual, for example because audio comes in bulk |
| 10 s, `GenredEngineBusy` | batches take seconds; keep it and its `for` together under `health.stuck_after_s` |
| 60 s, `GenredNoResults` | no: a window ends every two seconds |
| 1 %, `GenredLosingAudio` | any loss matters (0), or producers lose more by themselves |

A job is chosen by its name: it must have `genred` in it, as it has with the scrape configurations of
`deploy/prometheus` and with the Helm chart's monitors. `runbook_url` is a path in this repository; put your address
before it:

```console
$ sed -i 's|runbook_url: docs|runbook_url: https://wiki.example/genred|' rules/alerts.yml
```

## Installing

`deploy/prometheus` has one scrape configuration for each place:

| file | for |
| --- | --- |
| `loopback.yml` | Prometheus beside genred, both on loopback |
| `files.yml` | several machines, named in `targets/*.yml` |
| `kubernetes.yml` | a Prometheus in the cluster that finds the pods itself |

Copy it with `rules/` beside it, and check what you changed:

```console
$ promtool check config deploy/prometheus/loopback.yml
$ promtool test rules deploy/prometheus/tests/alerts.yml
$ prometheus --config.file=deploy/prometheus/loopback.yml --web.listen-address=127.0.0.1:9090
```

Debian's Prometheus is built without Kubernetes, and its promtool does not know that section of `kubernetes.yml`.
With the Prometheus operator, take the chart's monitor and rules ([Kubernetes](kubernetes.md)): `monitor.kind`,
`prometheusRule.enabled`, and `prometheusRule.runbooks` for your address. Without Helm the rules are an object ready to
apply:

```console
$ kubectl apply -n monitoring -f deploy/kustomize/components/observability/prometheusrule.yaml
```

## How they are tested

`deploy/prometheus/tests/alerts.yml` holds a worker that is well, and for each alert one with the fault: the alert is
not there just before its time, is there after it, and says what it should. `tests/test_prometheus_live.py` makes faults
for real, and waits for the alerts in a real Prometheus that scrapes real daemons every second: a radio that stalls, a
model too heavy for the machine (falling behind, losing audio), records that are none, a process that is killed. The
rules there are the shipped ones with every window and every `for` divided by sixty (and at least 4 s); bounds are as
shipped. In the same run every expression of every rule and dashboard must have data, but for the GPU's memory where
there is no GPU.
"""

DASHBOARDS = f"""{NOTICE}

# Dashboards

Three, in `deploy/grafana/dashboards`. They are made by Python (`deploy/grafana/make_dashboards.py`, with
grafana-foundation-sdk), so that what is common to them is said once; change that, not the JSON.

Variables choose the data source, and one or several namespaces, jobs and instances; where there are no namespaces, as
outside Kubernetes, *All* is the only value. Alerts that fire are shown as red marks over all panels. A link at the top
leads from each to the others, with the same choice and time.

## Installing

From files: `deploy/grafana/provisioning` goes to `/etc/grafana/provisioning`, the dashboards to
`/var/lib/grafana/dashboards`. The data source asks `http://prometheus:9090`; on one machine, change that:

```console
$ cp -r deploy/grafana/provisioning/* /etc/grafana/provisioning/
$ sed -i 's|http://prometheus:9090|http://127.0.0.1:9090|' /etc/grafana/provisioning/datasources/prometheus.yml
$ mkdir -p /var/lib/grafana/dashboards && cp deploy/grafana/dashboards/*.json /var/lib/grafana/dashboards/
$ systemctl restart grafana-server
```

In Kubernetes, where Grafana takes dashboards from ConfigMaps by a label, as kube-prometheus-stack's does: the chart's
`dashboards.enabled` ([Kubernetes](kubernetes.md)), or without Helm

```console
$ kubectl apply -n monitoring -k deploy/grafana
```

By hand: *Dashboards, New, Import*, and one JSON after another. They are written for Grafana 11.6 and newer. For the
dots that lead from a latency to its trace, see [metrics](metrics.md#exemplars-and-traces).

Every expression is asked of a real Prometheus in the tests. The JSON is read by the models of Grafana's own SDK; no
Grafana has drawn it in the tests.
"""


def pages() -> dict[str, str]:
    """Name of the page -> its text."""
    return {"alerts.md": alerts_page(), "dashboards.md": dashboards_page()}


def alerts_page() -> str:
    """A row an alert."""
    rules = yaml.safe_load((DEPLOY / "prometheus" / "rules" / "alerts.yml").read_text(encoding="utf-8"))
    rows = [_alert_row(rule) for group in rules["groups"] for rule in group["rules"]]
    return ALERTS + "".join(rows) + ALERTS_END


def dashboards_page() -> str:
    """A section a dashboard, a table a row of panels."""
    parts = [DASHBOARDS]
    for name in ("service", "pipeline", "genres"):
        path = DEPLOY / "grafana" / "dashboards" / f"{name}.json"
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        parts.append(f"\n## {dashboard['title'].partition(' / ')[2]}\n\n{dashboard['description']}\n")
        parts += _panel_tables(dashboard["panels"])
    return "".join(parts)


def _alert_row(rule: dict[str, Any]) -> str:
    name, expression = rule["alert"], " ".join(rule["expr"].split()).replace("|", "\\|")
    return f"| [{name}](runbooks/{name}.md) | {rule['labels']['severity']} | `{expression}` | {rule['for']} |\n"


def _panel_tables(panels: list[dict[str, Any]]) -> Iterator[str]:
    for panel in panels:
        if panel["type"] == "row":
            yield f"\n### {panel['title']}\n\n| panel | what it shows |\n| --- | --- |\n"
            yield from map(_panel_row, panel.get("panels", []))
        else:
            yield _panel_row(panel)


def _panel_row(panel: dict[str, Any]) -> str:
    text = re.sub(r"\b(metrics\.\w+|engine\.\w+)", r"`\1`", panel["description"])
    return f"| {panel['title']} | {text} |\n"


if __name__ == "__main__":
    for page, text in pages().items():
        (DOCS / page).write_text(text, encoding="utf-8")
