"""What the pipeline asks of a sink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from daemon.messages import Result


class Sink(Protocol):
    """Takes results in order; a result counts as delivered when `write` returns."""

    async def write(self, results: Sequence[Result]) -> None:
        """Deliver `results`. SinkFailed when that cannot be done any more."""
        ...

    async def close(self) -> None:
        """Deliver what is left and let go."""
        ...


@runtime_checkable
class Waiting(Protocol):
    """A sink whose results may have to wait for somebody else."""

    @property
    def trouble(self) -> str | None:
        """Why they wait; None while they are taken."""
        ...
