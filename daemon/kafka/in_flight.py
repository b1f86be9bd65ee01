"""How much of a partition is under way, and waiting until nothing is."""

from __future__ import annotations

import asyncio
import contextlib


class InFlight:
    """A count that can be waited for to be zero; belongs to the event loop."""

    def __init__(self) -> None:
        self._count = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    def begin(self) -> None:
        """One thing more is under way."""
        self._count += 1
        self._quiet.clear()

    def end(self) -> None:
        """One of them is done."""
        self._count -= 1
        if not self._count:
            self._quiet.set()

    async def quiet(self, limit_s: float) -> None:
        """Wait until nothing is under way, for `limit_s` seconds at most."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), limit_s)
