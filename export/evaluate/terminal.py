"""An evaluation as tables in a terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from export.console import console
from export.evaluate.alignment import listed
from export.evaluate.comparison import Comparison
from export.evaluate.evaluation import Calibration, Evaluation
from export.evaluate.streaming import StreamingCheck
from export.evaluate.wording import FIGURES, chance, figure, short_span, signed, span

_MOST_LABELS = 60


def print_evaluation(evaluation: Evaluation) -> None:
    """Print it on standard output."""
    out = console()
    music = evaluation.music
    out.print(
        f"[bold]{escape(evaluation.model.name)}[/bold] on {music.split} of {escape(str(music.folder))}: "
        f"{music.tracks} tracks, {music.windows} windows"
    )
    out.print(_figures(evaluation))
    out.print(_labels(evaluation))
    if evaluation.pairs:
        out.print(_pairs(evaluation))
    for line in [*_calibration(evaluation.calibration), *_streaming(evaluation.streaming)]:
        out.print(line)
    if evaluation.thresholds_from is not None:
        out.print(f"thresholds: {evaluation.thresholds_from}")
    if evaluation.comparison is not None:
        _print_comparison(out, evaluation.comparison, len(evaluation.labels))
    for note in evaluation.notes:
        out.print(f"[yellow]note:[/yellow] {escape(note)}")


def _figures(evaluation: Evaluation) -> Table:
    table = number_table("", "tracks", "95 % interval", "windows", title="Figures")
    for key, (name, _, _) in FIGURES.items():
        if key in evaluation.tracks:
            table.add_row(
                name,
                figure(evaluation.tracks[key]),
                span(evaluation.intervals.get(key)),
                figure(evaluation.windows.get(key)),
            )
    return table


def _labels(evaluation: Evaluation) -> Table:
    table = number_table("label", "tracks", "precision", "recall", "F1", "95 %", "ROC-AUC", "PR-AUC", title="Labels")
    lines = sorted(evaluation.labels, key=lambda line: -line.support)
    for line in lines[:_MOST_LABELS]:
        values = [line.precision, line.recall, line.f1] if line.support else [None] * 3
        interval = short_span(line.f1_interval)
        areas = [figure(line.roc_auc), figure(line.pr_auc)]
        table.add_row(escape(line.name), str(line.support), *map(figure, values), interval, *areas)
    return table


def _pairs(evaluation: Evaluation) -> Table:
    table = Table("is", "heard as", "tracks", "of its tracks", "for example", title="Confused most", box=SIMPLE_HEAD)
    for pair in evaluation.pairs:
        example = pair.examples[0].path.name if pair.examples else ""
        table.add_row(
            escape(pair.true), escape(pair.heard), str(pair.count), f"{100 * pair.share:.0f} %", escape(example)
        )
    return table


def _calibration(calibration: Calibration) -> list[str]:
    if calibration.temperature is None or calibration.tempered_ece is None:
        return [f"calibration error of windows {figure(calibration.ece)}"]
    return [
        f"calibration error of windows {figure(calibration.ece)}; with temperature {calibration.temperature:.2f}, "
        f"fitted on validation, {figure(calibration.tempered_ece)}"
    ]


def _streaming(check: StreamingCheck | None) -> list[str]:
    if check is None:
        return []
    verdict = "[green]the same[/green]" if check.holds else "[red]not the same[/red]"
    return [
        f"through the daemon: {verdict} as offline; {check.windows} windows differ by at most "
        f"{check.largest_difference:.1e}"
    ]


def _print_comparison(out: Console, comparison: Comparison, n_labels: int) -> None:
    title = f"Against {escape(comparison.other)}, {comparison.tracks} tracks"
    table = number_table("", "this", "other", "difference", "95 % interval", "p", title=title)
    for key, (name, _, _) in FIGURES.items():
        if key in comparison.differences:
            found = comparison.differences[key]
            values = [comparison.first[key], comparison.second[key]]
            table.add_row(name, *map(figure, values), signed(found.value), span(found.interval), chance(found.p))
    out.print(table)
    if len(comparison.labels) < n_labels:
        out.print(f"compared on the labels that both have: {escape(listed(comparison.labels))}")
    test = comparison.mcnemar
    out.print(
        f"only this one is right: {test.only_first} tracks; only the other: {test.only_second} "
        f"(McNemar p {chance(test.p)})"
    )


def number_table(*columns: str, title: str) -> Table:
    """A table of numbers: all but the first column to the right."""
    table = Table(*columns, title=title, box=SIMPLE_HEAD)
    for column in table.columns[1:]:
        column.justify = "right"
    return table
