"""Which clips teach, which stop the teaching, and which judge it. Pure, and the same for the same seed.

Clips of one artist, or of one recording, stay together. Groups are dealt out label by label, the rarest label first
(iterative stratification: Sechidis, Tsoumakas, Vlahavas, "On the Stratification of Multi-Label Data", 2011).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from export.data.clip import SPLITS, Clip, Split
from export.data.groups import chained, connected
from export.errors import InputUnusable

_ALL: Final = ""  # the label of every clip, dealt out last: it evens out what has no other


@dataclass(frozen=True, slots=True)
class SplitRules:
    """Shares of the clips that validate and test; the rest trains. InputUnusable when nothing would be left."""

    validation: float = 0.1
    test: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.validation, self.test) < 0 or self.validation + self.test >= 1:
            raise InputUnusable(
                f"shares of {self.validation:g} for validation and {self.test:g} for the test leave nothing to train on"
            )

    @property
    def shares(self) -> dict[Split, float]:
        """The share of each split."""
        return {"train": 1 - self.validation - self.test, "validation": self.validation, "test": self.test}


def split_clips(clips: Sequence[Clip], rules: SplitRules) -> tuple[Clip, ...]:
    """The clips, each with a split; what they had is not looked at.

    A label that has as many groups as there are splits is in each of them. The outcome does not depend on the order of
    the clips, nor (where their sha256 is known) on where they lie.
    """
    return _dealt(clips, rules.shares, rules.seed)


def with_validation(clips: Sequence[Clip], rules: SplitRules) -> tuple[Clip, ...]:
    """Clips that all have an official split; where none validates, a share of those that train does."""
    splits = Counter(clip.split for clip in clips)
    if splits[None]:
        raise InputUnusable(
            f"{splits[None]} of {len(clips)} clips have no split, the others have: fill them in, or split all of them "
            "anew with --split random"
        )
    if not splits["train"]:
        raise InputUnusable("no clip is in the split train: there is nothing to learn from")
    if splits["validation"] or not rules.validation:
        return tuple(clips)
    taken: dict[Split, float] = {"train": 1 - rules.validation, "validation": rules.validation}
    training = iter(_dealt([clip for clip in clips if clip.split == "train"], taken, rules.seed))
    return tuple(next(training) if clip.split == "train" else clip for clip in clips)


def belonging_together(clips: Sequence[Clip]) -> list[list[int]]:
    """Numbers of clips that share an artist, a recording or their bytes, directly or through others."""
    keys = [(artist_key(clip), clip.recording, clip.sha256) for clip in clips]
    return connected(len(clips), (pair for column in zip(*keys, strict=True) for pair in chained(column)))


def artist_key(clip: Clip) -> str | None:
    """The artist, however it is written."""
    return " ".join(clip.artist.casefold().split()) or None if clip.artist else None


def _dealt(clips: Sequence[Clip], shares: dict[Split, float], seed: int) -> tuple[Clip, ...]:
    groups = sorted(belonging_together(clips), key=lambda group: min(_identity(clips[n]) for n in group))
    Random(seed).shuffle(groups)
    holdings = [Counter(label for n in group for label in (*clips[n].labels, _ALL)) for group in groups]
    splits: list[Split | None] = [None] * len(clips)
    for group, split in zip(groups, _deal(holdings, shares), strict=True):
        for n in group:
            splits[n] = split
    return tuple(replace(clip, split=split) for clip, split in zip(clips, splits, strict=True))


def _identity(clip: Clip) -> tuple[str, str]:
    return clip.sha256 or "", str(clip.path)


def _deal(holdings: Sequence[Counter[str]], shares: dict[Split, float]) -> list[Split]:
    """The split of each group, from its numbers of clips of each label; all groups have the label _ALL."""
    used = [split for split in SPLITS if shares.get(split, 0) > 0]
    wanted = {label: _wanted(label, holdings, used, shares) for label in sorted(set().union(*holdings))}
    holders = {label: [n for n, held in enumerate(holdings) if held[label]] for label in wanted}
    dealt: dict[int, Split] = {}
    while open_labels := {label for label in wanted if any(n not in dealt for n in holders[label])}:
        label = min(open_labels, key=lambda name: (name == _ALL, _left(holders[name], dealt), name))
        rest = [n for n in holders[label] if n not in dealt]
        for n in sorted(rest, key=lambda n: -holdings[n][_ALL]):  # large ones first: small ones fill up
            split = max(used, key=lambda name: (wanted[label][name], wanted[_ALL][name], -used.index(name)))
            dealt[n] = split
            for held, count in holdings[n].items():
                wanted[held][split] -= count
    return [dealt[n] for n in range(len(holdings))]


def _wanted(
    label: str, holdings: Sequence[Counter[str]], used: Sequence[Split], shares: dict[Split, float]
) -> dict[Split, float]:
    """How many clips of `label` each split should have: at least one where there are groups enough."""
    clips = sum(held[label] for held in holdings)
    enough = sum(1 for held in holdings if held[label]) >= len(used)
    wanted = {split: max(clips * shares[split], 1.0 if enough else 0.0) for split in used}
    wanted["train"] = clips - sum(count for split, count in wanted.items() if split != "train")
    return wanted


def _left(holders: Iterable[int], dealt: dict[int, Split]) -> int:
    return sum(1 for n in holders if n not in dealt)
