"""Tries with pauses between them that grow: for errors that pass."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from export.fetch.faults import LinkFault
from export.fetch.limits import Limits

T = TypeVar("T")


async def with_retries(once: Callable[[], Awaitable[T]], limits: Limits) -> T:
    """What `once` returns. Passing faults are tried again; a try that brought bytes is not counted. LinkFault."""
    failures = 0
    while True:
        try:
            return await once()
        except LinkFault as fault:
            failures = 0 if fault.progressed else failures + 1
            if not fault.passing or failures > limits.retries:
                raise
            await asyncio.sleep(pause_s(failures, fault.retry_after_s, limits, random.random()))


def pause_s(failures: int, retry_after_s: float | None, limits: Limits, chance: float) -> float:
    """Seconds before the next try: doubled each time, spread by `chance` (0 to 1), at least what the server asks.

    No pause is longer than `limits.longest_wait_s`, whatever the server asks.
    """
    doubled = limits.backoff_s * 2.0 ** max(0, min(failures, 30) - 1)
    return min(max(doubled * (0.5 + chance), retry_after_s or 0.0), limits.longest_wait_s)
