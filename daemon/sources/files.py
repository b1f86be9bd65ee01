"""Audio files: as fast as they are consumed, or played in real time as if they were live."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from stat import S_ISDIR, S_ISREG

import av
from av.container import InputContainer

from daemon.errors import BadChunk, InputUnusable
from daemon.messages import AudioChunk, StreamEnd, rfc3339
from daemon.sources.decode import Decoder, open_container
from daemon.sources.handover import Handover, ReaderGoneError
from daemon.sources.live_buffer import LiveBuffer
from daemon.sources.reading import Outlet, Runs, chunks_of_thread
from daemon.sources.status import SourceStatus

log = logging.getLogger(__name__)

AHEAD_S = 8.0  # seconds that are decoded before they are asked for
LIVE_BUFFER_S = 10.0
LIVE_CHUNK_S, FAST_CHUNK_S = 0.1, 2.0
SHORT_S, SHORT_PART = 2.0, 0.05  # a file that ends this much before its container's word is called truncated

# fmt: off
AUDIO_SUFFIXES = frozenset((
    ".aac", ".ac3", ".aif", ".aiff", ".alac", ".amr", ".ape", ".au", ".caf", ".flac", ".m4a", ".m4b", ".mka", ".mp2",
    ".mp3", ".mp4", ".mpc", ".oga", ".ogg", ".opus", ".ra", ".snd", ".spx", ".tta", ".w64", ".wav", ".webm", ".wma",
    ".wv",
))
# fmt: on


class FileSource:
    """The `Source` of one audio file.

    By default it is read as fast as the consumer takes it. With `realtime` it plays at the speed of sound, as a live
    source: a slow consumer loses the oldest audio (`on_drop` gets it); with `loop` it begins again at its end, on the
    same time line. `epoch` defaults to the file's modification time (so that results have the same ids every time), or
    to the time of the start for `realtime`. `chunk_s` is in seconds.

    `chunks()` raises InputUnusable for a file that is missing, unreadable or holds no audio.
    """

    def __init__(
        self,
        path: Path,
        stream: str,
        on_drop: Callable[[AudioChunk], None],
        realtime: bool = False,
        epoch: str | None = None,
        chunk_s: float | None = None,
        loop: bool = False,
    ) -> None:
        self.status = SourceStatus(name=stream, kind="file")
        self.live = realtime
        self.duration_s: float | None = None  # known once the file is open, if the container says it
        self.skipped_packets = 0
        self._path = path
        self._stream = stream
        self._on_drop = on_drop
        self._realtime = realtime
        self._epoch = epoch
        self._chunk_s = chunk_s or (LIVE_CHUNK_S if realtime else FAST_CHUNK_S)
        self._loop = loop

    async def chunks(self) -> AsyncGenerator[AudioChunk | StreamEnd, None]:
        """The file's audio, then its StreamEnd. Raises InputUnusable (see the class)."""
        outlet: Outlet
        if self._realtime:
            outlet, interrupt = LiveBuffer(LIVE_BUFFER_S, self._dropped), _nothing
        else:
            outlet = handover = Handover(AHEAD_S)
            interrupt = handover.stop
        async with aclosing(chunks_of_thread(partial(self._read, outlet), outlet, self.status, interrupt)) as items:
            async for item in items:
                yield item

    def _read(self, outlet: Outlet, stop: threading.Event) -> None:
        """The thread: the file once, or (`loop`) again and again."""
        epoch = self._epoch or (rfc3339(time.time()) if self._realtime else rfc3339(_stat(self._path).st_mtime))
        runs = Runs(self._stream, epoch)
        pace = _Pace(stop) if self._realtime else None
        while True:
            runs.begin_again()
            self._play(outlet, runs, pace)
            if not self._loop or stop.is_set():
                return

    def _play(self, outlet: Outlet, runs: Runs, pace: _Pace | None) -> None:
        """Once through the file. Raises InputUnusable when there is no audio in it."""
        with _open(self._path) as container:
            try:
                decoder = Decoder(container, str(self._path), self._chunk_s)
                self.duration_s = decoder.duration_s
                played_s = 0.0
                for piece in decoder.pieces():
                    chunk = runs.chunk(piece)
                    played_s += chunk.seconds
                    chunk = pace.paced(chunk) if pace else chunk
                    self.status.heard()
                    outlet.put(chunk)
            except BadChunk as error:
                raise InputUnusable(str(error)) from error
        self.skipped_packets = decoder.skipped_packets
        if not played_s:
            raise InputUnusable(f"{self._path} holds no audio that could be decoded")
        self._say_if_short(decoder, played_s)

    def _say_if_short(self, decoder: Decoder, played_s: float) -> None:
        """A truncated file is no failure, but somebody should hear of it."""
        missing_s = (decoder.duration_s or 0.0) - played_s
        short = missing_s > max(SHORT_S, SHORT_PART * played_s) or _is_short_riff(self._path)
        if short or decoder.stopped_by is not None:
            why = "" if decoder.stopped_by is None else f" ({decoder.stopped_by.strerror})"
            length = "" if decoder.duration_s is None else f" of {decoder.duration_s:.1f} s"
            self.status.last_error = f"{self._path} is truncated or damaged: {played_s:.1f} s{length} could be read"
            self.status.last_error += why
            log.warning("%s", self.status.last_error)

    def _dropped(self, chunk: AudioChunk) -> None:
        self.status.dropped_s += chunk.seconds
        self._on_drop(chunk)


