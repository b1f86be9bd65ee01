"""How far figures of the same thing lie apart."""

from collections.abc import Sequence

import numpy as np


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample deviation; 0 of one value."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
