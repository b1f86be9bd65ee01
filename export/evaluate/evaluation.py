"""What an evaluation found: everything that the report, the table and the JSON say. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from export.evaluate.bootstrap import Interval
from export.evaluate.calibration import Bin
from export.evaluate.comparison import Comparison
from export.evaluate.confusion import Pair
from export.evaluate.streaming import StreamingCheck
from models.card import Activation


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Which model was judged; sha256 of its file. window_s, hop_s: of the windows it hears."""

    name: str
    path: Path
    sha256: str
    activation: Activation
    window_s: float
    hop_s: float


@dataclass(frozen=True, slots=True)
class SetFacts:
    """What it was judged on. fingerprint: of the whole set. tracks, windows: that were judged."""

    folder: Path
    fingerprint: str
    split: str
    multi_label: bool
    tracks: int
    windows: int


@dataclass(frozen=True, slots=True)
class LabelLine:
    """A line of the classification report, tracks counted. The areas are None without positives or negatives."""

    name: str
    support: int
    precision: float
    recall: float
    f1: float
    f1_interval: Interval | None
    roc_auc: float | None
    pr_auc: float | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of the windows: as the model is, and with the temperature that validation asks for (None: not fitted).

    every_score: each score is taken as a statement of its own, as a sigmoid means it; else only the first choice.
    """

    every_score: bool
    ece: float
    bins: tuple[Bin, ...]
    temperature: float | None = None
    tempered_ece: float | None = None
    tempered_bins: tuple[Bin, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Of one model on one split of a set.

    confusion: rows what is true, columns what scored highest, tracks counted, in the order of `labels`.
    thresholds_from: where thresholds come from, in words; None with one label a clip. notes: what a reader must know, a
    sentence each.
    """

    model: ModelFacts
    music: SetFacts
    labels: tuple[LabelLine, ...]
    tracks: Mapping[str, float]
    windows: Mapping[str, float]
    intervals: Mapping[str, Interval]
    confusion: tuple[tuple[int, ...], ...]
    pairs: tuple[Pair, ...]
    calibration: Calibration
    thresholds_from: str | None
    notes: tuple[str, ...]
    streaming: StreamingCheck | None = None
    comparison: Comparison | None = None
