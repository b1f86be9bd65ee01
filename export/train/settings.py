"""Everything that decides what a training run computes; a run folder keeps it as settings.toml.

Where the cache lies, how many processes fill it and what is shown are no part of it: they change no figure.
"""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from export.data.augment import AugmentSettings
from export.data.balance import Balance
from export.data.recipe import Recipe
from models.front_ends.named import HEARINGS, HearingName
from models.front_ends.spec import FrontEnd
from models.networks.registry import NETWORKS, has_frozen_body
from models.whole_times import whole_times

LossKind = Literal["auto", "asymmetric-focal", "asl", "bce", "ce", "soft-bce", "kl"]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]

_USUAL: Final[HearingName] = "spectrogram"
_PUBLISHED: Final = "wav2vec2"  # begins with a body that others have published, whatever its options say
SOFTMAX_LOSSES: Final = ("ce", "kl")  # one label a window; the others have a sigmoid for each label


class Part(BaseModel):
    """A table of the settings: frozen, and no key it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OptimiserSettings(Part):
    """clip_norm: the gradient's norm is held under it; 0 for no limit."""

    kind: Literal["adam", "adamw"] = "adamw"
    learning_rate: Positive = 1e-3
    weight_decay: NotNegative = 1e-4
    clip_norm: NotNegative = 0.0


class ScheduleSettings(Part):
    """How the learning rate moves. plateau: times `factor` when the validation loss has not fallen for more than
    `patience` epochs; step: times `factor` every `step_epochs`; cosine: down to 0 at the last step; one-cycle: up
    from a 25th over the first 30 %, then down.
    """

    kind: Literal["constant", "plateau", "cosine", "step", "one-cycle"] = "plateau"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    patience: Annotated[int, Field(ge=0)] = 5
    step_epochs: Count = 10
    warmup_steps: Annotated[int, Field(ge=0)] = 0


class LossSettings(Part):
    """kind "auto": "ce" where a clip has one label, "bce" where it may have several.

    gamma_positive, gamma_negative: of asymmetric-focal and asl. probability_shift: of asl. pos_weight: of bce, total
    positives / (labels * positives of the label); class_weights: of ce, the same. label_smoothing: of ce.
    """

    kind: LossKind = "auto"
    gamma_positive: NotNegative = 1.0
    gamma_negative: NotNegative = 4.0
    probability_shift: Annotated[float, Field(ge=0, lt=1)] = 0.05
    pos_weight: bool = True
    class_weights: bool = False
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0


class EarlyStopSettings(Part):
    """Training ends when `watch` has not improved for `patience` epochs; 0: it never ends early.

    watch: "loss", or a figure of the validation set such as "macro_f1". The best epoch by it is what is kept.
    """

    watch: str = "loss"
    patience: Annotated[int, Field(ge=0)] = 10
    least_gain: NotNegative = 0.0


class WindowSettings(Part):
    """Which windows an epoch hears.

    per_clip: at most so many of each clip, others every epoch; 0: all. balance: "labels" draws for each label equally
    often, those of rare labels several times; "undersample" draws at most per_label for each, none twice. per_label:
    0 with "labels": as many as there are windows in all. shuffle: windows that wait to be drawn; no more than 128 MiB
    hold (2048 of 128 x 128), and at least a batch.
    """

    per_clip: Annotated[int, Field(ge=0)] = 0
    balance: Balance = "none"
    per_label: Annotated[int, Field(ge=0)] = 0
    shuffle: Count = 2048

    @model_validator(mode="after")
    def _fit_together(self) -> "WindowSettings":
        if self.balance == "undersample" and not self.per_label:
            raise ValueError("balance = 'undersample' needs per_label: the most windows of a label")
        return self


class TableSettings(Part):
    """Of a table of vectors. label: the column of the labels; without: columns that are no features. raw_mels: mel
    columns stay powers, which else become decibels.
    """

    label: str = "label"
    without: tuple[str, ...] = ()
    raw_mels: bool = False


class TrainSettings(Part):
    """One run.

    network: a name of `models.networks.registry`, "auto": the initial one's, or spectrogram-cnn; network_options: what
    that network takes. front_end "auto": the initial network's, or the network's own. window_s, hop_s: 0 for what is
    usual with that front end. initial: a shipped network ("musicnn-msd"), a checkpoint or a run folder to start from.
    frozen: "body" trains the last layer only, of a wav2vec2 without initial the projector before it, too.
    batch_size: windows a step in each process. precision "bf16" works everywhere, "fp16" on a GPU. threads: of torch;
    0 leaves them to torch. state_minutes: what a kill can cost; the state is also written after every epoch.
    """

    network: str = "auto"
    network_options: dict[str, bool | int | float | str] = Field(default_factory=dict)
    front_end: Literal["auto", HearingName] | FrontEnd = "auto"
    window_s: NotNegative = 0.0
    hop_s: NotNegative = 0.0
    initial: str = ""
    frozen: Literal["nothing", "body"] = "nothing"
    epochs: Count = 50
    batch_size: Annotated[int, Field(ge=2)] = 16
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    threads: Annotated[int, Field(ge=0)] = 0
    state_minutes: Positive = 5.0
    wandb: Literal["off", "offline", "online"] = "off"
    optimiser: OptimiserSettings = OptimiserSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    loss: LossSettings = LossSettings()
    early_stop: EarlyStopSettings = EarlyStopSettings()
    windows: WindowSettings = WindowSettings()
    augment: AugmentSettings = AugmentSettings()
    table: TableSettings = TableSettings()

    @property
    def recipe(self) -> Recipe:
        """What the network listens to."""
        usual = HEARINGS[NETWORKS[self.network].hearing if self.network in NETWORKS else _USUAL]
        if not isinstance(self.front_end, FrontEnd) and self.front_end != "auto":
            usual = HEARINGS[self.front_end]
        front_end = self.front_end if isinstance(self.front_end, FrontEnd) else usual.front_end
        return Recipe(front_end, self.window_s or usual.window_s, self.hop_s or usual.hop_s)

    @model_validator(mode="after")
    def _fit_together(self) -> "TrainSettings":
        if self.frozen == "body" and not self.initial:
            self._check_learnt()
        recipe = self.recipe
        hop, frame_hop = recipe.hop_s * recipe.front_end.sample_rate_hz, recipe.front_end.frame_hop
        if whole_times(hop, frame_hop) is None:
            raise ValueError(f"hop_s = {recipe.hop_s:g} must be a whole number of frames, not {hop / frame_hop:g}")
        if whole_times(recipe.window_s, recipe.hop_s) is None:
            raise ValueError(f"window_s = {recipe.window_s:g} must be a whole multiple of hop_s = {recipe.hop_s:g}")
        return self

    def _check_learnt(self) -> None:
        """ValueError unless the body of a network that begins with no other one has learnt something."""
        if has_frozen_body(self.network):
            raise ValueError(
                f"frozen = 'body': the body of {self.network} never moves, and the layer between it and the last one "
                "has yet to learn; leave it out"
            )
        if self.network != _PUBLISHED and not self.network_options.get("weights"):
            raise ValueError("frozen = 'body' needs initial: a body that has learnt nothing is not worth keeping")