class _Pace:
    """Holds each chunk back until it has been played in full, by the monotonic clock."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._began_s, self._began_at_s = time.monotonic(), time.time()
        self._epoch: str | None = None
        self._before_s = self._end_s = 0.0  # seconds played before the present run, and in all

    def paced(self, chunk: AudioChunk) -> AudioChunk:
        """`chunk` when its time has come, stamped with when it was played. Raises ReaderGoneError."""
        if chunk.epoch != self._epoch:
            self._epoch, self._before_s = chunk.epoch, self._end_s
        start_s = self._before_s + chunk.format.seconds(chunk.position)
        self._end_s = start_s + chunk.seconds
        if self._stop.wait(max(0.0, self._began_s + self._end_s - time.monotonic())):
            raise ReaderGoneError
        return replace(chunk, captured_at_s=self._began_at_s + start_s)


def audio_files_below(folder: Path) -> list[Path]:
    """Every file below `folder`, at any depth, with the suffix of an audio file; sorted.

    Hidden files and folders are skipped; a folder that symbolic links reach twice is read once. Raises InputUnusable
    when `folder` is not a folder.
    """
    if not folder.is_dir():
        raise InputUnusable(f"{folder} is not a folder")
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        stat = Path(parent).stat()
        if (stat.st_dev, stat.st_ino) in seen:
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(parent, name) for name in names if _looks_like_audio(name)]
    return sorted(found)


def _looks_like_audio(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in AUDIO_SUFFIXES


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise _unusable(path, error) from error


def _open(path: Path) -> InputContainer:
    """The file's container. Raises InputUnusable, with one line that says what is wrong."""
    stat = _stat(path)
    if S_ISDIR(stat.st_mode):
        raise InputUnusable(f"{path} is a folder, not an audio file")
    if S_ISREG(stat.st_mode) and not stat.st_size:
        raise InputUnusable(f"{path} is empty")
    try:
        return open_container(f"file:{path}", str(path), protocols="file")
    except BadChunk as error:
        raise InputUnusable(str(error)) from error
    except (OSError, av.FFmpegError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError | av.FFmpegError) -> InputUnusable:
    if isinstance(error, FileNotFoundError):
        return InputUnusable(f"{path} does not exist")
    if isinstance(error, PermissionError):
        return InputUnusable(f"{path} may not be read by this user (permission denied)")
    return InputUnusable(f"{path} cannot be read: {error.strerror}")


def _is_short_riff(path: Path) -> bool:
    """Whether a WAV file is shorter than its header says, which FFmpeg does not tell. One that is gone is none."""
    try:
        with path.open("rb") as file:
            head, size = file.read(12), os.fstat(file.fileno()).st_size
    except OSError:
        return False
    says = int.from_bytes(head[4:8], "little")
    return head[:4] == b"RIFF" and 0 < says < 0xFFFF_FFFF and size < says + 8


def _nothing() -> None:
    """A realtime reader sees `stop` by itself."""
