"""The proof of a conversion again: an ONNX file against the checkpoint that it was made from."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import onnx

from export.convert.evidence import evidence_of, no_evidence
from export.convert.parity import Deviations, onnx_scoring, proof_of
from export.convert.runtime import cpu_session, first_line
from export.convert.serving import Served
from export.data.cache import FeatureCache
from export.data.music_set import MusicSet
from export.errors import InputUnusable, ProofFailed
from export.train.trained import NetworkSpec, load_network
from models.card import Card, CardError, card_from_metadata
from models.networks.registry import Network


@dataclass(frozen=True, slots=True)
class Verified:
    """How far the file is off, and what it was compared on."""

    deviations: Deviations
    real_windows: int


def verify(model: Path, checkpoint: Path, music: MusicSet | None, cache_folder: Path | None, most: float) -> Verified:
    """Compare their scores on noise, silence and the set's validation windows.

    InputUnusable where the file cannot be one of this checkpoint; ProofFailed where it is off by more than `most`.
    """
    graph, card = _model(model)
    spec, network = load_network(checkpoint)
    _same(card, spec, model, checkpoint)
    evidence = no_evidence(spec)
    if music is not None:
        cache = FeatureCache(cache_folder or music.folder / "cache", spec.recipe)
        evidence = evidence_of(music, cache, spec, cast(Network, network), tempered=False)
    served = Served(network, spec.activation, _temperature(card))
    proof = proof_of(served, spec.recipe.front_end, spec.recipe.input_shape, evidence.windows)
    deviations = proof.of(onnx_scoring(cpu_session(graph), card.input_name, card.output_name))
    if not deviations.worst <= most:  # also when it is not a number
        raise ProofFailed(f"{model} is off by {deviations.worst:.2g} from {checkpoint}; allowed: {most:g}")
    return Verified(deviations, len(evidence.windows))


def _model(path: Path) -> tuple[onnx.ModelProto, Card]:
    try:
        graph = onnx.load(path, load_external_data=False)
        return graph, card_from_metadata({entry.key: entry.value for entry in graph.metadata_props})
    except CardError as error:
        raise InputUnusable(f"{path}: {error}") from None
    except FileNotFoundError:
        raise InputUnusable(f"{path}: no such file") from None
    except Exception as error:  # protobuf's own
        raise InputUnusable(f"{path}: not an ONNX file: {first_line(error)}") from None


def _same(card: Card, spec: NetworkSpec, model: Path, checkpoint: Path) -> None:
    for what, theirs, ours in (
        ("labels", card.labels, spec.labels),
        ("front end", card.front_end, spec.recipe.front_end),
        ("window", (card.window_s, card.hop_s), (spec.recipe.window_s, spec.recipe.hop_s)),
        ("activation", card.activation, spec.activation),
    ):
        if theirs != ours:
            raise InputUnusable(f"{model} was not made from {checkpoint}: they differ in their {what}")


def _temperature(card: Card) -> float:
    """What the logits are divided by inside the file."""
    value = card.training.get("temperature", 1.0)
    return float(value) if isinstance(value, int | float) else 1.0
