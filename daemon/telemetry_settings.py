"""What is told of the daemon to those who watch it: settings of metrics and traces."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from daemon.frozen import Frozen


class MetricsSettings(Frozen):
    """What is measured beyond the usual."""

    streams: Annotated[
        int, Field(ge=0, le=10_000, description="Streams that have series of their own, the rest as other; 0: none.")
    ] = 0


class TracingSettings(Frozen):
    """Traces of windows by OpenTelemetry, from the chunk or record to the published tags; needs genred[otel]."""

    endpoint: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^\s@]+$",
            description="Where spans go by OTLP over HTTP, such as http://localhost:4318/v1/traces; without it, none.",
        ),
    ] = None
    sample_share: Annotated[float, Field(ge=0, le=1, description="Share of the windows that are traced.")] = 0.01
