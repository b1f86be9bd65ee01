"""What the dashboards have in common: their variables, links to one another, the firing alerts as annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)
from panels import OF, SOURCE, Panel

# Which label a variable is of, and what narrows its values: the variables before it.
VARIABLES = {
    "namespace": "genred_build_info",
    "job": 'genred_build_info{namespace=~"$namespace"}',
    "instance": 'genred_build_info{namespace=~"$namespace", job=~"$job"}',
}


@dataclass(frozen=True)
class Section:
    """A row's title and its panels."""

    title: str
    panels: Sequence[Panel]


def board(uid: str, title: str, text: str, sections: Sequence[Section]) -> Dashboard:
    """A whole dashboard."""
    whole = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(text)
        .tags(["genred"])
        .readonly()
        .refresh("10s")
        .time("now-30m", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_others())
        .annotation(_alerts())
        .with_variable(_data_source())
    )
    for name, series in VARIABLES.items():
        whole = whole.with_variable(_label(name, series))
    for section in sections:
        whole = whole.with_row(dashboard.Row(section.title))
        for panel in section.panels:
            whole = whole.with_panel(panel)
    return whole.build()


def _data_source() -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")


def _label(name: str, series: str) -> dashboard.QueryVariable:
    """All by default; a label that is not there (namespace, outside Kubernetes) counts as all too."""
    return (
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .datasource(SOURCE)
        .query(f"label_values({series}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def _others() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("genred").type(DashboardLinkType.DASHBOARDS).tags(["genred"])
    return link.as_dropdown(False).include_vars(True).keep_time(True)


def _alerts() -> dashboard.AnnotationQuery:
    expression = f'ALERTS{{alertname=~"Genred.+", alertstate="firing", {OF}}}'
    query = dashboard.AnnotationQuery().name("Firing alerts").datasource(SOURCE).enable(True).icon_color("red")
    return query.expr(expression)
