"""Standard input: raw PCM, or a container that FFmpeg decodes, read as fast as it is consumed."""

from __future__ import annotations

import io
import os
import select
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from functools import partial
from typing import BinaryIO

import av

from daemon.audio_format import AudioFormat
from daemon.errors import BadChunk, InputUnusable
from daemon.messages import AudioChunk, StreamEnd, rfc3339
from daemon.sources.decode import Decoder, Piece, open_container
from daemon.sources.handover import Handover, ReaderGoneError
from daemon.sources.reading import Outlet, Runs, chunks_of_thread
from daemon.sources.status import SourceState, SourceStatus

AHEAD_S = 8.0
CHUNK_S = 1.0
LEAST_CHUNK_S = 0.1  # a writer of single frames must not make a chunk of each
POLL_S = 0.25
STALL_S = 5.0  # without a byte


class StdinSource:
    """The `Source` of standard input, or of another binary `file`.

    With `audio_format` it is raw interleaved PCM; without, a container (wav, flac, ogg, mp3, ...). A slow consumer
    holds the writer up; nothing is dropped, except the bytes of an incomplete last frame (`partial_bytes`). `epoch`
    defaults to the time of the start. `chunks()` raises InputUnusable when there is no audio, or it is a terminal.
    """

    def __init__(
        self,
        stream: str,
        audio_format: AudioFormat | None = None,
        file: BinaryIO | None = None,
        epoch: str | None = None,
    ) -> None:
        self.status = SourceStatus(name=stream, kind="stdin")
        self.live = False
        self.partial_bytes = 0
        self._stream, self._format, self._file, self._epoch = stream, audio_format, file, epoch

    async def chunks(self) -> AsyncGenerator[AudioChunk | StreamEnd, None]:
        """The audio, then its StreamEnd. Raises InputUnusable (see the class)."""
        outlet = Handover(AHEAD_S)
        read = partial(self._read, outlet)
        async with aclosing(chunks_of_thread(read, outlet, self.status, outlet.stop)) as items:
            async for item in items:
                yield item

    def _read(self, outlet: Outlet, stop: threading.Event) -> None:
        """The thread: everything up to the end of the input."""
        pipe = _Pipe(self._file, stop, self._silent)
        runs = Runs(self._stream, self._epoch or rfc3339(time.time()))
        pieces = self._decoded(pipe) if self._format is None else self._raw(pipe, self._format)
        empty = True
        for piece in pieces:
            self.status.heard()
            outlet.put(runs.chunk(piece))
            empty = False
        if empty:
            hint = "" if self._format else " that could be decoded (an MP4 with its index at its end needs a file)"
            raise InputUnusable(f"standard input held no audio{hint}")

    def _silent(self, silent_s: float) -> None:
        """Nobody can open it again, but somebody should hear of it; the next byte ends it."""
        if silent_s >= STALL_S and self.status.last_audio_at_s is not None:
            self.status.change(SourceState.STALLED, f"its writer has sent nothing for {STALL_S:g} s")

    def _raw(self, pipe: _Pipe, audio_format: AudioFormat) -> Iterator[Piece]:
        frame_bytes, rate = audio_format.frame_bytes, audio_format.sample_rate_hz
        most, least = round(CHUNK_S * rate) * frame_bytes, round(LEAST_CHUNK_S * rate) * frame_bytes
        held, position = bytearray(), 0
        while more := pipe.read(most - len(held)):
            held += more
            if len(held) >= least:
                whole = len(held) - len(held) % frame_bytes
                yield Piece(position, audio_format, bytes(held[:whole]))
                position += whole // frame_bytes
                del held[:whole]
        self.partial_bytes = len(held) % frame_bytes
        whole = len(held) - self.partial_bytes
        if whole:
            yield Piece(position, audio_format, bytes(held[:whole]))
        if self.partial_bytes:
            self.status.last_error = f"standard input ended inside a frame: {self.partial_bytes} bytes were dropped"

    def _decoded(self, pipe: _Pipe) -> Iterator[Piece]:
        try:
            with open_container(pipe, "standard input") as container:
                yield from Decoder(container, "standard input", CHUNK_S).pieces()
        except BadChunk as error:
            pipe.check()
            raise InputUnusable(f"{error}; raw PCM needs its format named") from error
        except av.FFmpegError as error:
            raise InputUnusable(f"standard input cannot be read: {error.strerror}") from error
        pipe.check()


class _Pipe:
    """Bytes as soon as there are any. Reading ends (as at the input's end) when `stop` is set.

    The descriptor is read past Python's buffer: a daemon thread that holds that buffer's lock would crash the
    interpreter's exit. `silent` hears, every POLL_S, for how many seconds nothing has come.
    """

    def __init__(
        self, file: BinaryIO | None, stop: threading.Event, silent: Callable[[float], None] = lambda _seconds: None
    ) -> None:
        if file is None:
            if sys.stdin is None or sys.stdin.closed:
                raise InputUnusable("there is no standard input")
            file = sys.stdin.buffer
        if file.isatty():
            raise InputUnusable("standard input is a terminal: pipe audio into it")
        self._file, self._stop, self._silent = file, stop, silent
        self._poll: select.poll | None = None
        try:
            self._descriptor = file.fileno()
        except (OSError, AttributeError, io.UnsupportedOperation):
            self._some: Callable[[int], bytes] = getattr(file, "read1", file.read)
        else:
            self._poll = select.poll()
            self._poll.register(self._descriptor, select.POLLIN)
            self._some = partial(os.read, self._descriptor)

    def read(self, size: int) -> bytes:
        """Some bytes, at most `size`; b"" at the end."""
        since_s = time.monotonic()
        while not self._stop.is_set():
            if self._poll is None or self._poll.poll(POLL_S * 1000):
                return self._some(size)
            self._silent(time.monotonic() - since_s)
        return b""

    def check(self) -> None:
        """Raises ReaderGoneError after a stop."""
        if self._stop.is_set():
            raise ReaderGoneError

    def seekable(self) -> bool:
        """Whether this is a file, not a pipe."""
        return self._file.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte."""
        return self._file.seek(offset, whence) if self._poll is None else os.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        """The place of the next byte."""
        return self.seek(0, io.SEEK_CUR)
