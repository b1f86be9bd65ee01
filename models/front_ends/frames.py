"""Samples -> the frames of any kind of front end, on a CPU: the one place that knows which class makes which kind."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from models.front_ends.kinds.frame33 import FrameFeatures
from models.front_ends.kinds.log_mel import LogMel
from models.front_ends.kinds.mfcc import Mfcc
from models.front_ends.kinds.track174 import TrackFeatures
from models.front_ends.kinds.waveform import Waveform
from models.front_ends.spec import FrontEnd, Kind

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


MAKERS: Final[Mapping[Kind, Callable[[FrontEnd], Frames]]] = {
    "log-mel": LogMel,
    "mfcc": Mfcc,
    "frame33": FrameFeatures,
    "track174": TrackFeatures,
    "mel-image": LogMel,
    "waveform": Waveform,
}


def make_frames(spec: FrontEnd) -> Frames:
    """What computes the frames of `spec`."""
    return MAKERS[spec.kind](spec)


def whole_frames(samples: Floats, spec: FrontEnd) -> Floats:
    """All centred frames of a recording, zeros beyond its ends (librosa: center=True, pad_mode="constant").

    samples: float32 (n_samples,), n_samples >= 0. Returns float32 (1 + n_samples//frame_hop, n_features), of a waveform
    its n_samples//frame_hop rows. ValueError for more than one channel, another dtype, or less than a frame.
    """
    if samples.ndim != 1:
        raise ValueError(f"front end: expected one channel (n_samples,), not {samples.shape}")
    frames: Floats = make_frames(spec).frames_of(np.pad(samples, spec.samples_before)[np.newaxis])[0]
    return frames
