"""Traces of windows, where they are asked for: the library is loaded only then."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from daemon.errors import SettingsError
from daemon.metrics import Metrics
from daemon.telemetry_settings import TracingSettings

if TYPE_CHECKING:
    from daemon.tracing import Tracer


@contextlib.contextmanager
def tracing(settings: TracingSettings, metrics: Metrics) -> Iterator[None]:
    """Trace until the end, if that is asked for. SettingsError when it cannot be done."""
    tracer = make_tracer(settings)
    if tracer is None:
        yield
        return
    metrics.stages.watcher = tracer
    try:
        yield
    finally:
        tracer.close()


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
