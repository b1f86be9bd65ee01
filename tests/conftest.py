"""Fixtures that many tests share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from daemon.logs import log_output
from tests.tiny_model import OTHER_LABELS, write_tiny_model

# How long an example takes says what else the machine does; a test that hangs meets pytest's own limit.
hypothesis.settings.register_profile("genred", deadline=None)
hypothesis.settings.load_profile("genred")

pytest_plugins = ["tests.kafka_fixtures", "tests.order", "tests.turns"]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command in this process has set up logging for all of it, and later tests would miss what they wait for."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    if (output := log_output()) is not None:
        root.removeHandler(output)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a tiny ONNX model with a card."""
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="session")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another tiny model, which shares two labels with the first; one of them it takes for a mood."""
    folder = tmp_path_factory.mktemp("other")
    return write_tiny_model(folder / "other.onnx", offset=1.5, name="other", labels=OTHER_LABELS)
