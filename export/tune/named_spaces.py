"""Experiments that were run before, as spaces: `genred export tune SET --space reference-c`, and so on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from export.errors import SettingsUnusable
from export.table.columns import AS_PUBLISHED, VECTOR_NETWORKS
from export.tune.applied import KINDS
from export.tune.space import Choices, Space

SEED: Final = "seed"  # where it is searched, trials that differ in nothing else belong together
NAMES: Final = ("reference-c", "schedules", "augmentation", "class-weights")
_SEEDS: Final = Choices((0, 1, 2))
_TAKEN_OUT: Final = ("gain",)  # by most front ends, which normalise their windows


@dataclass(frozen=True, slots=True)
class NamedSpace:
    """settings: of all trials, where nobody says otherwise. grid: instead of a search. trials: where nobody says how
    many; None: the whole grid. prune: whether trials may be stopped half-way; those that are to be compared may not.
    """

    space: Space
    settings: Mapping[str, Any] = field(default_factory=dict)
    grid: bool = True
    trials: int | None = None
    prune: bool = False


def named_space(name: str, multi_label: bool, allowed: Sequence[str]) -> NamedSpace:
    """One of NAMES, as it fits clips with several labels. allowed: kinds of augmentation. SettingsUnusable."""
    if name == "reference-c":
        if multi_label:
            raise SettingsUnusable(f"--space {name} is for one label a clip, and this set has several")
        return _REFERENCE_C
    if name == "schedules":
        kinds = Choices(("constant", "plateau", "step", "cosine", "one-cycle"))
        return NamedSpace({"schedule.kind": kinds, SEED: _SEEDS})
    if name == "augmentation":
        alone = [kind for kind in allowed if kind not in _TAKEN_OUT]
        if not alone:
            raise SettingsUnusable(f"--space {name}: nothing of it can be done to what this network hears")
        together = [["mask", "mixup"]] * ("mask" in alone) + [alone]
        tried = dict.fromkeys(("none", *alone, *map(",".join, together)))
        return NamedSpace({KINDS: Choices(tuple(tried)), SEED: _SEEDS})
    weights, loss = ("loss.pos_weight", "bce") if multi_label else ("loss.class_weights", "ce")
    both: dict[str, Choices] = {weights: Choices((False, True)), "windows.balance": Choices(("none", "labels"))}
    return NamedSpace({**both, SEED: _SEEDS}, {"loss": {"kind": loss}})


# 2700 combinations. It was run with the test set for judge, early stop and choice; here validation is all three.
_REFERENCE_C: Final = NamedSpace(
    {
        "network": Choices(VECTOR_NETWORKS),
        "network_options.hidden": Choices((64, 128, 256)),
        "network_options.layers": Choices((1, 2, 3, 4, 5)),
        "network_options.dropout": Choices((0.01, 0.05, 0.1, 0.3, 0.5)),
        "optimiser.learning_rate": Choices((1e-3, 5e-4, 2e-4, 1e-4)),
        "epochs": Choices((50, 100, 200)),
    },
    AS_PUBLISHED,
    trials=60,
)
