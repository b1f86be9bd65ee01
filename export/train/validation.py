"""How good a network is on music that it does not learn from: every window once, in evaluation, in float32."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from export.data.clip import Clip
from export.data.decode import Floats
from export.data.targets import Targets
from export.data.window_source import WindowSource
from export.errors import SettingsUnusable
from export.evaluate.metrics import figures
from export.train.losses import Loss, activated
from export.train.parallel import Team
from models.card import Activation

_WINDOWS: Final = 64  # that go through the network at once
_LOWER: Final = frozenset(("loss", "mean_deviation", "ece", "brier"))


@dataclass(frozen=True, slots=True)
class Judgement:
    """The mean loss over all windows and what their scores are worth; NaN and nothing of scores that are no numbers."""

    loss: float
    figures: dict[str, float]


class HeldOut(Protocol):
    """What networks are judged on."""

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """What a network takes and the targets (batch, n_labels), of this process's share, on its device."""
        ...


@dataclass(frozen=True, slots=True)
class ClipWindows:
    """The windows of `clips` that are not silent. inputs: what the source has of them -> what the network takes."""

    clips: Sequence[Clip]
    source: WindowSource
    inputs: Callable[[Tensor], Tensor]
    targets: Targets
    team: Team

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """As `HeldOut`, clip by clip. Raises UnreadableAudio."""
        recipe, device = self.source.recipe, self.team.device
        for clip in self.clips[self.team.rank :: self.team.size]:
            blocks = self.source.blocks(clip)
            heard = np.flatnonzero(~blocks.silent(recipe))
            targets = torch.from_numpy(self.targets.of(clip, blocks.n_windows(recipe))[heard])
            for start in range(0, len(heard), _WINDOWS):
                part = slice(start, start + _WINDOWS)
                windows = torch.from_numpy(blocks.windows(recipe, heard[part])).to(device)
                yield self.inputs(windows), targets[part].to(device)


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges networks; each process of a team takes its share, and all get the whole judgement."""

    held_out: HeldOut
    activation: Activation
    n_labels: int
    multi_label: bool
    loss: Loss
    team: Team

    def judge(self, network: nn.Module) -> Judgement:
        """Leaves the network in evaluation. Raises what `held_out` does."""
        network.eval()
        team, sums = self.team, torch.zeros(2, dtype=torch.float64)
        truth, scores = ([np.empty((0, self.n_labels), np.float32)] for _ in range(2))
        with torch.inference_mode():
            for inputs, targets in self.held_out.batches():
                logits = network.logits(inputs).float()  # type: ignore[operator]
                sums += torch.tensor([self.loss(logits, targets).item() * len(targets), len(targets)])
                truth.append(targets.cpu().numpy())
                scores.append(activated(logits, self.activation).cpu().numpy())
        total = team.summed(sums)
        wanted, found = (team.gathered(np.concatenate(rows)) for rows in (truth, scores))
        if not np.isfinite(found).all():
            return Judgement(math.nan, {})
        return Judgement(float(total[0] / total[1]), window_figures(wanted, found, self.multi_label))


def lower_is_better(figure: str) -> bool:
    """Of a figure, or of "loss"."""
    return figure in _LOWER


def known_figures(soft: bool, multi_label: bool) -> list[str]:
    """What a judgement will have figures of; soft: targets are a teacher's scores."""
    truth = np.eye(2, dtype=np.float32) * (0.5 if soft else 1.0)
    return list(window_figures(truth, np.full((2, 2), 0.5, np.float32), multi_label))


def check_watch(watch: str, soft: bool, multi_label: bool) -> None:
    """SettingsUnusable where `early_stop.watch` is no figure of a judgement; soft: as of `known_figures`."""
    known = ["loss", *known_figures(soft, multi_label)]
    if watch not in known:
        raise SettingsUnusable(f"early_stop.watch: {watch!r} is none of {', '.join(known)}")


def window_figures(truth: Floats, scores: Floats, multi_label: bool) -> dict[str, float]:
    """`export.evaluate.metrics.figures` of labels; of a teacher's scores how far the student is from them.

    mean_deviation: the mean of |score - teacher's|; top1_agreement: windows with the same highest label.
    """
    if bool(np.isin(truth, (0, 1)).all()):
        return figures(truth, scores, multi_label)
    return {
        "rows": float(len(truth)),
        "mean_deviation": float(np.abs(truth - scores).mean(dtype=np.float64)),
        "top1_agreement": float((truth.argmax(axis=1) == scores.argmax(axis=1)).mean()),
    }
