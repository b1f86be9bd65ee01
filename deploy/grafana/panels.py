"""Panels as the dashboards want them: a title, what it says, expressions with their legends, a unit."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.builders import bargauge, common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
OF = 'namespace=~"$namespace", job=~"$job", instance=~"$instance"'
HEIGHT, WIDTH = 8, 12  # of 24 columns

Panel = timeseries.Panel | stat.Panel | bargauge.Panel | heatmap.Panel | table.Panel


def chosen(metric: str, labels: str = "") -> str:
    """The series of what the variables choose, with more `labels` if given."""
    return f"{metric}{{{labels}, {OF}}}" if labels else f"{metric}{{{OF}}}"


def rate(metric: str, labels: str = "") -> str:
    """Its increase a second, over as short a time as Grafana thinks good."""
    return f"rate({chosen(metric, labels)}[$__rate_interval])"


def quantile(share: float, histogram: str, by: str = "") -> str:
    """A quantile over what the variables choose, for each value of the labels `by`."""
    return f"histogram_quantile({share:g}, sum by (le{by and ', ' + by}) ({rate(histogram + '_bucket')}))"


@dataclass(frozen=True)
class Query:
    """An expression, and how its series are called in the legend."""

    expr: str
    legend: str = "{{instance}}"


def lines(
    title: str,
    text: str,
    unit: str,
    *queries: Query,
    stacked: bool = False,
    width: int = WIDTH,
    least: float | None = 0,
) -> timeseries.Panel:
    """Lines over time; `stacked` where they add up. `least`: where the axis begins."""
    legend = common.VizLegendOptions().show_legend(True).calcs(["lastNotNull", "max"])
    legend = legend.display_mode(common_model.LegendDisplayMode.TABLE).placement(common_model.LegendPlacement.BOTTOM)
    multi = common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI)
    panel = timeseries.Panel().title(title).description(text).unit(unit).datasource(SOURCE).legend(legend)
    panel = panel.tooltip(multi).height(HEIGHT).span(width).fill_opacity(25 if stacked else 8)
    if least is not None:
        panel = panel.axis_soft_min(least)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL).group("A"))
    for place, query in enumerate(queries):
        panel = panel.with_target(_target(query, place))
    return panel


def figure(
    title: str, text: str, unit: str, expr: str, *, warning: float | None = None, under: bool = False, width: int = 3
) -> stat.Panel:
    """One figure of now, with its course; turns red at `warning`, or below it when `under`."""
    good, bad = ("red", "green") if under else ("green", "red")
    steps = [Threshold(color="green" if warning is None else good)]
    if warning is not None:
        steps.append(Threshold(value=warning, color=bad))
    limits = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
    return (
        stat.Panel()
        .title(title)
        .description(text)
        .unit(unit)
        .datasource(SOURCE)
        .height(4)
        .span(width)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .graph_mode(common_model.BigValueGraphMode.AREA)
        .thresholds(limits)
        .with_target(_target(Query(expr, title), 0))
    )


def bars(title: str, text: str, unit: str, query: Query, width: int = WIDTH) -> bargauge.Panel:
    """Bars of now, one a series."""
    return (
        bargauge.Panel()
        .title(title)
        .description(text)
        .unit(unit)
        .min(0)
        .datasource(SOURCE)
        .height(HEIGHT)
        .span(width)
        .orientation(common_model.VizOrientation.HORIZONTAL)
        .display_mode(common_model.BarGaugeDisplayMode.GRADIENT)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.CONTINUOUS_BL_PU))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .with_target(_target(query, 0).instant())
    )


def buckets(title: str, text: str, unit: str, histogram: str, width: int = WIDTH) -> heatmap.Panel:
    """A histogram over time; its exemplars lead to traces."""
    colours = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Spectral").steps(64)
    target = _target(Query(f"sum by (le) ({rate(histogram + '_bucket')})", "{{le}}"), 0)
    target = target.format(PromQueryFormat.HEATMAP).exemplar(True)
    panel = heatmap.Panel().title(title).description(text).datasource(SOURCE).height(HEIGHT).span(width)
    axis = heatmap.YAxisConfig().unit(unit)
    return panel.calculate(False).color(colours).y_axis(axis).with_target(target)


def rows(title: str, text: str, query: Query, hidden: tuple[str, ...] = (), width: int = WIDTH) -> table.Panel:
    """The labels of series as a table, without `hidden` and the value."""
    target = _target(query, 0).instant().format(PromQueryFormat.TABLE)
    without = dict.fromkeys(("Time", "Value", "__name__", *hidden), True)
    tidy = DataTransformerConfig(id_val="organize", options={"excludeByName": without})
    panel = table.Panel().title(title).description(text).datasource(SOURCE).height(HEIGHT).span(width)
    return panel.with_target(target).with_transformation(tidy)


def fixed(panel: timeseries.Panel, colours: dict[str, str]) -> timeseries.Panel:
    """The same with these colours for these legends, so that what is bad looks it on every dashboard."""
    for legend, colour in colours.items():
        value = dashboard.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(colour).build()
        panel = panel.override_by_name(legend, [DynamicConfigValue(id_val="color", value=value.to_json())])
    return panel


def _target(query: Query, place: int) -> prometheus.Dataquery:
    reference = chr(ord("A") + place)
    return prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(reference).datasource(SOURCE)
