"""Fixtures that many tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_model import write_tiny_model

pytest_plugins = ["tests.kafka_fixtures", "tests.turns"]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a tiny ONNX model with a card."""
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")
