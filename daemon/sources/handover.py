"""From a thread that may wait (a file, a pipe) to the event loop, with backpressure: nothing is ever dropped."""

from __future__ import annotations

import asyncio
import threading
from collections import deque

from daemon.messages import AudioChunk


class ReaderGoneError(Exception):
    """Nobody wants the audio any more: the reading thread should return."""


class Handover:
    """Chunks in order, nothing ever dropped: `put` blocks while `capacity_s` seconds wait. Made on the event loop."""

    def __init__(self, capacity_s: float) -> None:
        self._capacity_s = capacity_s
        self._loop = asyncio.get_running_loop()
        self._chunks: deque[AudioChunk] = deque()
        self._held_s = 0.0
        self._changed = threading.Condition()
        self._filled = asyncio.Event()
        self._closed = self._stopped = False
        self._failure: BaseException | None = None

    def put(self, chunk: AudioChunk) -> None:
        """Add a chunk, waiting for room. Raises ReaderGoneError after `stop()`."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._held_s < self._capacity_s)
            if self._stopped:
                raise ReaderGoneError
            self._chunks.append(chunk)
            self._held_s += chunk.seconds
        self._wake()

    def stop(self) -> None:
        """The reader is gone: a waiting `put` and all later ones raise."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def close(self, failure: BaseException | None = None) -> None:
        """No more chunks: the reader gets what is left, then the end, or `failure`."""
        self._failure = failure
        self._closed = True
        self._wake()

    async def get(self) -> AudioChunk | None:
        """The oldest chunk, waiting for one; None after `close()`. Raises what `close` was given."""
        while True:
            with self._changed:
                if self._chunks:
                    chunk = self._chunks.popleft()
                    self._held_s -= chunk.seconds
                    self._changed.notify_all()
                    return chunk
                self._filled.clear()
                closed = self._closed
            if closed:
                if self._failure is not None:
                    raise self._failure
                return None
            await self._filled.wait()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._filled.set)
        except RuntimeError:  # the loop has closed: nobody waits
            self.stop()
