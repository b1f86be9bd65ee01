"""Scores from a checkpoint that training wrote, by PyTorch on the CPU."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from export.data.recipe import Recipe
from export.train.trained import NetworkSpec, checkpoint_of, load_network
from models.card import Activation, Label
from models.networks.registry import Network

Floats = npt.NDArray[np.float32]


class TorchScorer:
    """A .safetensors checkpoint, or the best one of a run folder. InputUnusable."""

    def __init__(self, path: Path) -> None:
        self.path = checkpoint_of(path)
        self.spec: NetworkSpec
        self.spec, network = load_network(self.path)
        self._network = cast(Network, network)
        self._name = path.name if path.is_dir() else path.stem

    @property
    def name(self) -> str:
        """The folder's or file's name, and the network's."""
        return f"{self._name} ({self.spec.network})"

    @property
    def labels(self) -> tuple[Label, ...]:
        """In the order of the scores."""
        return self.spec.labels

    @property
    def recipe(self) -> Recipe:
        """What it listens to."""
        return self.spec.recipe

    @property
    def activation(self) -> Activation:
        """Applied to the scores."""
        return self.spec.activation

    @property
    def origin(self) -> Mapping[str, object]:
        """The checkpoint's notes."""
        return self.spec.notes

    @property
    def parameters(self) -> int:
        """All its weights, those of a frozen body too."""
        return sum(each.numel() for each in cast(nn.Module, self._network).parameters())

    def scores(self, windows: Floats) -> Floats:
        """Normalised windows, float32 (n, *input_shape) -> float32 (n, n_labels)."""
        logits = torch.from_numpy(self.logits(windows))
        found = torch.softmax(logits, dim=1) if self.activation == "softmax" else torch.sigmoid(logits)
        return np.asarray(found.numpy(), np.float32)

    def logits(self, windows: Floats) -> Floats:
        """As `scores`, before the activation: what a temperature is fitted on."""
        with torch.inference_mode():
            found = self._network.logits(torch.from_numpy(np.ascontiguousarray(windows)))
        return np.asarray(found.numpy(), np.float32)
