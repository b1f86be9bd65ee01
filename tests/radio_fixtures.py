"""The fixture `radio`, as a plugin: `pytest_plugins = ["tests.radio_fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.radio_server import Radio, broadcasting


@pytest.fixture
def radio() -> Iterator[Radio]:
    """A station that is on air."""
    with broadcasting() as station:
        yield station
