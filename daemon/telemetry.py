"""What watches the daemon while it runs: the event loop's lag, and traces where they are asked for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from daemon.errors import SettingsError
from daemon.metrics import Metrics
from daemon.telemetry_settings import TracingSettings

if TYPE_CHECKING:
    from daemon.tracing import Tracer

LOOK_S = 0.5


@contextlib.asynccontextmanager
async def telemetry(settings: TracingSettings, metrics: Metrics) -> AsyncIterator[None]:
    """Watch until the end. SettingsError when traces are asked for and cannot be made."""
    with _tracing(settings, metrics):
        watching = asyncio.create_task(watch_loop(metrics), name="watch the event loop")
        try:
            yield
        finally:
            watching.cancel()


async def watch_loop(metrics: Metrics) -> None:
    """Measure how late the event loop gets to what is due, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + LOOK_S
        await asyncio.sleep(LOOK_S)
        metrics.event_loop_lag_seconds.set(max(0.0, loop.time() - due_s))


def make_tracer(settings: TracingSettings) -> Tracer | None:
    """Who traces; None when nobody asked for it. SettingsError without the library."""
    if settings.endpoint is None or not settings.sample_share:
        return None
    try:
        from daemon.tracing import Tracer, exporting_to
    except ImportError as error:
        raise SettingsError(
            f"tracing.endpoint: {error.name} is not installed; install genred[otel], or leave the endpoint out"
        ) from error
    return Tracer(exporting_to(settings.endpoint), settings.sample_share)


@contextlib.contextmanager
def _tracing(settings: TracingSettings, metrics: Metrics) -> Iterator[None]:
    tracer = make_tracer(settings)
    if tracer is None:
        yield
        return
    metrics.stages.watcher = tracer
    try:
        yield
    finally:
        tracer.close()
