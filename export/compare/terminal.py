"""A comparison as tables in a terminal."""

from rich.markup import escape
from rich.table import Table

from export.compare import wording
from export.compare.side_by_side import Figures, Lead, SideBySide
from export.console import console
from export.evaluate.terminal import number_table
from export.evaluate.wording import chance, figure, short_span, signed


def print_comparison(found: SideBySide) -> None:
    """Print it on standard output."""
    out = console()
    music = found.music
    out.print(
        f"[bold]{len(found.models)} models[/bold] on {music.split} of {escape(str(music.folder))}: "
        f"{music.tracks} tracks"
    )
    windows = [(f"{line.name} ({line.n_windows})", line.windows) for line in found.models]
    tables = [
        _models(found),
        _speeds(found),
        _figures("Tracks, with 95 % intervals", [(line.name, line.tracks) for line in found.models]),
        _figures("Windows, how many, with 95 % intervals (drawn by track)", windows),
        _differences(found),
    ]
    for table in tables:
        out.print(table)
    choosing = wording.choosing(found)
    for note in [*found.notes, *([] if choosing is None else [choosing])]:
        out.print(f"[yellow]note:[/yellow] {escape(note)}")


def _models(found: SideBySide) -> Table:
    table = number_table("model", "network", "hears", "parameters", "file", title="Models")
    for column in table.columns[1:3]:
        column.justify, column.overflow = "left", "fold"
    for line in found.models:
        numbers = [wording.count(line.parameters), wording.size(line)]
        table.add_row(
            escape(line.name), escape(line.network or "–"), escape(line.hears.replace(", ", "\n", 1)), *numbers
        )
    return table


def _speeds(found: SideBySide) -> Table:
    title = "One thread, a window of a live stream"
    table = number_table("model", "in", "features ms", "network ms", "streams a core", title=title)
    for line in found.models:
        speed = line.speed
        times = [wording.milliseconds(value) for value in (speed.features_ms, speed.network_ms)]
        table.add_row(escape(line.name), speed.runtime, *times, wording.streams(speed.streams_per_core))
    return table


def _figures(title: str, rows: list[tuple[str, Figures]]) -> Table:
    table = number_table("model", *wording.SHOWN.values(), title=title)
    for name, found in rows:
        cells = [f"{figure(found.values.get(key))}\n{short_span(found.intervals.get(key))}" for key in wording.SHOWN]
        table.add_row(escape(name), *cells)
    return table


def _differences(found: SideBySide) -> Table:
    title = f"Against {escape(wording.held_against(found))}, on the same tracks"
    table = number_table("model", "macro F1", "better in", "p", "accuracy", "better in", "p", title=title)
    table.caption = f"better in: of the resamples; {wording.correction(found)}"
    for versus in found.versus:
        table.add_row(escape(versus.name), *_lead(versus.tracks["macro_f1"]), *_lead(versus.tracks["accuracy"]))
    return table


def _lead(lead: Lead) -> list[str]:
    value = f"[bold]{signed(lead.value)}[/bold]" if wording.tells(lead) else signed(lead.value)
    return [f"{value}\n{short_span(lead.interval)}", wording.share(lead.better), chance(lead.p_holm)]
