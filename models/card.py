"""The card: what an ONNX file says about itself, and the only thing the daemon believes about a model.

Stored in the file's metadata under three keys: `genred.card` (JSON), `genred.golden.input` and
`genred.golden.output` (base64 of little-endian float32). Needs neither torch nor onnx: the daemon passes
`session.get_modelmeta().custom_metadata_map`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from models.card_fields import as_mapping, decode_array, encode_array, number, required, typed
from models.front_ends.fields import front_end_of
from models.front_ends.spec import FrontEnd
from models.whole_times import whole_times

SCHEMA: Final = 1
CARD_KEY: Final = "genred.card"
GOLDEN_INPUT_KEY: Final = "genred.golden.input"
GOLDEN_OUTPUT_KEY: Final = "genred.golden.output"

Kind = Literal["genre", "instrument", "mood", "voice", "era", "other"]
Activation = Literal["sigmoid", "softmax"]


class CardError(ValueError):
    """A model file has no card, or one that cannot be trusted; the message is one line."""


@dataclass(frozen=True, slots=True)
class Label:
    """One output of the network and what sort of word it is."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Carry:
    """What a window of two hops hands to the next one of its stream: float32 (batch, n) under these names.

    The input is optional: without it the graph computes what it needs from the window alone.
    """

    input_name: str
    output_name: str


@dataclass(frozen=True, slots=True)
class Card:
    """What must be known to feed a network and to read its answer.

    activation: already applied inside the graph; scores lie in 0..1.
    thresholds: label -> score from which it may be called present; a label may be absent.
    golden_input: float32 `input_shape`, exactly as fed to the network.
    golden_output: float32 (labels,), from the reference implementation, not from this file.
    carry: of a graph that shares work between overlapping windows, else None.
    Equality ignores the golden arrays. Raises CardError where the parts contradict one another.
    """

    name: str
    version: str
    labels: tuple[Label, ...]
    front_end: FrontEnd
    golden_input: npt.NDArray[np.float32] = field(compare=False, repr=False)
    golden_output: npt.NDArray[np.float32] = field(compare=False, repr=False)
    licence: str
    provenance: Mapping[str, object]
    training: Mapping[str, object]
    window_s: float = 4.0
    hop_s: float = 2.0
    activation: Activation = "sigmoid"
    input_name: str = "log_mel"
    output_name: str = "scores"
    thresholds: Mapping[str, float] = field(default_factory=dict)
    carry: Carry | None = None

    def __post_init__(self) -> None:
        _check_labels(self)
        if self.activation not in get_args(Activation):
            raise CardError(f"card: unknown activation {self.activation!r}")
        hops = whole_times(self.window_s, self.hop_s)
        if hops is None:
            raise CardError(f"card: window_s {self.window_s} must be a whole multiple of hop_s {self.hop_s}")
        if self.carry is not None and hops != 2:
            raise CardError(f"card: a carry needs windows of two hops, not {self.window_s} s every {self.hop_s} s")
        if whole_times(self.hop_s * self.front_end.sample_rate_hz, self.front_end.frame_hop) is None:
            raise CardError(f"card: hop_s {self.hop_s} is not a whole number of frames")
        for what, found, wanted in (
            ("golden input", self.golden_input.shape, self.input_shape),
            ("golden output", self.golden_output.shape, (len(self.labels),)),
        ):
            if found != wanted:
                raise CardError(f"card: {what} has shape {found}, labels and front end ask for {wanted}")

    @property
    def frames_per_hop(self) -> int:
        """Frames in a hop block (125 for musicnn)."""
        return round(self.hop_s * self.front_end.sample_rate_hz) // self.front_end.frame_hop

    @property
    def frames_per_window(self) -> int:
        """Frames in a window (250 for musicnn)."""
        return round(self.window_s / self.hop_s) * self.frames_per_hop

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of what the network takes of a window, without the batch ((250, 96) for musicnn)."""
        return self.input_shape_of(self.window_s)

    def input_shape_of(self, window_s: float) -> tuple[int, ...]:
        """As `input_shape`, of a window of another length."""
        return self.front_end.input_shape(round(window_s * self.front_end.sample_rate_hz) // self.front_end.frame_hop)

    @property
    def label_names(self) -> tuple[str, ...]:
        """Every label, in the order of the network's output."""
        return tuple(label.name for label in self.labels)

    @property
    def genres(self) -> tuple[str, ...]:
        """The labels that are genres, in the order of the network's output."""
        return tuple(label.name for label in self.labels if label.kind == "genre")

    def hears_like(self, other: "Card") -> bool:
        """Whether both take the same of the same windows."""
        return (self.front_end, self.window_s, self.hop_s) == (other.front_end, other.window_s, other.hop_s)


