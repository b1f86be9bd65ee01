"""A checkpoint -> ONNX files with cards: float32, and variants beside it. What is not proven is not written."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

import onnx

from export.convert.carrying import CARRY, can_carry, carrying_graph
from export.convert.evidence import Evidence, evidence_of, no_evidence, why_unmeasured
from export.convert.made_card import Naming, card_of
from export.convert.onnx_carry import check_carry
from export.convert.onnx_graph import within
from export.convert.opset import at_newest_opset, at_opset, newest_to_quantise, opset_of
from export.convert.parity import Proof, onnx_scoring, proof_of
from export.convert.runtime import cpu_session
from export.convert.serving import Served, lean, plain_graph
from export.convert.sources import origins
from export.convert.timing import graphs_ms
from export.convert.variants import Graph, Precision, Refused, variant
from export.data.cache import FeatureCache
from export.data.music_set import MusicSet
from export.errors import InputUnusable
from export.evaluate.learnt_note import learnt_note
from export.train.trained import NetworkSpec, load_network
from models.card_file import write_model
from models.networks.registry import Network

TOLERANCE: Final = 1e-4  # of the float32 graph: a tenth of what the daemon allows
MAX_DEVIATION: Final = 0.05


@dataclass(frozen=True, slots=True)
class Wishes:
    """precisions: of the variants besides float32. opset: None for the newest that works.

    max_deviation: of a variant. temperature: whether one is fitted on the validation clips.
    """

    naming: Naming
    precisions: tuple[Precision, ...] = ()
    opset: int | None = None
    max_deviation: float = MAX_DEVIATION
    temperature: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written. window_ms: of one thread. speed_ratio: how many times as fast as float32."""

    path: Path
    graph: Graph
    window_ms: float
    speed_ratio: float


@dataclass(frozen=True, slots=True)
class Conversion:
    """What came of it; the float32 file is the first one written. notes: what the user should know, a sentence each."""

    written: tuple[Written, ...]
    refused: tuple[Refused, ...]
    real_windows: int
    notes: tuple[str, ...] = ()


def convert(
    checkpoint: Path, output: Path, music: MusicSet | None, cache_folder: Path | None, wishes: Wishes
) -> Conversion:
    """Write `output`, an .onnx file, and its variants beside it as `output`.fp16.onnx and so on.

    music: where real windows, thresholds and temperature come from; its features are kept in `cache_folder` (None: the
    set's own). ProofFailed when the float32 graph does not compute what the torch network does: nothing is written.
    """
    if "int8" in wishes.precisions and music is None:
        raise InputUnusable("--precision int8 measures its ranges on real windows: name the music set with --set")
    spec, network = load_network(checkpoint)
    evidence = _evidence(spec, cast(Network, network), music, cache_folder, wishes)
    served = Served(network, spec.activation, evidence.temperature).eval()
    proof = proof_of(served, spec.recipe.front_end, spec.recipe.input_shape, evidence.windows)
    known = {"checkpoint_sha256": _sha256(checkpoint), **origins(checkpoint)}
    graph = _proven(served, spec, evidence, proof, known, wishes)
    others = [precision for precision in dict.fromkeys(wishes.precisions) if precision != "fp32"]
    newest = opset_of(graph.model)
    quantised = newest_to_quantise(newest) if "int8" in others and wishes.opset is None else newest
    opsets = {precision: quantised if precision == "int8" else newest for precision in others}
    plain = _without_carry(graph, served, spec, set(opsets.values()))
    made = [variant(plain[opsets[each]], graph.card, proof, each, wishes.max_deviation) for each in others]
    written = _write([graph, *(each for each in made if isinstance(each, Graph))], output)
    refused = tuple(each for each in made if isinstance(each, Refused))
    return Conversion(written, refused, len(evidence.windows), _notes(checkpoint, spec, music))


def _evidence(
    spec: NetworkSpec, network: Network, music: MusicSet | None, cache_folder: Path | None, wishes: Wishes
) -> Evidence:
    if music is None:
        return no_evidence(spec)
    cache = FeatureCache(cache_folder or music.folder / "cache", spec.recipe)
    return evidence_of(music, cache, spec, network, tempered=wishes.temperature)


def _notes(checkpoint: Path, spec: NetworkSpec, music: MusicSet | None) -> tuple[str, ...]:
    if music is None:
        return ()
    unmeasured = why_unmeasured(music, spec)
    if unmeasured is not None:
        return (f"{unmeasured}; no thresholds and no temperature are measured on it, only real windows compared",)
    so = "thresholds and temperature are measured on what it knows by heart"
    note = learnt_note(str(checkpoint), checkpoint, spec.labels, spec.notes, music, "validation", so)
    return () if note is None else (note,)


def _proven(
    served: Served,
    spec: NetworkSpec,
    evidence: Evidence,
    proof: Proof,
    known: Mapping[str, object],
    wishes: Wishes,
) -> Graph:
    """The float32 graph and its card; ProofFailed."""
    carry = CARRY if can_carry(served, spec.recipe) else None
    shape = spec.recipe.input_shape
    made = plain_graph(lean(served), shape) if carry is None else carrying_graph(served, shape)
    model = _at(made, wishes.opset)
    card = card_of(spec, wishes.naming, evidence, proof.wanted, carry, known)
    deviations = proof.of(onnx_scoring(cpu_session(model), card.input_name, card.output_name))
    if carry is not None:
        carried = check_carry(model, card, carry, served, TOLERANCE)
        deviations = replace(deviations, noise=max(deviations.noise, carried))
    within(deviations.worst, TOLERANCE)
    return Graph("fp32", model, card, deviations)


def _without_carry(graph: Graph, served: Served, spec: NetworkSpec, opsets: set[int]) -> dict[int, onnx.ModelProto]:
    """The float32 graph without a carry in each of the opsets; traced again only where `graph` is none of them."""
    found = {opset_of(graph.model): graph.model} if graph.card.carry is None else {}
    if missing := opsets - found.keys():
        traced = plain_graph(lean(served), spec.recipe.input_shape)
        found |= {opset: at_opset(traced, opset) for opset in missing}
    return found


def _at(model: onnx.ModelProto, opset: int | None) -> onnx.ModelProto:
    return at_newest_opset(model) if opset is None else at_opset(model, opset)


def _write(graphs: Sequence[Graph], output: Path) -> tuple[Written, ...]:
    """Each with what was measured of it on its card."""
    took_ms = graphs_ms(graphs)
    written = []
    for graph, window_ms in zip(graphs, took_ms, strict=True):
        ratio = took_ms[0] / window_ms
        path = output if graph.precision == "fp32" else output.with_suffix(f".{graph.precision}.onnx")
        proof: dict[str, object] = {
            "precision": graph.precision,
            "opset": opset_of(graph.model),
            "largest_deviation_on_noise": round(graph.deviations.noise, 9),
        }
        if graph.deviations.real is not None:
            proof["largest_deviation_on_music"] = round(graph.deviations.real, 9)
        if graph.precision != "fp32":
            proof["speed_ratio"] = round(ratio, 3)
        card = replace(graph.card, provenance={**graph.card.provenance, "conversion": proof})
        write_model(graph.model, card, path)
        written.append(Written(path, graph, window_ms, ratio))
    return tuple(written)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
