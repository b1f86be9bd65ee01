"""What every loaded model can say of itself, wherever it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from daemon.messages import ModelId
from models.card import Card


class Model(Protocol):
    """A network that has proved itself on the device that it will run on."""

    @property
    def path(self) -> Path:
        """The file it came from."""
        ...

    @property
    def id(self) -> ModelId:
        """What results are named after."""
        ...

    @property
    def card(self) -> Card:
        """What the file says of itself."""
        ...

    @property
    def provider(self) -> str:
        """ONNX Runtime's name of what computes it."""
        ...

    @property
    def of_one_length(self) -> bool:
        """Whether the network takes inputs of one shape only."""
        ...

    @property
    def golden_deviation(self) -> float:
        """Largest deviation from the card's golden scores."""
        ...
