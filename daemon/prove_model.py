"""What can be proven of a model by its file alone, beyond the golden check that every load makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from daemon.errors import ModelRefused
from daemon.inference import OnnxModel, first_line, read_model
from models.seal import seal_holds

BATCHES = (1, 3)
BATCH_TOLERANCE = 1e-3  # between a window's scores alone and among others; as the golden check
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Proof:
    """sealed: None where the file carries no checksum. batch_deviation: of windows scored together and alone."""

    sealed: bool | None
    batch_deviation: float

    def __str__(self) -> str:
        """For the end of a line."""
        seal = "no checksum in the file" if self.sealed is None else "bytes as written"
        return f"batches of {' and '.join(map(str, BATCHES))} agree to {self.batch_deviation:.1e}, {seal}"


def prove(model: OnnxModel) -> Proof:
    """ModelRefused where the file is not what was written, or its network does not do what its card says."""
    intact = seal_holds(read_model(model.path))
    if intact is False:
        raise ModelRefused(
            f"model {model.path}: its checksum does not fit its bytes: it was damaged, or changed after it was made"
        )
    return Proof(intact, _batch_deviation(model))


def _batch_deviation(model: OnnxModel) -> float:
    """Scores of the golden window, of silence and of noise, together and alone."""
    golden = model.card.golden_input
    noise = np.random.default_rng(0).permutation(golden.ravel()).reshape(golden.shape)
    windows = np.stack([golden, np.full_like(golden, golden.min()), noise])
    scores = {size: _in_batches(model, windows, size) for size in BATCHES}
    alone = scores[BATCHES[0]]
    for found in scores.values():
        _check_scores(model, found)
    worst = float(max(np.abs(found - alone).max() for found in scores.values()))
    if worst > BATCH_TOLERANCE:
        raise ModelRefused(f"model {model.path}: a window's scores change by {worst:.2g} with the windows beside it")
    return worst


def _in_batches(model: OnnxModel, windows: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    batches = [windows[start : start + size] for start in range(0, len(windows), size)]
    try:
        return np.concatenate([model.scores(batch) for batch in batches])
    except Exception as error:  # onnxruntime's exceptions share no base class
        raise ModelRefused(
            f"model {model.path}: {size} windows at once cannot be scored: {first_line(error)}"
        ) from error


def _check_scores(model: OnnxModel, scores: npt.NDArray[np.float32]) -> None:
    """Finite, within 0..1, and with softmax of sum 1."""
    if not (np.isfinite(scores).all() and scores.min() >= 0 and scores.max() <= 1 + _SUM_TOLERANCE):
        raise ModelRefused(f"model {model.path}: it gives scores that are not within 0..1")
    if model.card.activation == "softmax" and np.abs(scores.sum(axis=1) - 1).max() > _SUM_TOLERANCE:
        raise ModelRefused(f"model {model.path}: its card says softmax, but its scores do not add up to 1")
