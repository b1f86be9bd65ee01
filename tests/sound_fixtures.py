"""The fixture `sound`, as a plugin: `pytest_plugins = ["tests.sound_fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.virtual_sound import VirtualSound, virtual_sound


@pytest.fixture(scope="session")
def sound_server() -> Iterator[VirtualSound]:
    """One sound server for each test process."""
    with virtual_sound() as sound:
        yield sound


@pytest.fixture
def sound(sound_server: VirtualSound, monkeypatch: pytest.MonkeyPatch) -> VirtualSound:
    """The server as new, and the only one that this process and its children know."""
    sound_server.restore()
    for name, value in sound_server.env.items():
        monkeypatch.setenv(name, value)
    return sound_server
