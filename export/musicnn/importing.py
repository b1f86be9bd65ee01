"""From musicnn's checkpoint to an ONNX file with a card."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import torch

from export.convert.carrying import CARRY, carrying_graph
from export.convert.golden import golden_window
from export.convert.onnx_carry import check_carry
from export.convert.onnx_graph import check_parity
from export.convert.serving import Served, plain_graph
from export.musicnn.labels import MUSICNN_LABELS
from export.musicnn.package import PACKAGE_VERSION
from export.musicnn.weights import load_musicnn
from models.card import Card, Carry
from models.card_file import write_model
from models.front_ends.spec import MUSICNN_FRONT_END
from models.musicnn.network import Musicnn

Arrangement = Literal["fast", "plain"]

CARD_VERSION: Final = "2"  # 2: without the dead filters
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
    card = musicnn_card(network, name, model, CARRY if arrangement == "fast" else None)
    shape = card.input_shape
    served = Served(network, "sigmoid")
    graph = plain_graph(served, shape) if card.carry is None else carrying_graph(served, shape)
    difference = check_parity(graph, network, shape, _PARITY)
    if card.carry is not None:
        difference = max(difference, check_carry(graph, card, card.carry, network, _PARITY))
    path = folder / f"{name}.onnx"
    write_model(graph, card, path)
    return Imported(path, difference)


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
