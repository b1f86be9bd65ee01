"""Power in decibels, with the floor that every front end has."""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

DB_FLOOR: Final = 1e-10  # of power: -100 dB


def decibels(power: Floats) -> Floats:
    """10*log10(max(power, 1e-10)), in place."""
    np.maximum(power, np.float32(DB_FLOOR), out=power)
    np.log10(power, out=power)
    return np.multiply(power, np.float32(10), out=power)
