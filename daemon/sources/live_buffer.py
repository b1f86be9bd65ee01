"""A bounded buffer between a thread that cannot wait (a sound card, a radio) and the event loop.

A live source never blocks: when the buffer is full its oldest audio goes, and is counted. Positions are the
producer's, so the loss shows up downstream as what it is: a gap.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from daemon.messages import AudioChunk


class LiveBuffer:
    """Chunks in order, at most `capacity_s` seconds; made on the event loop, filled from any thread.

    `on_drop(chunk)` is called (in the producer's thread) for each chunk given up.
    """

    def __init__(self, capacity_s: float, on_drop: Callable[[AudioChunk], None]) -> None:
        self._capacity_s = capacity_s
        self._on_drop = on_drop
        self._loop = asyncio.get_running_loop()
        self._chunks: deque[AudioChunk] = deque()
        self._held_s = 0.0
        self._lock = threading.Lock()
        self._filled = asyncio.Event()
        self._closed = False
        self._failure: BaseException | None = None

    def put(self, chunk: AudioChunk) -> None:
        """Add a chunk; never blocks."""
        dropped = []
        with self._lock:
            self._chunks.append(chunk)
            self._held_s += chunk.seconds
            while self._held_s > self._capacity_s and len(self._chunks) > 1:
                oldest = self._chunks.popleft()
                self._held_s -= oldest.seconds
                dropped.append(oldest)
        for oldest in dropped:
            self._on_drop(oldest)
        self._wake()

    def close(self, failure: BaseException | None = None) -> None:
        """No more chunks: the reader gets what is left, then the end, or `failure`."""
        self._failure = failure
        self._closed = True
        self._wake()

    async def get(self) -> AudioChunk | None:
        """The oldest chunk, waiting for one; None after `close()`. Raises what `close` was given."""
        while True:
            with self._lock:
                if self._chunks:
                    chunk = self._chunks.popleft()
                    self._held_s -= chunk.seconds
                    return chunk
                self._filled.clear()
                closed = self._closed  # under the lock: a chunk put before the close is not missed
            if closed:
                if self._failure is not None:
                    raise self._failure
                return None
            await self._filled.wait()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop may close at any moment: then nobody waits
            self._loop.call_soon_threadsafe(self._filled.set)
