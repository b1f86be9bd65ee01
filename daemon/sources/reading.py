"""A blocking reader in a thread of its own, seen from the event loop as an iterator of chunks."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from daemon.audio_format import AudioFormat
from daemon.messages import AudioChunk, StreamEnd
from daemon.sources.decode import Piece
from daemon.sources.handover import ReaderGoneError
from daemon.sources.status import SourceState, SourceStatus


class Outlet(Protocol):
    """Where a reading thread puts chunks, and the event loop gets them: a LiveBuffer or a Handover."""

    def put(self, chunk: AudioChunk) -> None:
        """Add a chunk (any thread)."""
        ...

    def close(self, failure: BaseException | None = None) -> None:
        """No more chunks (any thread)."""
        ...

    def get(self) -> Awaitable[AudioChunk | None]:
        """The next chunk; None after `close()`. Raises what `close` was given."""
        ...


@dataclass(slots=True)
class Run:
    """The run (epoch) of a stream that decoded pieces are put on; `base` is where the decoder's position 0 lies."""

    stream: str
    epoch: str
    format: AudioFormat
    base: int = 0
    end: int = 0

    def chunk(self, piece: Piece, captured_at_s: float, title: str | None = None) -> AudioChunk:
        """`piece` on this run."""
        position = self.base + piece.position
        self.end = position + piece.frames
        return AudioChunk(self.stream, self.epoch, position, piece.format, piece.audio, captured_at_s, title)


class Runs:
    """The runs that one input's pieces are put on: one, unless the format changes in the middle."""

    def __init__(self, stream: str, epoch: str) -> None:
        self._stream, self._epoch = stream, epoch
        self._run: Run | None = None
        self._count = 0

    def begin_again(self) -> None:
        """The next piece follows everything so far."""
        if self._run is not None:
            self._run.base = self._run.end

    def chunk(self, piece: Piece) -> AudioChunk:
        """`piece` as a chunk that was read now."""
        if self._run is None or self._run.format != piece.format:
            self._count += 1
            epoch = self._epoch if self._count == 1 else f"{self._epoch}+{self._count}"
            self._run = Run(self._stream, epoch, piece.format)
        seconds = piece.format.seconds(piece.frames)
        return self._run.chunk(piece, time.time() - seconds)  # its last frame was read now


async def chunks_of_thread(
    read: Callable[[threading.Event], None],
    outlet: Outlet,
    status: SourceStatus,
    interrupt: Callable[[], None],
) -> AsyncGenerator[AudioChunk | StreamEnd]:
    """What `read(stop)`, run in a daemon thread, puts into `outlet`; a change of epoch and the end give a StreamEnd.

    `read` returns at its input's end and raises the source's failure, which is raised here after the audio before it.
    Closing this iterator sets `stop` and calls `interrupt`, which must not block; `read` may then raise
    ReaderGoneError.
    """
    stop = threading.Event()
    thread = threading.Thread(
        target=_run, args=(read, outlet, status, stop), name=f"{status.kind} {status.name}", daemon=True
    )
    last: AudioChunk | None = None
    thread.start()
    try:
        while (chunk := await outlet.get()) is not None:
            if last is not None and last.epoch != chunk.epoch:
                yield StreamEnd(last.stream, last.epoch)
            last = chunk
            yield chunk
        if last is not None:
            yield StreamEnd(last.stream, last.epoch)
    finally:
        stop.set()
        interrupt()


def _run(read: Callable[[threading.Event], None], outlet: Outlet, status: SourceStatus, stop: threading.Event) -> None:
    try:
        read(stop)
    except ReaderGoneError:
        status.change(SourceState.ENDED, "closed")
        outlet.close()
    except BaseException as error:  # whatever it is, the event loop must hear of it
        status.change(SourceState.FAILED, str(error))
        outlet.close(error)
    else:
        status.change(SourceState.ENDED, "closed" if stop.is_set() else "its end was reached")
        outlet.close()
