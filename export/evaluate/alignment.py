"""Which labels can be judged: those that the model gives and the set knows."""

from collections.abc import Sequence
from dataclasses import dataclass

from export.errors import InputUnusable

_NAMED = 12  # of the labels that are missing; more would hide the message


@dataclass(frozen=True, slots=True)
class Alignment:
    """The labels that are judged, in the set's order, and those that are not."""

    labels: tuple[str, ...]
    only_model: tuple[str, ...] = ()
    only_set: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether model and set have the same labels."""
        return not self.only_model and not self.only_set

    @property
    def said(self) -> str:
        """What is not in both, in words."""
        parts = []
        if self.only_model:
            parts.append(f"only the model has {listed(self.only_model)}")
        if self.only_set:
            parts.append(f"only the set has {listed(self.only_set)}")
        return "; ".join(parts)


def align(model: str, model_labels: Sequence[str], set_labels: Sequence[str], common_only: bool) -> Alignment:
    """What can be judged. InputUnusable when labels differ and that was not allowed, or when fewer than two are common.

    `model`: what messages call it.
    """
    found = compared(model_labels, set_labels)
    labels = found.labels
    if not found.is_whole and not common_only:
        advice = "judge the labels they share with --common-labels" if labels else "they share none"
        raise InputUnusable(f"{model} and the set have different labels: {found.said}; {advice}")
    if not labels:
        raise InputUnusable(f"{model} and the set share no label: {found.said}")
    if not found.is_whole and len(labels) < 2:
        raise InputUnusable(f"{model} and the set share only {labels[0]!r}: nothing to choose between; {found.said}")
    return found


def compared(model_labels: Sequence[str], set_labels: Sequence[str]) -> Alignment:
    """Which labels both have, however few."""
    known = set(model_labels)
    labels = tuple(name for name in set_labels if name in known)
    return Alignment(
        labels,
        only_model=tuple(name for name in model_labels if name not in labels),
        only_set=tuple(name for name in set_labels if name not in known),
    )


def listed(names: Sequence[str]) -> str:
    """a, b, c and 4 more."""
    more = len(names) - _NAMED
    text = ", ".join(names[:_NAMED])
    return f"{text} and {more} more" if more > 0 else text
