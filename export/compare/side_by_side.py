"""What a comparison of several models found: everything that the tables, the page and the files say. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from export.evaluate.bootstrap import Interval
from export.evaluate.evaluation import LabelLine, ModelFacts

Runtime = Literal["PyTorch", "ONNX Runtime"]


@dataclass(frozen=True, slots=True)
class Music:
    """What they were compared on. fingerprint: of the whole set. tracks: those of the split that every model heard."""

    folder: Path
    fingerprint: str
    split: str
    multi_label: bool
    tracks: int


@dataclass(frozen=True, slots=True)
class Figures:
    """By the keys of `export.evaluate.metrics.figures`; intervals by drawing tracks."""

    values: Mapping[str, float]
    intervals: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds of one thread. features: of one hop's frames, and of a window of them as the network takes it.

    network: of one window, in `runtime`. streams_per_core: live streams for which one thread has the time.
    """

    features_ms: float
    network_ms: float
    runtime: Runtime
    streams_per_core: float

    @property
    def both_ms(self) -> float:
        """All that a window of a live stream costs."""
        return self.features_ms + self.network_ms


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """An epoch of the run: macro F1 of the validation windows, and whether none before was better."""

    epoch: int
    macro_f1: float
    best: bool


@dataclass(frozen=True, slots=True)
class ModelLine:
    """One of the models. network: its architecture's name, None where the file does not say. hears: in words.

    n_windows: of the tracks compared. labels: of tracks. curve: empty where there is no run's folder.
    """

    name: str
    facts: ModelFacts
    network: str | None
    hears: str
    parameters: int
    file_bytes: int
    n_windows: int
    tracks: Figures
    windows: Figures
    labels: tuple[LabelLine, ...]
    speed: Speed
    curve: tuple[CurvePoint, ...]


@dataclass(frozen=True, slots=True)
class Lead:
    """A model's figure minus that of the one it is held against, on the same tracks.

    better: share of the resamples in which it is strictly better. p: chance of a difference as far from 0, were there
    none; p_holm: the same, corrected for how many models are held against that one.
    """

    value: float
    interval: Interval
    better: float
    p: float
    p_holm: float


@dataclass(frozen=True, slots=True)
class Versus:
    """The model `name` against the one they are all held against. windows: empty where they hear other windows."""

    name: str
    tracks: Mapping[str, Lead]
    windows: Mapping[str, Lead]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Several models on the same tracks, in the order in which they were named.

    against: the name of the one that the others are held against; chosen: as the best of these, not beforehand.
    notes: what a reader must know, a sentence each.
    """

    music: Music
    models: tuple[ModelLine, ...]
    against: str
    chosen: bool
    versus: tuple[Versus, ...]
    notes: tuple[str, ...]
