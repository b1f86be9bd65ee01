"""Writes the tables and the picture of docs/scaling.md: `python docs/make_scaling.py`.

The page's own words stand in docs/scaling.md; what lies between `<!-- made: NAME -->` and `<!-- end -->` is made here.
`fingerprint` says which figures the simulated tables were made from, for they take longer than a test should.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from daemon.bench.scale_breaks import breaks
from daemon.bench.scale_costs import windows_per_s
from daemon.bench.scale_measured import FORMATS, MEASURED_ON, Assumed, Measured
from daemon.bench.scale_plot import draw_group_sizes
from daemon.bench.scale_report import SIZES, Report, report, weeks_of
from daemon.bench.scale_tables import (
    breaks_table,
    costs_table,
    figures_table,
    formats_table,
    limits_table,
    markdown,
    number,
    plans_table,
    recovery_table,
    weeks_table,
)

PAGE = Path(__file__).resolve().parent / "scaling.md"
PICTURE = PAGE.with_name("scaling-groups.png")
SECTION = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
SIMULATED = ("weeks", "sweep")

QUICK: Mapping[str, Callable[[Report], str]] = {
    "measured": lambda found: f"Measured on {MEASURED_ON}.\n\n{markdown(figures_table(found.measured))}",
    "assumed": lambda found: markdown(figures_table(found.assumed)),
    "formats": lambda found: markdown(formats_table(found)),
    "costs": lambda found: markdown(costs_table(found)),
    "plans": lambda found: markdown(plans_table(found)),
    "summary": lambda found: summary(found),
    "limits": lambda found: markdown(limits_table(found)),
    "recovery": lambda _found: markdown(recovery_table()),
    "breaks": lambda found: markdown(breaks_table(found)),
    "fingerprint": lambda found: f"<!-- {fingerprint(found)} -->\n",
}


def summary(found: Report) -> str:
    """The answer in three sentences."""
    rows = []
    for count in SIZES:
        one = next(one for one in found.plans if one.streams == count and one.audio == found.audio)
        rows.append(
            f"- **{count:,} streams**: {one.cores:,.0f} busy cores, {one.workers:,} workers in {one.cells:,} "
            f"cell{'s' if one.cells > 1 else ''}, {one.partitions:,} partitions, {one.brokers:,} brokers in "
            f"{one.clusters} cluster{'s' if one.clusters > 1 else ''}, {number(one.in_gb_s, 2)} GB/s of audio."
        )
    rate = windows_per_s(found.measured, found.assumed, found.audio)
    first = breaks(found.measured, found.assumed, found.audio)[0]
    return (
        "\n".join(rows)
        + f"\n\n{found.audio.said}; one core does {rate:.1f} windows a second, or {first.streams:.0f} streams.\n"
    )


def fingerprint(found: Report) -> str:
    """Of the figures that everything follows from."""
    figures = repr((asdict(found.measured), asdict(found.assumed), [asdict(audio) for audio in FORMATS]))
    return hashlib.sha256(figures.encode()).hexdigest()[:16]


def filled(text: str, sections: Mapping[str, str]) -> str:
    """The page with these sections made anew; others stay."""
    return SECTION.sub(lambda found: f"{found[1]}{sections.get(found[2], _body(found))}{found[3]}", text)


def _body(found: re.Match[str]) -> str:
    return found[0].removeprefix(found[1]).removesuffix(found[3])


def quick_page() -> str:
    """The page as it must be, its simulated tables as they are. KeyError for a section that nobody makes."""
    found = report(SIZES, FORMATS[0], Measured(), Assumed(), simulated=False)
    text = PAGE.read_text(encoding="utf-8")
    for _, name, _ in SECTION.findall(text):
        if name not in SIMULATED:
            QUICK[name]
    return filled(text, {name: make(found) for name, make in QUICK.items()})


def smallest_week() -> str:
    """The rows of the smallest size in the table of weeks."""
    found = report(SIZES[:1], FORMATS[0], Measured(), Assumed(), simulated=False)
    return markdown(weeks_table(weeks_of(found.plans[0], Measured(), Assumed()))).split("|\n", 2)[2]


if __name__ == "__main__":
    everything = report(SIZES, FORMATS[0], Measured(), Assumed())
    made = {name: make(everything) for name, make in QUICK.items()}
    made |= {"weeks": markdown(weeks_table(everything.weeks)), "sweep": markdown(weeks_table(everything.sweep))}
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), made), encoding="utf-8")
    draw_group_sizes(everything, PICTURE)
