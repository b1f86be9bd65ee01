"""Labels of models: which are published, and how several models' become one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from daemon.inference import Scores
from daemon.messages import ModelId
from daemon.model import Model
from daemon.roster import Roster, Voice
from models.card import Label


@dataclass(frozen=True, slots=True, eq=False)
class Merge:
    """Scores of several models, one after the other -> one score a label: the mean of the models that know it.

    weights: float32 (scores before, scores after).
    """

    weights: Scores

    def __call__(self, scores: Scores) -> Scores:
        """float32 (scores before,) -> float32 (scores after,)."""
        merged: Scores = scores @ self.weights
        return merged


def each_for_itself(models: Sequence[Model], all_labels: bool) -> Roster:
    """Every model a voice; its scores stand behind those of the models before it."""
    voices, start = [], 0
    for model in models:
        voices.append(_voice(model.id, model.card.labels, start, all_labels))
        start += len(model.card.labels)
    return Roster(tuple(voices), start)


def as_one(models: Sequence[Model], all_labels: bool) -> tuple[Roster, Merge]:
    """One voice with the labels of all. A label's kind is what the first model that has it says."""
    labels: dict[str, Label] = {}
    for model in models:
        for label in model.card.labels:
            labels.setdefault(label.name, label)
    places = {name: place for place, name in enumerate(labels)}
    weights = np.zeros((sum(len(model.card.labels) for model in models), len(labels)), np.float32)
    names = [name for model in models for name in model.card.label_names]
    for row, name in enumerate(names):
        weights[row, places[name]] = 1 / names.count(name)
    voice = _voice(_joint_id([model.id for model in models]), tuple(labels.values()), 0, all_labels)
    return Roster((voice,), len(labels)), Merge(weights)


def _voice(model: ModelId, labels: Sequence[Label], start: int, all_labels: bool) -> Voice:
    """Only genres are published unless all labels are wanted, or there are none."""
    genres = [place for place, label in enumerate(labels) if label.kind == "genre"]
    everything = list(range(len(labels)))
    published = everything if all_labels or not genres else genres
    counted = genres or everything
    return Voice(
        model=model,
        labels=tuple(labels[place].name for place in published),
        picks=tuple(start + place for place in published),
        genres=tuple(labels[place].name for place in counted),
        genre_picks=tuple(start + place for place in counted),
    )


def _joint_id(ids: Sequence[ModelId]) -> ModelId:
    """musicnn-msd 1 and musicnn-mtt 1 -> musicnn-msd+musicnn-mtt 1+1; the digest is over theirs."""
    digest = hashlib.sha256("\n".join(each.sha256 for each in ids).encode()).hexdigest()
    return ModelId("+".join(each.name for each in ids), "+".join(each.version for each in ids), digest)
