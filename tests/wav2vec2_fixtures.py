"""The fixture `published`, as a plugin: `pytest_plugins = ["tests.wav2vec2_fixtures"]`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wav2vec2_checkpoint import write_checkpoint


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Wav2Vec2 without a head."""
    return write_checkpoint(tmp_path_factory.mktemp("published") / "tiny")
