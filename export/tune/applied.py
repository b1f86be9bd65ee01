"""From the values of a trial to the settings of a training run."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from export.data.augment import ALL, check_allowed, kinds_allowed
from export.errors import SettingsUnusable
from export.train.embedding_stage import check_unaugmented
from export.train.settings import SOFTMAX_LOSSES, TrainSettings
from export.train.settings_file import checked
from export.train.validation import check_watch
from export.tune.space import Choices, Range, Space, Value
from models.front_ends.spec import Kind
from models.networks.registry import NETWORKS

# Knobs of several settings at once; no settings of their own.
STRENGTH: Final = "augment.strength"  # for all of augmentation
KINDS: Final = "augment.kinds"  # which kinds, by name: "none", or such as "mask,mixup"
_OFTEN: Final = 0.5  # the probability of each of KINDS


class Hearer(NamedTuple):
    """Which network hears what: it decides what augmentation there can be."""

    network: str
    kind: Kind

    @property
    def augmentation(self) -> tuple[str, ...]:
        """The kinds that there can be."""
        return kinds_allowed(self.network, self.kind)


def hearer_of(settings: TrainSettings) -> Hearer:
    """As the settings themselves say it."""
    return Hearer(settings.network, settings.recipe.front_end.kind)


def applied(base: TrainSettings, values: Mapping[str, Value], hearer: Hearer | None = None) -> TrainSettings:
    """`base` with the settings of those names changed. SettingsUnusable names the key.

    hearer: where not the settings say it, but an initial network or a table.
    """
    table = base.model_dump(mode="json", exclude_none=True)
    for name, value in values.items():
        if name in (STRENGTH, KINDS):
            continue
        *parents, last = name.split(".")
        place = table
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise SettingsUnusable(f"{name}: {parent} is no table of settings")
        place[last] = value
    settings = checked(table, "the search space")
    allowed = (hearer or hearer_of(settings)).augmentation
    if STRENGTH in values:
        settings = _augmented(settings, augment_of(values[STRENGTH], allowed))
    return _augmented(settings, kinds_of(values[KINDS], allowed)) if KINDS in values else settings


def augment_of(strength: Value, allowed: Sequence[str]) -> dict[str, float]:
    """Probabilities of the kinds of augmentation that are `allowed`: masks at `strength` (0 to 1), what is costlier at
    half of it.
    """
    _check_any(STRENGTH, allowed)
    if isinstance(strength, bool | str) or not 0 <= strength <= 1:
        raise SettingsUnusable(f"{STRENGTH}: must be from 0 to 1, not {strength!r}")
    half = round(strength / 2, 6)
    every = {"mask": float(strength), "noise": half, "stretch": half, "pitch": half, "mixup": half}
    return {kind: share for kind, share in every.items() if kind in allowed}


def kinds_of(names: Value, allowed: Sequence[str]) -> dict[str, float]:
    """Every kind of augmentation: with the probability of a half if it is one of `names`, else never."""
    _check_any(KINDS, allowed)
    wanted = [] if names == "none" else str(names).split(",")
    unknown = [name for name in wanted if name not in allowed]
    if unknown:
        raise SettingsUnusable(f"{KINDS}: {unknown[0]!r} is none of {', '.join(allowed)}")
    return {kind: _OFTEN if kind in wanted else 0.0 for kind in ALL}


def default_space(base: TrainSettings, multi_label: bool, allowed: Sequence[str]) -> Space:
    """What is worth searching; losses that the set's labels allow. allowed: kinds of augmentation.

    Of a spectrogram network that has learnt nothing yet the shape too: "auto" without an initial network is one.
    """
    losses = ("bce", "asymmetric-focal", "asl") if multi_label else ("ce", "asymmetric-focal", "bce")
    space: dict[str, Choices | Range] = {
        "optimiser.learning_rate": Range(1e-4, 1e-2, log=True),
        "optimiser.weight_decay": Range(1e-6, 1e-2, log=True),
        "loss.kind": Choices(losses),
        "batch_size": Choices((16, 32, 64)),
    }
    if allowed:
        space[STRENGTH] = Range(0.0, 1.0)
    if not base.initial and (base.network == "auto" or base.network.startswith("spectrogram-")):
        space["network_options.dropout"] = Range(0.0, 0.6)
        space["network_options.widths"] = Choices(("16,32,64", "32,64,128", "48,96,192"))
    return space


def check_space(base: TrainSettings, space: Space, multi_label: bool, hearer: Hearer | None = None) -> None:
    """Every bound and every choice, alone, must make settings that can be trained. SettingsUnusable names the key."""
    for name, dimension in space.items():
        if name.startswith("table."):
            raise SettingsUnusable(f"{name}: all trials learn from the same table; give it by --set")
        for value in dimension.grid:
            settings = applied(base, {name: value}, hearer)
            if multi_label and settings.loss.kind in SOFTMAX_LOSSES:
                raise SettingsUnusable(
                    f"{name}: {settings.loss.kind} is for one label a clip, and this set has several"
                )
            if settings.network not in ("auto", *NETWORKS):
                raise SettingsUnusable(f"network: {settings.network!r} is none of {', '.join(sorted(NETWORKS))}")
            check_watch(settings.early_stop.watch, False, multi_label)
            heard = hearer or hearer_of(settings)
            check_allowed(settings.augment, heard.kind)
            if not heard.augmentation:
                check_unaugmented(settings.augment, heard.network)


def base_table(base: TrainSettings) -> dict[str, Any]:
    """The settings as JSON, to compare a study with."""
    return base.model_dump(mode="json")


def _augmented(settings: TrainSettings, changes: Mapping[str, float]) -> TrainSettings:
    return settings.model_copy(update={"augment": settings.augment.model_copy(update=changes)})


def _check_any(name: str, allowed: Sequence[str]) -> None:
    if not allowed:
        raise SettingsUnusable(f"{name}: a frozen body hears each window once, the same in every epoch; leave it out")
