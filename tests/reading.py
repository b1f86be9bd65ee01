"""For the tests of sources that end: everything that one gives."""

from __future__ import annotations

import asyncio

from daemon.messages import AudioChunk, StreamEnd
from daemon.sources.source import Source

WAIT_S = 30.0


def everything(source: Source) -> list[AudioChunk | StreamEnd]:
    """What a source gives until it is over."""

    async def collect() -> list[AudioChunk | StreamEnd]:
        return [item async for item in source.chunks()]

    return asyncio.run(asyncio.wait_for(collect(), WAIT_S))


def audio_of(items: list[AudioChunk | StreamEnd]) -> list[AudioChunk]:
    """The chunks among them."""
    return [item for item in items if isinstance(item, AudioChunk)]
