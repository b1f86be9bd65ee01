"""Served models as teachers: what they hear, what they are called, and how several speak as one."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from export.convert.runtime import first_line, session_of
from export.data.recipe import Recipe
from export.errors import InputUnusable
from models.card import Card, CardError, Label, card_from_metadata
from models.catalogue import ModelNotFound, resolve_model

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Teacher:
    """A model file: its card, and the SHA-256 of its bytes, by which its scores are kept."""

    path: Path
    card: Card
    sha256: str

    @property
    def name(self) -> str:
        """Name and version."""
        return f"{self.card.name} {self.card.version}"

    @property
    def recipe(self) -> Recipe:
        """What it hears."""
        return Recipe(self.card.front_end, self.card.window_s, self.card.hop_s)


class Session:
    """A teacher ready to be asked, on the calling thread alone."""

    def __init__(self, teacher: Teacher) -> None:
        content, self.card = _content(teacher.path), teacher.card
        if hashlib.sha256(content).hexdigest() != teacher.sha256:
            raise InputUnusable(f"--teacher {teacher.path}: the file has changed since it was first read; begin again")
        self.onnx = _onnx_session(content, teacher.path)

    def scores(self, windows: Callable[[int], Floats], silent: npt.NDArray[np.bool_]) -> Floats:
        """Of consecutive windows: float32 (n, n_labels), zeros where silent (n,).

        windows: gives the window of a number, normalised, (1, *input_shape): a clip may be hours long. One after the
        other as the daemon does, each with what the one before it handed on.
        """
        card = self.card
        found = np.zeros((len(silent), len(card.labels)), np.float32)
        names = [card.output_name] if card.carry is None else [card.output_name, card.carry.output_name]
        carried: dict[str, Floats] = {}
        for place in np.flatnonzero(~silent):
            if place and silent[place - 1]:
                carried = {}
            scores, *carries = self.onnx.run(names, {card.input_name: windows(int(place)), **carried})
            found[place] = scores[0]
            if card.carry is not None:
                carried = {card.carry.input_name: carries[0]}
        return found


def open_teachers(names: Sequence[str]) -> tuple[Teacher, ...]:
    """Shipped models' names or .onnx files. InputUnusable, also when they do not listen to the same windows."""
    teachers = tuple(_teacher(name) for name in names)
    if not teachers:
        raise InputUnusable("name at least one --teacher: a shipped model, or an .onnx file")
    first = teachers[0]
    for other in teachers[1:]:
        if (other.card.window_s, other.card.hop_s) != (first.card.window_s, first.card.hop_s):
            raise InputUnusable(f"--teacher {other.name} and {first.name} listen to windows of different lengths")
    if len({teacher.sha256 for teacher in teachers}) != len(teachers):
        raise InputUnusable("--teacher: the same model is named twice")
    return teachers


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """Several teachers' labels as one list, as the daemon's merged results have it (daemon/vocabulary.py).

    A label that several have gets the mean of their scores, and the kind that the first of them says. weights: float32
    (n_before, n_labels), from the teachers' scores side by side.
    """

    labels: tuple[Label, ...]
    weights: Floats

    def of(self, scores: Sequence[Floats]) -> Floats:
        """Each teacher's scores (n, its labels) -> (n, n_labels)."""
        merged: Floats = np.concatenate(scores, axis=1) @ self.weights
        return merged


def merged(cards: Sequence[Card]) -> Merged:
    """The labels of all in the order in which they are met."""
    labels: dict[str, Label] = {}
    for card in cards:
        for label in card.labels:
            labels.setdefault(label.name, label)
    places = {name: place for place, name in enumerate(labels)}
    names = [name for card in cards for name in card.label_names]
    weights = np.zeros((len(names), len(labels)), np.float32)
    for row, name in enumerate(names):
        weights[row, places[name]] = 1 / names.count(name)
    return Merged(tuple(labels.values()), weights)


def _teacher(name: str) -> Teacher:
    try:
        path = resolve_model(name)
    except ModelNotFound as error:
        raise InputUnusable(f"--teacher {name}: {error}") from None
    content = _content(path)
    try:
        card = card_from_metadata(_onnx_session(content, path).get_modelmeta().custom_metadata_map)
    except CardError as error:
        raise InputUnusable(f"--teacher {path}: {error}") from None
    return Teacher(path, card, hashlib.sha256(content).hexdigest())


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputUnusable(f"--teacher {path}: {error.strerror}") from None


def _onnx_session(content: bytes, path: Path) -> onnxruntime.InferenceSession:
    try:
        return session_of(content, threads=1)
    except Exception as error:  # onnxruntime's exceptions share no base class
        raise InputUnusable(f"--teacher {path}: not a usable ONNX file: {first_line(error)}") from None
