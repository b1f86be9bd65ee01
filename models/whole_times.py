"""Whether a length of time is so many times another, where decimal fractions of seconds are rounded. Pure."""

import math
from typing import Final

_TOLERANCE: Final = 1e-9  # of the length: 2.4 / .8 is 2.9999999999999996 (a frame of an hour would be 1e-8)


def whole_times(length: float, unit: float) -> int | None:
    """How often `unit` goes into `length` when that is a whole number from 1 on, else None; both in the same unit."""
    if not (length > 0 and unit > 0 and math.isfinite(length / unit)):
        return None
    times = round(length / unit)
    return times if times and math.isclose(times * unit, length, rel_tol=_TOLERANCE) else None
