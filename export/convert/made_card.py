"""The card of a network that genred trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import numpy as np

from export.convert.evidence import Evidence
from export.convert.golden import golden_window
from export.convert.parity import Scoring
from export.convert.serving import INPUT, OUTPUT
from export.train.trained import NetworkSpec
from models.card import Card, Carry

_FIGURES: Final = "epoch"  # in a checkpoint's notes
HELD_OUT: Final = "held_out"  # in a run's origins: figures on music that training did not hear


@dataclass(frozen=True, slots=True)
class Naming:
    """What only the user can say of a model."""

    name: str
    version: str = "1"
    licence: str = "not stated"


def card_of(
    spec: NetworkSpec,
    naming: Naming,
    evidence: Evidence,
    scoring: Scoring,
    carry: Carry | None,
    origins: Mapping[str, object],
) -> Card:
    """The card, its golden output by `scoring`, the torch network. origins: of the run (`export.convert.sources`)."""
    window = golden_window(spec.recipe.front_end, spec.recipe.window_shape[0])
    return Card(
        name=naming.name,
        version=naming.version,
        labels=spec.labels,
        front_end=spec.recipe.front_end,
        golden_input=window,
        golden_output=scoring(window[np.newaxis])[0],
        licence=naming.licence,
        provenance=_provenance(spec, evidence, origins),
        training=_training(spec.notes, evidence.temperature) | _held_out(origins),
        window_s=spec.recipe.window_s,
        hop_s=spec.recipe.hop_s,
        activation=spec.activation,
        input_name=INPUT,
        output_name=OUTPUT,
        thresholds=dict(evidence.thresholds),
        carry=carry,
    )


def _provenance(spec: NetworkSpec, evidence: Evidence, origins: Mapping[str, object]) -> dict[str, object]:
    """Whence: the network, what of the checkpoint's notes is no figure, and `origins`."""
    found: dict[str, object] = {
        "made_by": f"genred {version('genred')}",
        "network": spec.network,
        "options": dict(spec.options),
        **{key: value for key, value in spec.notes.items() if key != _FIGURES},
        **{key: value for key, value in origins.items() if key != HELD_OUT},
    }
    if evidence.data is not None:
        found["validated_on"] = evidence.data
    return found


def _held_out(origins: Mapping[str, object]) -> dict[str, object]:
    return {HELD_OUT: origins[HELD_OUT]} if HELD_OUT in origins else {}


def _training(notes: Mapping[str, object], temperature: float) -> dict[str, object]:
    """The figures of the epoch that was kept, on the validation windows, and the temperature."""
    epoch = notes.get(_FIGURES)
    found: dict[str, object] = {}
    if isinstance(epoch, Mapping):
        inner = epoch.get("figures")
        found = {key: value for key, value in epoch.items() if key not in ("figures", "best", "seconds")}
        found |= inner if isinstance(inner, Mapping) else {}
    if temperature != 1.0:
        found["temperature"] = round(temperature, 6)
    return found
