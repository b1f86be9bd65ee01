"""Scores from an ONNX file with a card, by ONNX Runtime on the CPU: what the daemon runs."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from export.data.recipe import Recipe
from export.errors import InputUnusable
from models.card import Activation, Card, CardError, Label, card_from_metadata

Floats = npt.NDArray[np.float32]


class OnnxScorer:
    """A model file. InputUnusable when it is missing, no network, or has no card."""

    def __init__(self, path: Path) -> None:
        self._session = _session(path)
        try:
            self.card: Card = card_from_metadata(self._session.get_modelmeta().custom_metadata_map)
        except CardError as error:
            raise InputUnusable(f"{path}: {error}") from None
        self.path = path

    @property
    def name(self) -> str:
        """The card's name and version."""
        return f"{self.card.name} {self.card.version}"

    @property
    def labels(self) -> tuple[Label, ...]:
        """In the order of the scores."""
        return self.card.labels

    @property
    def recipe(self) -> Recipe:
        """What it listens to."""
        return Recipe(self.card.front_end, self.card.window_s, self.card.hop_s)

    @property
    def activation(self) -> Activation:
        """Already applied to the scores."""
        return self.card.activation

    @property
    def origin(self) -> Mapping[str, object]:
        """The card's provenance."""
        return self.card.provenance

    def scores(self, windows: Floats) -> Floats:
        """Normalised windows, float32 (n, *input_shape) -> float32 (n, n_labels). InputUnusable if it takes others."""
        try:
            (found,) = self._session.run([self.card.output_name], {self.card.input_name: windows})
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise InputUnusable(f"{self.path}: cannot score windows of {windows.shape[1:]}: {_first(error)}") from None
        return np.asarray(found, np.float32)


def _session(path: Path) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise InputUnusable(f"{path}: no such file")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others use the cores too
    try:
        return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class
        raise InputUnusable(f"{path}: not a usable ONNX file: {_first(error)}") from None


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
