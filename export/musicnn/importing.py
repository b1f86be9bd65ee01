"""From musicnn's checkpoint to an ONNX file with a card."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import onnx
import torch

from export.convert.golden import golden_window
from export.convert.onnx_carry import check_carry, optional_carry
from export.convert.onnx_graph import check_parity, to_onnx
from export.musicnn.labels import MUSICNN_LABELS
from export.musicnn.package import PACKAGE_VERSION
from export.musicnn.weights import load_musicnn
from models.card import Card, Carry
from models.card_file import write_model
from models.frontend_spec import MUSICNN_FRONT_END
from models.musicnn import Musicnn
from models.musicnn_hops import FirstCarry, HopMusicnn

Arrangement = Literal["fast", "plain"]

CARD_VERSION: Final = "1"
_CARRY: Final = Carry(input_name="carried", output_name="carry")
_PARITY: Final = 1e-5
_DATASETS: Final = {"msd": "Million Song Dataset, Last.fm tags", "mtt": "MagnaTagATune"}
# What the package's experiment.result files state for their test sets.
_RESULTS: Final = {
    "msd": {"roc_auc": 0.8801927178090048, "pr_auc": 0.28906431196994925},
    "mtt": {"roc_auc": 0.9066769123674747, "pr_auc": 0.38310571748763617},
}


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    path: Path
    largest_difference: float


def import_musicnn(package: Path, model: str, arrangement: Arrangement, folder: Path) -> Imported:
    """Write `folder`/musicnn-{model}.onnx (plain: ...-plain.onnx) from the checkpoint under `package`.

    model: "msd" or "mtt". The ONNX graph must agree with the plain torch network to 1e-5 on random windows, or
    nothing is written. Raises CheckpointError, ParityError, OSError.
    """
    network = load_musicnn(package / f"{model.upper()}_musicnn")
    name = f"musicnn-{model}" if arrangement == "fast" else f"musicnn-{model}-plain"
    card = musicnn_card(network, name, model, _CARRY if arrangement == "fast" else None)
    shape = (card.frames_per_window, card.front_end.n_mels)
    if card.carry is None:
        graph = to_onnx(network, {card.input_name: shape}, [card.output_name])
    else:
        graph = _hop_graph(network, card, card.carry)
    difference = check_parity(graph, network, shape, _PARITY)
    if card.carry is not None:
        difference = max(difference, check_carry(graph, card, card.carry, network, _PARITY))
    path = folder / f"{name}.onnx"
    write_model(graph, card, path)
    return Imported(path, difference)


def _hop_graph(network: Musicnn, card: Card, carry: Carry) -> onnx.ModelProto:
    """The shared-overlap arrangement, its carry optional."""
    hops = HopMusicnn(network).eval()
    window = {card.input_name: (card.frames_per_window, card.front_end.n_mels)}
    whole = to_onnx(hops, {**window, carry.input_name: (hops.carry_size,)}, [card.output_name, carry.output_name])
    first = to_onnx(FirstCarry(hops), window, ["first_carry"])
    return optional_carry(whole, first, carry.input_name)


def musicnn_card(network: Musicnn, name: str, model: str, carry: Carry | None) -> Card:
    """The card of an imported network; the golden output comes from the plain torch network."""
    window = golden_window(MUSICNN_FRONT_END, n_frames=250)
    with torch.inference_mode():
        scores = network(torch.from_numpy(window[np.newaxis]))[0].numpy()
    return Card(
        name=name,
        version=CARD_VERSION,
        labels=MUSICNN_LABELS[model],
        front_end=MUSICNN_FRONT_END,
        golden_input=window,
        golden_output=scores,
        licence="ISC",
        provenance={
            "authors": "Jordi Pons and Xavier Serra, Music Technology Group, Universitat Pompeu Fabra",
            "paper": "musicnn: pre-trained convolutional neural networks for music audio tagging, ISMIR 2019",
            "source": "https://github.com/jordipons/musicnn",
            "package": f"musicnn {PACKAGE_VERSION} (PyPI)",
            "checkpoint": f"{model.upper()}_musicnn",
        },
        training={"dataset": _DATASETS[model], "window_frames": 187, **_RESULTS[model]},
        carry=carry,
    )
