"""What two networks say of the same windows: the proof of every conversion."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from torch import nn

from models.front_ends.spec import FrontEnd

Floats = npt.NDArray[np.float32]
Scoring = Callable[[Floats], Floats]

_BATCHES: Final = (1, 3, 32)  # sizes that take turns: a graph must not depend on its batch
_NOISE_WINDOWS: Final = 36
_LOUDEST_DB, _FLOOR_DB = 30.0, -100.0


def random_windows(n: int, input_shape: tuple[int, ...], front_end: FrontEnd, seed: int = 0) -> Floats:
    """Noise in the range of what the front end gives, float32 (n, *input_shape); the first window is silence."""
    random = np.random.default_rng(seed)
    if front_end.normalisation == "window":
        windows = random.standard_normal((n, *input_shape))
        windows[0] = 0
    elif front_end.kind == "mel-image":
        windows = random.random((n, *input_shape))
        windows[0] = 1  # all of it at its maximum
    elif front_end.scaling == "db":
        windows = random.uniform(_FLOOR_DB, _LOUDEST_DB, (n, *input_shape))
        windows[0] = _FLOOR_DB
    else:
        windows = 4 * random.random((n, *input_shape)) ** 2
        windows[0] = 0
    return windows.astype(np.float32)


def torch_scoring(served: nn.Module) -> Scoring:
    """A torch network as windows (n, *input_shape) -> scores (n, labels)."""
    served.eval()

    def scores(windows: Floats) -> Floats:
        with torch.inference_mode():
            found: Floats = served(torch.from_numpy(np.ascontiguousarray(windows))).numpy()
            return found

    return scores


def onnx_scoring(session: onnxruntime.InferenceSession, input_name: str, output_name: str) -> Scoring:
    """A session as windows (n, *input_shape) -> scores (n, labels)."""

    def scores(windows: Floats) -> Floats:
        (found,) = session.run([output_name], {input_name: windows})
        return np.asarray(found, np.float32)

    return scores


def deviation(windows: Floats, wanted: Scoring, found: Scoring) -> float:
    """The largest difference of any score over windows (n, *input_shape), in batches of several sizes.

    NaN if either gives one.
    """
    worst, start, turn = [0.0], 0, 0
    while start < len(windows):
        batch = np.ascontiguousarray(windows[start : start + _BATCHES[turn % len(_BATCHES)]])
        worst.append(float(np.abs(found(batch) - wanted(batch)).max()))
        start, turn = start + len(batch), turn + 1
    return float(np.max(worst))


@dataclass(frozen=True, slots=True)
class Deviations:
    """The largest difference of any score: on noise and silence, and on real windows (None where there were none)."""

    noise: float
    real: float | None

    @property
    def worst(self) -> float:
        """NaN if either is."""
        return float(np.max([self.noise, self.real or 0.0]))

    @property
    def that_counts(self) -> float:
        """Of a variant: on music, where there is any; ranges measured on music are not made for noise."""
        return self.noise if self.real is None else self.real


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """What every graph of one network is held against: the torch network's scores of these windows."""

    wanted: Scoring
    noise: Floats
    real: Floats

    def of(self, found: Scoring) -> Deviations:
        """How far `found` is off."""
        real = deviation(self.real, self.wanted, found) if len(self.real) else None
        return Deviations(deviation(self.noise, self.wanted, found), real)


def proof_of(served: nn.Module, front_end: FrontEnd, input_shape: tuple[int, ...], real: Floats) -> Proof:
    """Noise, silence, and `real` windows (n, *input_shape), normalised."""
    return Proof(torch_scoring(served), random_windows(_NOISE_WINDOWS, input_shape, front_end), real)
