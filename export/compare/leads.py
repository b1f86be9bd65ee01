"""How far each of several models is from one of them, by the same resamples, and whether chance alone would say so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from export.compare.side_by_side import Lead
from export.evaluate.bootstrap import Draws, difference
from export.evaluate.wording import FIGURES


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A model's figures, and those of resampled tracks; the same tracks in the same order for every model."""

    values: Mapping[str, float]
    draws: Draws


def leads(reference: Drawn, others: Sequence[Drawn]) -> list[dict[str, Lead]]:
    """For each of `others`, its figures minus the reference's: the bootstrap of paired differences.

    A drawing lacks a figure by what is true of its tracks, never by scores: so draws of two models stand in pairs.
    """
    found: list[dict[str, Lead]] = [{} for _ in others]
    for key, (_, more_is_better, _) in FIGURES.items():
        if key not in reference.draws:
            continue
        apart = [other.draws[key] - reference.draws[key] for other in others]
        each = [
            difference(other.values[key] - reference.values[key], drawn)
            for other, drawn in zip(others, apart, strict=True)
        ]
        corrected = holm([one.p for one in each])
        for lines, one, drawn, p_holm in zip(found, each, apart, corrected, strict=True):
            better = float(np.mean(drawn > 0 if more_is_better else drawn < 0))
            lines[key] = Lead(one.value, one.interval, better, one.p, p_holm)
    return found


def holm(chances: Sequence[float]) -> list[float]:
    """p values so corrected that, were there no differences at all, one or more below .05 come in one of 20 families.

    Holm's step-down method (Scandinavian Journal of Statistics 6, 1979): the smallest of n times n, the next times
    n - 1, and so on, each at least the one before it.
    """
    corrected = [0.0] * len(chances)
    most = 0.0
    for rank, place in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        most = max(most, min(1.0, (len(chances) - rank) * chances[place]))
        corrected[place] = most
    return corrected
