"""The text that Prometheus scrapes."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder


def metrics_page(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The page and its content type: OpenMetrics, with exemplars, where the header `accept` asks for it first."""
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
