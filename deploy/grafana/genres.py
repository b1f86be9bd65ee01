"""The third dashboard: what is playing, and how each stream fares where streams have series of their own."""

from __future__ import annotations

from frame import Section, board
from grafana_foundation_sdk.models.dashboard import Dashboard
from panels import Panel, Query, bars, chosen, figure, lines, rate

GENRES = "genred_genre_windows_total"
SILENT = 'outcome="silent"'
NAMED = 'stream!="other"'
LAST = "genred_stream_last_window_timestamp_seconds"


def genres() -> Dashboard:
    """Per-genre counts, and the streams that settings give a name in the metrics."""
    text = "What is playing, by genre; and each stream, where metrics.streams gives streams series of their own."
    sections = [Section("Genres", _genres()), Section("Streams (metrics.streams > 0)", _streams())]
    return board("genred-genres", "genred / 3 Genres and streams", text, sections)


def _genres() -> list[Panel]:
    share = f"sum by (genre) ({rate(GENRES)}) / scalar(sum({rate(GENRES)}))"
    return [
        bars(
            "In this time",
            "Windows by their best genre, the fifteen most frequent.",
            "none",
            Query(f"topk(15, sum by (genre) (increase({chosen(GENRES)}[$__range])))", "{{genre}}"),
        ),
        lines(
            "Share",
            "Of the windows that have a genre: the ten most frequent of each moment.",
            "percentunit",
            Query(f"topk(10, {share})", "{{genre}}"),
            stacked=True,
        ),
        lines(
            "Windows a minute",
            "By genre.",
            "none",
            Query(f"60 * sum by (genre) ({rate(GENRES)})", "{{genre}}"),
        ),
        lines(
            "Silence",
            "Share of the windows in which nothing is heard, by worker.",
            "percentunit",
            Query(
                f"sum by (instance) ({rate('genred_windows_total', SILENT)})"
                f" / (sum by (instance) ({rate('genred_windows_total')}) > 0)"
            ),
        ),
    ]


def _streams() -> list[Panel]:
    age = f"time() - max by (stream) ({chosen(LAST)})"
    return [
        figure(
            "Named streams",
            "Streams with series of their own; the rest is other.",
            "none",
            f"count(count by (stream) ({chosen(LAST, NAMED)}))",
            width=6,
        ),
        figure(
            "Longest without a window",
            "Of all streams that were heard in the last ten minutes.",
            "s",
            f"max({age})",
            warning=30,
            width=6,
        ),
        figure(
            "Latest stream",
            "The most that a stream's results are behind its audio.",
            "s",
            f"max({chosen('genred_stream_lag_seconds')})",
            warning=5,
            width=6,
        ),
        figure("Streams in all", "Streams that are heard.", "none", f"sum({chosen('genred_live_streams')})", width=6),
        lines(
            "Streams that are late",
            "From the end of the last window to its publication: the ten latest.",
            "s",
            Query(f"topk(10, max by (stream) ({chosen('genred_stream_lag_seconds')}))", "{{stream}}"),
        ),
        lines(
            "Streams without a window", "For how long: the ten longest.", "s", Query(f"topk(10, {age})", "{{stream}}")
        ),
    ]
