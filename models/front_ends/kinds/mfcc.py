"""Mel-frequency cepstral coefficients on a CPU."""

import numpy as np
import numpy.typing as npt

from models.front_ends.kinds.log_mel import LogMel
from models.front_ends.parts.dct import dct_matrix
from models.front_ends.parts.small_product import small_product
from models.front_ends.spec import FrontEnd

Floats = npt.NDArray[np.float32]


class Mfcc:
    """Samples -> frames of `n_mfcc` coefficients, by `spec`. Keeps its work buffers: one instance a thread."""

    def __init__(self, spec: FrontEnd) -> None:
        self.spec = spec
        self._log_mel = LogMel(spec)
        self._dct = dct_matrix(spec.n_mels, spec.n_mfcc)

    def frames_of(self, samples: Floats) -> Floats:
        """As `LogMel.frames_of`, but float32 (n_blocks, n_frames, n_mfcc)."""
        log_mel = self._log_mel.frames_of(samples)
        out = np.empty((*log_mel.shape[:2], self.spec.n_mfcc), np.float32)
        for mels, coefficients in zip(log_mel, out, strict=True):
            small_product(mels, self._dct, out=coefficients)
        return out
