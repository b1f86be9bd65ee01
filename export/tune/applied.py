"""From the values of a trial to the settings of a training run."""

from collections.abc import Mapping
from typing import Any, Final

from export.errors import SettingsUnusable
from export.train.settings import SOFTMAX_LOSSES, TrainSettings
from export.train.settings_file import checked
from export.tune.space import Choices, Range, Space, Value

# Knobs of several settings at once; no settings of their own.
STRENGTH: Final = "augment.strength"  # for all of augmentation
KINDS: Final = "augment.kinds"  # which kinds, by name: "none", or such as "mask,mixup"
_OFTEN: Final = 0.5  # the probability of each of KINDS


def applied(base: TrainSettings, values: Mapping[str, Value]) -> TrainSettings:
    """`base` with the settings of those names changed. SettingsUnusable names the key."""
    table = base.model_dump(mode="json", exclude_none=True)
    for name, value in values.items():
        if name == STRENGTH:
            table["augment"] = {**table["augment"], **augment_of(value)}
            continue
        if name == KINDS:
            table["augment"] = {**table["augment"], **kinds_of(value)}
            continue
        *parents, last = name.split(".")
        place = table
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise SettingsUnusable(f"{name}: {parent} is no table of settings")
        place[last] = value
    return checked(table, "the search space")


def augment_of(strength: Value) -> dict[str, float]:
    """Probabilities of each kind of augmentation: masks at `strength` (0 to 1), what is costlier at half of it."""
    if isinstance(strength, bool | str) or not 0 <= strength <= 1:
        raise SettingsUnusable(f"{STRENGTH}: must be from 0 to 1, not {strength!r}")
    half = round(strength / 2, 6)
    return {"mask": float(strength), "noise": half, "stretch": half, "pitch": half, "mixup": half}


def kinds_of(names: Value) -> dict[str, float]:
    """Every kind of augmentation: with the probability of a half if it is one of `names`, else never."""
    known = ("mask", "noise", "gain", "stretch", "pitch", "mixup")
    wanted = [] if names == "none" else str(names).split(",")
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise SettingsUnusable(f"{KINDS}: {unknown[0]!r} is none of {', '.join(known)}")
    return {kind: _OFTEN if kind in wanted else 0.0 for kind in known}


def default_space(base: TrainSettings, multi_label: bool) -> Space:
    """What is worth searching; losses that the set's labels allow.

    Of a spectrogram network that has learnt nothing yet the shape too: "auto" without an initial network is one.
    """
    losses = ("bce", "asymmetric-focal", "asl") if multi_label else ("ce", "asymmetric-focal", "bce")
    space: dict[str, Choices | Range] = {
        "optimiser.learning_rate": Range(1e-4, 1e-2, log=True),
        "optimiser.weight_decay": Range(1e-6, 1e-2, log=True),
        "loss.kind": Choices(losses),
        "batch_size": Choices((16, 32, 64)),
        STRENGTH: Range(0.0, 1.0),
    }
    if not base.initial and (base.network == "auto" or base.network.startswith("spectrogram-")):
        space["network_options.dropout"] = Range(0.0, 0.6)
        space["network_options.widths"] = Choices(("16,32,64", "32,64,128", "48,96,192"))
    return space


def check_space(base: TrainSettings, space: Space, multi_label: bool) -> None:
    """Every bound and every choice, alone, must make settings. SettingsUnusable names the key."""
    for name, dimension in space.items():
        for value in dimension.grid:
            loss = applied(base, {name: value}).loss.kind
            if multi_label and loss in SOFTMAX_LOSSES:
                raise SettingsUnusable(f"{name}: {loss} is for one label a clip, and this set has several")


def base_table(base: TrainSettings) -> dict[str, Any]:
    """The settings as JSON, to compare a study with."""
    return base.model_dump(mode="json")
