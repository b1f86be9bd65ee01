"""A network's float32 graph in other precisions, each measured against the torch network before it may be written."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import onnx

from export.convert.half import half_graph
from export.convert.int8 import int8_graph
from export.convert.parity import Deviations, Proof, onnx_scoring
from export.convert.runtime import cpu_session, first_line
from export.errors import DependencyMissing, ProofFailed
from models.card import Card

Precision = Literal["fp32", "fp16", "bf16", "int8"]
PRECISIONS: Final[tuple[Precision, ...]] = ("fp32", "fp16", "bf16", "int8")
GOLDEN_TOLERANCE: Final = 1e-3  # the daemon's


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """One precision of a network, with its card and how far it is off."""

    precision: Precision
    model: onnx.ModelProto
    card: Card
    deviations: Deviations


@dataclass(frozen=True, slots=True)
class Refused:
    """A precision that was asked for and will not be written, and why."""

    precision: Precision
    reason: str


def variant(plain: onnx.ModelProto, card: Card, proof: Proof, precision: Precision, most: float) -> Graph | Refused:
    """`plain`, a graph without a carry, in another precision; refused when it is off by more than `most`.

    card: of the float32 model.
    """
    card = replace(card, carry=None)
    try:
        model = int8_graph(plain, proof.real) if precision == "int8" else half_graph(plain, _half(precision))
    except (DependencyMissing, ProofFailed) as error:
        return Refused(precision, str(error))
    try:
        session = cpu_session(model)
    except Exception as error:  # onnxruntime's exceptions share no base class
        return Refused(precision, f"ONNX Runtime cannot run it here: {first_line(error)}")
    scoring = onnx_scoring(session, card.input_name, card.output_name)
    deviations = proof.of(scoring)
    if not deviations.that_counts <= most:  # also when it is not a number
        said = f"its scores are off by {deviations.that_counts:.2g}, more than --max-deviation {most:g}"
        return Refused(precision, said)
    found = scoring(card.golden_input[np.newaxis])[0]
    # Half of what the daemon allows: what another processor adds must fit in, too.
    own = float(np.abs(found - card.golden_output).max()) > GOLDEN_TOLERANCE / 2
    noted = {**card.provenance, "golden_output": "this file's own" if own else "the torch network's"}
    return Graph(
        precision,
        model,
        replace(card, golden_output=found if own else card.golden_output, provenance=noted),
        deviations,
    )


def _half(precision: Precision) -> Literal["fp16", "bf16"]:
    return "bf16" if precision == "bf16" else "fp16"
