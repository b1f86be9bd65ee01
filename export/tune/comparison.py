"""Trials that differ in the seed alone, together: what a setting is worth, and how far chance goes."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from rich.markup import escape
from rich.table import Table

from export.evaluate.pictures import written
from export.table.spread import spread
from export.train.validation import lower_is_better
from export.tune.named_spaces import SEED
from export.tune.results import TrialRow


@dataclass(frozen=True, slots=True)
class Compared:
    """The figures of one combination of settings, one a seed."""

    values: Mapping[str, Any]
    figures: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return spread(self.figures)[0]

    @property
    def deviation(self) -> float:
        """Of a sample; 0 of one seed."""
        return spread(self.figures)[1]

    @property
    def name(self) -> str:
        """The settings, for people."""
        return ", ".join(f"{name.rpartition('.')[2].replace('_', ' ')} {value}" for name, value in self.values.items())


def compared(rows: Sequence[TrialRow], metric: str) -> list[Compared]:
    """The complete trials, by all settings but the seed, best first."""
    groups: dict[str, tuple[dict[str, Any], list[float]]] = {}
    for row in rows:
        if row.state.startswith("done") and row.value is not None:
            values = {name: value for name, value in row.values.items() if name != SEED}
            groups.setdefault(repr(values), (values, []))[1].append(row.value)
    sign = 1 if lower_is_better(metric) else -1
    found = [Compared(values, tuple(figures)) for values, figures in groups.values()]
    return sorted(found, key=lambda each: sign * each.mean)


def comparison_table(found: Sequence[Compared], metric: str) -> Table:
    """For a terminal."""
    table = Table(box=None, pad_edge=False)
    for heading in ("settings", metric, "deviation", "seeds"):
        table.add_column(heading)
    for each in found:
        table.add_row(escape(each.name), f"{each.mean:.4f}", f"{each.deviation:.4f}", str(len(each.figures)))
    return table


def comparison_csv(found: Sequence[Compared], metric: str) -> str:
    """A line a combination, a column a setting."""
    names = sorted({name for each in found for name in each.values})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, metric, "deviation", "seeds"])
    for each in found:
        values = [each.values.get(name) for name in names]
        writer.writerow([*values, each.mean, each.deviation, len(each.figures)])
    return text.getvalue()


def draw_comparison(axes: Axes, found: Sequence[Compared], metric: str) -> None:
    """Each seed a dot, each mean a bar, the best on top."""
    for place, each in enumerate(found[::-1]):
        axes.plot(each.figures, [place] * len(each.figures), "o", color="tab:blue", alpha=0.5)
        axes.plot([each.mean], [place], "|", color="black", markersize=18, markeredgewidth=2)
    axes.set_yticks(range(len(found)), [written(each.name) for each in found[::-1]])
    axes.set(xlabel=f"{metric}: a dot a seed, and the mean", title="Settings compared")
    axes.grid(alpha=0.3, axis="x")
