"""Windows to scores on a CPU: features, the silence gate, the networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np

from daemon.cuts import HopBlock, Window
from daemon.features import CpuFeatures, Features
from daemon.inference import OnnxModel, Scores
from daemon.scoring import FinishedBatch, StageTimer, window_power
from daemon.stages import Stage, Stages
from daemon.vocabulary import Merge
from models.front_ends.network_input import network_input


class CpuScorer:
    """Scores batches where they are begun. The models may be shared with other workers' scorers.

    run_windows: most windows that go through a network at once. `count_unusable` hears of NaN samples and the like.
    merge: what becomes of the models' scores, one after the other; None leaves them as they are. `stages` hears of the
    windows in each stage.
    """

    depth = 1

    def __init__(
        self,
        models: Sequence[OnnxModel],
        silence_dbfs: float,
        run_windows: int,
        count_unusable: Callable[[int], None],
        timed: StageTimer,
        merge: Merge | None = None,
        stages: Stages | None = None,
    ) -> None:
        self._models = models
        self._stages = stages or Stages()
        self._front_end = models[0].card.front_end
        self._features = CpuFeatures(self._front_end, count_unusable)
        self._silence_power = 10 ** (silence_dbfs / 10)
        self._run_windows, self._timed, self._merge = run_windows, timed, merge

    def begin(self, windows: Sequence[Window]) -> FinishedBatch:
        """Score the batch."""
        started = perf_counter()
        self._stages.began(Stage.FEATURES, windows)
        frames = [self._features.window(window) for window in windows]
        loud = [place for place, window in enumerate(windows) if window_power(window) >= self._silence_power]
        # Once for all models, which hear alike.
        inputs = network_input(np.stack([frames[place] for place in loud]), self._front_end) if loud else None
        featured = perf_counter()
        self._timed("features", featured - started)
        self._stages.ended(Stage.FEATURES, windows)
        found: list[Scores | None] = [None] * len(windows)
        if inputs is not None:
            heard = [windows[place] for place in loud]
            self._stages.began(Stage.INFERENCE, heard)
            columns = [_scored(model, heard, inputs, self._run_windows) for model in self._models]
            for place, *parts in zip(loud, *columns, strict=True):
                together = np.concatenate(parts) if len(parts) > 1 else parts[0]
                found[place] = together if self._merge is None else self._merge(together)
            self._timed("inference", perf_counter() - featured)
            self._stages.ended(Stage.INFERENCE, heard)
        for window in windows:
            window.blocks[0].carries = None  # no later window has this block for its first
        return FinishedBatch(found)


def _scored(model: OnnxModel, windows: list[Window], inputs: Features, run_windows: int) -> list[Scores]:
    """One model's scores of loud windows; those of a stream in order, each handing on what the next one needs.

    inputs: float32 (windows, *card.input_shape).
    """
    found: list[Scores | None] = [None] * len(windows)
    waiting = list(range(len(windows)))
    while waiting:
        promised = {id(windows[place].blocks[-1]) for place in waiting}
        ready = [place for place in waiting if id(windows[place].blocks[0]) not in promised]
        by_kind = {False: list[int](), True: list[int]()}
        for place in ready:
            by_kind[_carried(model, windows[place]) is not None].append(place)
        for places in by_kind.values():
            for first in range(0, len(places), run_windows):
                run = places[first : first + run_windows]
                _run(model, [windows[place] for place in run], inputs[run], run, found)
        waiting = [place for place in waiting if found[place] is None]
    return [scores for scores in found if scores is not None]


def _run(
    model: OnnxModel, windows: list[Window], inputs: Features, places: list[int], found: list[Scores | None]
) -> None:
    """One pass through the network, all with a carry or all without."""
    if not model.fits_carry(windows[0].grid.blocks_per_window):
        scores = model.scores(inputs)
    else:
        carried = [carry for window in windows if (carry := _carried(model, window)) is not None]
        scores, carries = model.scores_and_carries(inputs, np.stack(carried) if carried else None)
        for window, carry in zip(windows, carries, strict=True):
            # A copy: what onnxruntime returns lies in the session's own memory, and keeps all of that.
            _keep(window.blocks[-1], model, carry.copy())
    for place, own in zip(places, scores, strict=True):
        found[place] = own


def _carried(model: OnnxModel, window: Window) -> Scores | None:
    carries = window.blocks[0].carries
    return None if carries is None else carries.get(model.id.sha256)


def _keep(block: HopBlock, model: OnnxModel, carry: Scores) -> None:
    # Replaced, not changed: the worker that has the next window may be letting go of it now.
    block.carries = {**(block.carries or {}), model.id.sha256: carry}
