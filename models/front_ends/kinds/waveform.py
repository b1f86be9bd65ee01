"""Samples as they are, a row of them a frame: the front end of networks that listen for themselves."""

import numpy as np
import numpy.typing as npt

from models.front_ends.block_check import check_blocks
from models.front_ends.spec import FrontEnd

Floats = npt.NDArray[np.float32]


class Waveform:
    """Samples -> frames of `frame_hop` samples."""

    def __init__(self, spec: FrontEnd) -> None:
        self.spec = spec

    def frames_of(self, samples: Floats) -> Floats:
        """float32 (n_blocks, n_samples) -> float32 (n_blocks, n_samples//frame_hop, frame_hop).

        What is left over at the end is not used. ValueError for another dtype or rank, or less than a frame.
        """
        check_blocks(samples.dtype, samples.shape, self.spec)
        hop = self.spec.frame_hop
        n_frames = samples.shape[1] // hop
        return np.ascontiguousarray(samples[:, : n_frames * hop]).reshape(len(samples), n_frames, hop)
