"""Which test files begin first: those in real time, then some of many quick tests, the long ones, and all others.

xdist hands out whole files. Tests in real time run beside one another and nothing else (tests/turns.py): each waits for
the end of what the other worker is at, unless that is at such tests too; quick ones follow, for the worker whose share
ends first. And a long file that begins last is waited for by a worker that has nothing left to do.
"""

from __future__ import annotations

from typing import Final

import pytest

# Each by the seconds they take, the longest first; a file that is not here takes a few.
REALTIME: Final = ("test_url_trouble", "test_device_daemon", "test_url_heard", "test_device_trouble", "test_device")
QUICK: Final = ("test_front_end_kinds", "test_docs", "test_gpu_scorer")
LONG: Final = (
    "test_every_network",
    "test_tutorial",
    "test_kafka_sink",
    "test_kafka_failures",
    "test_kafka_streams",
    "test_kafka_lag",
    "test_wav2vec2",
    "test_prometheus_live",
    "test_kafka_topics",
    "test_kafka_service",
    "test_kafka_broker",
    "test_import_musicnn",
    "test_cli",
    "test_export_distil_slim",
    "test_kafka_rebalance",
    "test_export_torchrun",
    "test_export_onnx",
    "test_bench_peers",
    "test_export_learnt",
    "test_kafka_feed",
    "test_export_tune_study",
    "test_bench_engine",
    "test_kafka_watch",
    "test_export_evaluate",
    "test_export_tune",
    "test_export_train_command",
    "test_kafka_worker",
    "test_kafka_mending",
    "test_health",
    "test_kafka_bad_records",
    "test_kafka_models",
    "test_service",
    "test_embedding_networks",
    "test_export_distil",
    "test_export_compare",
    "test_metrics",
)


def pytest_configure(config: pytest.Config) -> None:
    """xdist would begin with the files that have the most tests, which are the quick ones; it may not be installed."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A stable order: files stay whole, and their tests in their places."""
    places = {name: place for place, name in enumerate((*REALTIME, *QUICK, *LONG))}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
