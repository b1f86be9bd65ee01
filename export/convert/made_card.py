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

# Of a checkpoint's notes these say where a network comes from; the others how its training went.
_ORIGINS: Final = ("data", "data_fingerprint", "settings", "environment", "git", "teachers", "started_from")


@dataclass(frozen=True, slots=True)
class Naming:
    """What only the user can say of a model."""

    name: str
    version: str = "1"
    licence: str = "not stated"


def card_of(
    spec: NetworkSpec, naming: Naming, evidence: Evidence, scoring: Scoring, carry: Carry | None, checkpoint: str
) -> Card:
    """The card, its golden output by `scoring`, which is the torch network. checkpoint: its file's SHA-256."""
    window = golden_window(spec.recipe.front_end, spec.recipe.window_shape[0])
    provenance: dict[str, object] = {
        "made_by": f"genred {version('genred')}",
        "network": spec.network,
        "options": dict(spec.options),
        "checkpoint_sha256": checkpoint,
        **_part(spec.notes, of_origin=True),
    }
    if evidence.data is not None:
        provenance["validated_on"] = evidence.data
    training = _part(spec.notes, of_origin=False)
    if evidence.temperature != 1.0:
        training["temperature"] = round(evidence.temperature, 6)
    return Card(
        name=naming.name,
        version=naming.version,
        labels=spec.labels,
        front_end=spec.recipe.front_end,
        golden_input=window,
        golden_output=scoring(window[np.newaxis])[0],
        licence=naming.licence,
        provenance=provenance,
        training=training,
        window_s=spec.recipe.window_s,
        hop_s=spec.recipe.hop_s,
        activation=spec.activation,
        input_name=INPUT,
        output_name=OUTPUT,
        thresholds=dict(evidence.thresholds),
        carry=carry,
    )


def _part(notes: Mapping[str, object], *, of_origin: bool) -> dict[str, object]:
    return {key: value for key, value in notes.items() if (key in _ORIGINS) == of_origin}
