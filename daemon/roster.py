"""Who scores: the models that are asked together, and what of their scores is said in whose name."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.messages import ModelId


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """One model, or several under one name: its published labels and their places in a window's scores."""

    model: ModelId
    labels: tuple[str, ...]
    picks: tuple[int, ...]
    genres: tuple[str, ...]  # the labels that are genres, for the metrics
    genre_picks: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """The voices that speak of every window, the main one first; `n_scores` numbers are a window's scores."""

    voices: tuple[Voice, ...]
    n_scores: int

    @property
    def main(self) -> Voice:
        """The voice that a result is named after."""
        return self.voices[0]
