"""Samples as they are, a row of them a frame: the front end of networks that listen for themselves."""

import numpy as np
import numpy.typing as npt

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
        hop = self.spec.frame_hop
        if samples.dtype != np.float32 or samples.ndim != 2 or samples.shape[1] < hop:
            raise ValueError(
                f"front end: expected float32 (blocks, at least {hop} samples), not {samples.dtype} {samples.shape}"
            )
        n_frames = samples.shape[1] // hop
        return np.ascontiguousarray(samples[:, : n_frames * hop]).reshape(len(samples), n_frames, hop)