def card_to_metadata(card: Card) -> dict[str, str]:
    """The card as the string pairs that go into an ONNX file's metadata."""
    fields = {"schema": SCHEMA, **asdict(card), "front_end": card.front_end.as_fields()}
    del fields["golden_input"], fields["golden_output"]
    return {
        CARD_KEY: json.dumps(fields, ensure_ascii=False, sort_keys=True, allow_nan=False),
        GOLDEN_INPUT_KEY: encode_array(card.golden_input),
        GOLDEN_OUTPUT_KEY: encode_array(card.golden_output),
    }


def card_from_metadata(metadata: Mapping[str, str]) -> Card:
    """Read a card back. Fields this version does not know are ignored; CardError for anything missing or wrong."""
    try:
        return _read(metadata)
    except CardError:
        raise
    except (ValueError, RecursionError) as error:  # RecursionError: JSON nested beyond the parser's depth
        raise CardError(str(error)) from None


def _read(metadata: Mapping[str, str]) -> Card:
    """card_from_metadata, with ValueError of any origin."""
    if CARD_KEY not in metadata:
        raise CardError(f"the model has no genred card ({CARD_KEY!r} is not in its metadata)")
    fields = as_mapping(_json(metadata[CARD_KEY]), "card")
    schema = typed(fields, "schema", int, "card")
    if schema != SCHEMA:
        raise CardError(f"the card has schema {schema}; this genred reads schema {SCHEMA}")
    labels = _labels(required(fields, "labels", "card"))
    front_end = front_end_of(as_mapping(required(fields, "front_end", "card"), "front_end"))
    window_s, hop_s = number(fields, "window_s", "card"), number(fields, "hop_s", "card")
    frames = round(window_s * front_end.sample_rate_hz) // front_end.frame_hop
    return Card(
        name=typed(fields, "name", str, "card"),
        version=typed(fields, "version", str, "card"),
        labels=labels,
        front_end=front_end,
        golden_input=decode_array(metadata, GOLDEN_INPUT_KEY, front_end.input_shape(frames)),
        golden_output=decode_array(metadata, GOLDEN_OUTPUT_KEY, (len(labels),)),
        licence=typed(fields, "licence", str, "card"),
        provenance=as_mapping(required(fields, "provenance", "card"), "provenance"),
        training=as_mapping(required(fields, "training", "card"), "training"),
        window_s=window_s,
        hop_s=hop_s,
        activation=cast(Activation, typed(fields, "activation", str, "card")),
        input_name=typed(fields, "input_name", str, "card"),
        output_name=typed(fields, "output_name", str, "card"),
        thresholds=_thresholds(as_mapping(fields.get("thresholds", {}), "thresholds")),
        carry=_carry(fields.get("carry")),
    )


def _json(text: str) -> object:
    """json.loads that says what it was reading."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise CardError(f"the card is not valid JSON: {error}") from None


def _check_labels(card: Card) -> None:
    """Labels exist, differ, have known kinds; thresholds speak of labels and lie in 0..1."""
    names = card.label_names
    if not names:
        raise CardError("card: no labels")
    if len(set(names)) != len(names):
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise CardError(f"card: labels occur twice: {', '.join(repeated)}")
    for label in card.labels:
        if label.kind not in get_args(Kind):
            raise CardError(f"card: label {label.name!r} has the unknown kind {label.kind!r}")
    for name, threshold in card.thresholds.items():
        if name not in names:
            raise CardError(f"card: a threshold for {name!r}, which is no label")
        if not 0 <= threshold <= 1:
            raise CardError(f"card: the threshold of {name!r} is {threshold}, not within 0..1")


def _labels(value: object) -> tuple[Label, ...]:
    """[{"name": ..., "kind": ...}, ...] -> labels."""
    if not isinstance(value, list):
        raise CardError("card: 'labels' must be a list")
    entries = [as_mapping(entry, "card: a label") for entry in value]
    return tuple(
        Label(name=typed(entry, "name", str, "label"), kind=cast(Kind, typed(entry, "kind", str, "label")))
        for entry in entries
    )


def _thresholds(fields: Mapping[str, object]) -> dict[str, float]:
    """{"label": number, ...}."""
    return {name: number(fields, name, "thresholds") for name in fields}


def _carry(value: object) -> Carry | None:
    """{"input_name": ..., "output_name": ...}, or nothing."""
    if value is None:
        return None
    fields = as_mapping(value, "carry")
    return Carry(typed(fields, "input_name", str, "carry"), typed(fields, "output_name", str, "carry"))
