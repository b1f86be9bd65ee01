"""Traces of windows by OpenTelemetry: a span from the end of the audio to the published tags, one below it a stage.

A window is watched or not when it comes; its spans are made when it has been published.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from daemon.cuts import Window
from daemon.stages import Stage
from daemon.version import genred_version

log = logging.getLogger(__name__)
EXPORT_TIMEOUT_S = 2.0
CLOSE_S = 2.0  # a collector that does not answer must not hold a stop up
_PROPAGATOR = TraceContextTextMapPropagator()


@dataclass(slots=True)
class _Trace:
    """A window under watch. Times in ns of Unix time; each stage's beginning and end."""

    span: trace.Span
    arrived_ns: int
    stages: dict[str, list[int]] = field(default_factory=dict)


def exporting_to(endpoint: str) -> TracerProvider:
    """A provider that sends to an OTLP/HTTP endpoint, in batches, from a thread of its own."""
    resource = Resource.create({SERVICE_NAME: "genred", SERVICE_VERSION: genred_version()})
    provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint, timeout=EXPORT_TIMEOUT_S)))
    return provider


class Tracer:
    """Traces a share of the windows: see `daemon.stages.Watcher`."""

    def __init__(self, provider: TracerProvider, sample_share: float) -> None:
        self._provider, self._share = provider, sample_share
        self._tracer = provider.get_tracer("genred", genred_version())
        self._open: dict[Window, _Trace] = {}
        self._choose = random.Random().random

    def arrived(self, window: Window, at_ns: int, traceparent: str | None) -> None:
        """Trace the window, or not. A `traceparent` that says that its trace is not sampled is respected."""
        if self._choose() >= self._share:
            return
        context = _PROPAGATOR.extract({"traceparent": traceparent}) if traceparent else None
        above = trace.get_current_span(context).get_span_context() if context is not None else None
        if above is not None and above.is_valid and not above.trace_flags.sampled:
            return
        attributes: dict[str, str | int | float] = {
            "genred.stream": window.stream,
            "genred.epoch": window.epoch,
            "genred.window": window.index,
            "genred.start_seconds": window.start_s,
            "genred.end_seconds": window.end_s,
        }
        if window.origin is not None:
            attributes |= {"messaging.system": "kafka", "messaging.kafka.offset": window.origin.last_offset}
        span = self._tracer.start_span(
            "window",
            context=context,
            kind=trace.SpanKind.CONSUMER,
            attributes=attributes,
            start_time=min(at_ns, round(window.end_at_s * 1e9)),
        )
        self._open[window] = _Trace(span, at_ns)

    def began(self, stage: str, windows: Sequence[Window]) -> None:
        """The windows have come into the stage."""
        for window in windows:
            traced = self._open.get(window)
            if traced is not None:
                traced.stages[stage] = [time.time_ns()]

    def ended(self, stage: str, windows: Sequence[Window]) -> None:
        """The windows have left the stage."""
        for window in windows:
            traced = self._open.get(window)
            if traced is not None and stage in traced.stages:
                traced.stages[stage].append(time.time_ns())

    def published(self, window: Window, model: str, best: str | None) -> str | None:
        """Make the window's spans; the trace's id in hexadecimal, if it is traced."""
        traced = self._open.pop(window, None)
        if traced is None:
            return None
        span, now_ns = traced.span, time.time_ns()
        span.set_attribute("genred.model", model)
        span.set_attribute("genred.silent", best is None)
        if best is not None:
            span.set_attribute("genred.genre", best)
        self._below(traced, "arrival", round(window.end_at_s * 1e9), traced.arrived_ns)
        first_ns = traced.stages.get(Stage.QUEUE, [traced.arrived_ns])[0]
        self._below(traced, "wait for room", traced.arrived_ns, first_ns)
        for stage, (began_ns, *ended_ns) in traced.stages.items():
            self._below(traced, stage, began_ns, ended_ns[0] if ended_ns else now_ns)
        span.end(now_ns)
        return trace.format_trace_id(span.get_span_context().trace_id)

    def given_up(self, window: Window) -> None:
        """The window is another's to publish: nothing is told of it."""
        self._open.pop(window, None)

    def close(self) -> None:
        """Send what is left; what cannot be sent within CLOSE_S is lost.

        The library would try each batch that waits in turn, and its own limit for that cannot be set.
        """
        sending = threading.Thread(target=self._provider.shutdown, name="genred-last-traces", daemon=True)
        sending.start()
        sending.join(CLOSE_S)
        if sending.is_alive():
            log.warning("traces: the collector took longer than %g s; the last ones are lost", CLOSE_S)

    def _below(self, traced: _Trace, name: str, began_ns: int, ended_ns: int) -> None:
        if ended_ns > began_ns:
            context = trace.set_span_in_context(traced.span)
            self._tracer.start_span(name, context=context, start_time=began_ns).end(ended_ns)
