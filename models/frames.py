"""Samples -> the frames of any kind of front end, on a CPU: the one place that knows which class makes which kind."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from models.frame_features import FrameFeatures
from models.frontend import LogMel
from models.frontend_spec import FrontEnd, Kind
from models.mfcc import Mfcc
from models.track_features import TrackFeatures
from models.waveform import Waveform

Floats = npt.NDArray[np.float32]


class Frames(Protocol):
    """Keeps its work buffers: one instance a thread."""

    spec: FrontEnd

    def frames_of(self, samples: Floats) -> Floats:
        """Frames of blocks whose margins (`samples_before`, `samples_after`) are already there; nothing is padded.

        samples: float32 (n_blocks, n_samples). Returns float32 (n_blocks, n_frames, n_features). A block's frames are
        the same bits whichever blocks come with it. ValueError for another dtype or rank, or too few samples.
        """
        ...


_MAKERS: Final[Mapping[Kind, Callable[[FrontEnd], Frames]]] = {
    "log-mel": LogMel,
    "mfcc": Mfcc,
    "frame33": FrameFeatures,
    "track174": TrackFeatures,
    "mel-image": LogMel,
    "waveform": Waveform,
}


def make_frames(spec: FrontEnd) -> Frames:
    """What computes the frames of `spec`."""
    return _MAKERS[spec.kind](spec)
