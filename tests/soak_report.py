"""The page that a soak writes."""

from __future__ import annotations

import datetime
import os

from daemon.bench.machine import describe
from tests.kafka_workers import PARTITIONS
from tests.soak_audio import CHUNK_S, PLACES
from tests.soak_books import READ_AGAIN, lost_by_name_s
from tests.soak_found import MOST_MB_A_MINUTE, Found

HEAD = """# Soak

What `make soak` found: one `genred run` between the topics of a real Apache Kafka, fed live, a second of audio a second
and stream, by a producer that waits for the broker and leaves nothing out. At random moments the broker is killed
(`kill -9`) and comes back, and SIGHUP swaps the model. Every stream plays the same music from another place on, so the
truth of every window is known: `make soak MINUTES=240` compares hours of them, by id, bounds and scores.

The slope of the memory is the median of the slopes between any two samples in the same state: with the same model, and
both with a backlog at the broker or neither.
"""
PICTURE = """![memory and seconds behind over time, faults marked]({picture})

Red: the broker is away. Dotted: a swap. Memory is compared after the shaded warm-up.
"""


def markdown(found: Found, command: str, models: str, picture: str) -> str:
    """The page."""
    date, fed = datetime.datetime.fromtimestamp(found.began, datetime.UTC), found.books.fed
    said = [
        HEAD,
        f"`{command}` on {date:%Y-%m-%d}, seed {found.seed}, {found.delivery},",
        f"{models}; {os.cpu_count()} cores ({describe()}), shared with the broker, the feeding",
        f"and other work. {fed.streams} streams on {PARTITIONS} partitions, chunks of {CHUNK_S:g} s, 16 kHz, "
        f"{fed.seconds / 60:g} minutes of audio each, {PLACES}",
        "places of the music.",
        "",
        PICTURE.format(picture=picture),
        "| what | seen |",
        "|---|---|",
        *(f"| {what} | {seen} |" for what, seen in rows(found)),
    ]
    if wrong := found.wrong():
        said += ["", "## What did not hold", "", *(f"- {what}" for what in wrong)]
    return "\n".join(said) + "\n"


def rows(found: Found) -> list[tuple[str, str]]:
    """The table."""
    return [*_faults(found), *_memory(found), *_seconds(found), *_windows(found), *_conduct(found)]


def _faults(found: Found) -> list[tuple[str, str]]:
    away_s = [stop - start for start, stop in found.outages]
    away = (
        f"{len(away_s)} times, {min(away_s):.0f} to {max(away_s):.0f} s, {sum(away_s):.0f} s in all" if away_s else "-"
    )
    return [
        ("broker killed and away", away),
        ("model swapped, by the test / the daemon's count", f"{len(found.swaps)} / {found.served}"),
    ]


def _memory(found: Found) -> list[tuple[str, str]]:
    first, last, worst = found.steady[0], found.steady[-1], max(sample.rss_mb for sample in found.samples)
    minutes = (last.at_s - first.at_s) / 60
    return [
        (
            f"**memory slope** after {found.warm_up_s:.0f} s, resident / own",
            f"**{found.slope_mb:+.3f}** / {found.own_slope_mb:+.3f} MB a minute over {minutes:.0f} minutes "
            f"(less than {MOST_MB_A_MINUTE:g} is asked)",
        ),
        (
            "resident memory after the warm-up / at the end / at most",
            f"{first.rss_mb:.0f} / {last.rss_mb:.0f} / {worst:.0f} MB",
        ),
        (
            "threads, open files: after the warm-up / at the end",
            f"{first.threads}, {first.files} / {last.threads}, {last.files}",
        ),
    ]


def _seconds(found: Found) -> list[tuple[str, str]]:
    books, seconds = found.books, found.seconds
    again_s = sum(seconds["dropped"].get(reason, 0.0) for reason in READ_AGAIN)
    worst = max((abs(sample.unaccounted_s) for sample in found.samples), default=0.0)
    return [
        (
            "**seconds acknowledged by the broker / in windows / lost**",
            f"**{books.fed.total_s:.1f} / {books.covered_s:.1f} / {books.lost_s():.1f}**",
        ),
        (
            "seconds received / tagged / silent / lost by name / read again",
            f"{seconds['received']:.1f} / {seconds['tagged']:.1f} / {seconds['silent']:.1f} / "
            f"{lost_by_name_s(seconds):.1f} / {again_s:.1f}",
        ),
        ("seconds **unaccounted** for, at the end / in any sample", f"**{seconds['unaccounted']:.3f}** / {worst:.3f}"),
    ]


def _windows(found: Found) -> list[tuple[str, str]]:
    books = found.books
    due, tags = books.fed.windows(), books.fed.tags()
    shares = ", ".join(f"{count} by {model}" for model, count in sorted(books.by_model.items()))
    return [
        (
            "windows: expected / published / missing / repeated",
            f"{len(due)} / {len(books.windows)} / {len(due.keys() - books.windows.keys())} / {books.repeats()}",
        ),
        (
            "tags: expected / published / missing / repeated",
            f"{len(tags)} / {len(books.tags)} / {len(tags - books.tags.keys())} / "
            f"{books.tags.total() - len(books.tags)}",
        ),
        ("windows by model", shares),
        ("windows that differ from the truth; worst deviation", f"{len(books.wrong_windows)}; {books.deviation:.1e}"),
    ]


def _conduct(found: Found) -> list[tuple[str, str]]:
    median_s, worst_s = found.behind_s()
    lines = found.lines_in_outages()
    cpu_s = found.steady[-1].cpu_s - found.steady[0].cpu_s
    share = cpu_s / (found.steady[-1].at_s - found.steady[0].at_s)
    return [
        ("seconds behind what was captured, of a stream: median / worst", f"{median_s:.1f} / {worst_s:.1f}"),
        (
            "not ready: spells; seconds while the broker was there",
            f"{len(found.unready)}; {found.unready_between_s():.0f}",
        ),
        ("processor", f"{share:.2f} of a core"),
        (
            "lines of the log: all / most in a minute of an outage",
            f"{found.log.count(chr(10))} / {max(lines, default=0)}",
        ),
        ("exactly as it should be", "no" if found.wrong() else "yes"),
    ]
