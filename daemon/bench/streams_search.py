"""The largest number that holds, found with few questions. Pure."""

from __future__ import annotations

from collections.abc import Callable

RESOLUTION = 0.01  # of the number
STEP_BACK = 0.97  # when what held for a short time does not for a long one
STEP_UP, STEP_DOWN = 1.1, 0.75


def largest(holds: Callable[[int], bool], guess: int, most: int) -> int:
    """The largest number up to `most` that holds, to a hundredth; 0 when not even one does."""
    good, bad = 0, most + 1
    asked = max(1, min(guess, most))
    while bad - good > max(1, round(RESOLUTION * good)):
        if holds(asked):
            good = asked
        else:
            bad = asked
        if bad > most:
            asked = min(most, max(good + 1, round(good * STEP_UP)))
        elif not good:
            asked = max(1, int(bad * STEP_DOWN))
        else:
            asked = (good + bad) // 2
        if asked in (good, bad):
            break
    return good


def confirmed(holds: Callable[[int], bool], found: int) -> int:
    """`found`, or the first number below it, in small steps, that holds for the whole time; 0 when none does."""
    while found and not holds(found):
        found = int(found * STEP_BACK)
    return found
