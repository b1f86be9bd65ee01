"""Many live streams in one process: a source that hands their chunks in on time, a sink that notes what comes when."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from math import inf

from daemon.audio_format import AudioFormat
from daemon.bench.live_schedule import Due, Schedule
from daemon.bench.music import music_pcm
from daemon.bench.others import Used, used
from daemon.messages import AudioChunk, Result, StreamEnd, WindowTags
from daemon.sources.status import SourceStatus

EPOCH = "bench"


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds of the clock, of the event loop's thread on the processor, and of the process and its cores."""

    clock_s: float
    loop_s: float
    used: Used


def moment() -> Moment:
    """Now; to be asked on the event loop."""
    return Moment(time.perf_counter(), time.thread_time(), used())


class NotingSink:
    """Takes results, and notes when each window's came."""

    def __init__(self, streams: int) -> None:
        self.came_s: dict[tuple[int, int], float] = {}  # (stream, window) -> clock
        self._streams = streams
        self._all_heard = asyncio.Event()

    async def write(self, results: Sequence[Result]) -> None:
        """Note the windows."""
        now_s = time.perf_counter()
        for result in results:
            if isinstance(result, WindowTags):
                self.came_s[int(result.stream), result.window] = now_s
        if len(self.came_s) >= self._streams:
            self._all_heard.set()

    async def close(self) -> None:
        """Nothing is held."""

    async def first_windows(self) -> None:
        """Wait until as many windows have come as there are streams."""
        await self._all_heard.wait()


class LiveSource:
    """The streams of a schedule. Chunks are made beforehand, so that handing them in takes little.

    paced: on time; else as fast as the engine takes them, for `seconds`. Later than `give_up_late_s`, it stops.
    """

    live = True

    def __init__(
        self,
        schedule: Schedule,
        audio_format: AudioFormat,
        sink: NotingSink,
        paced: bool,
        seconds: float = inf,
        give_up_late_s: float = inf,
    ) -> None:
        self.status = SourceStatus("live", "bench")
        self.late_s: list[float] = []
        self.gave_up = False
        self.began = self.ended = moment()
        self._schedule, self._format, self._sink = schedule, audio_format, sink
        self._paced, self._seconds, self._give_up_late_s = paced, seconds, give_up_late_s
        music, size = music_pcm(audio_format), schedule.chunk_frames * audio_format.frame_bytes
        self._music = music
        self._pieces = [music[start : start + size] for start in range(0, len(music) - size + 1, size)]
        self._due = schedule.chunks()

    async def chunks(self) -> AsyncGenerator[AudioChunk | StreamEnd, None]:
        """First what was heard before; when that has been scored, the schedule."""
        for stream in range(self._schedule.streams):
            yield self._before(stream)
        await self._sink.first_windows()
        self.began = moment()
        began_at_s = time.time()
        for due in self._due:
            late_s = time.perf_counter() - self.began.clock_s - due.due_s
            if self._paced:
                # even when late, so that results get their turn on the event loop
                await asyncio.sleep(max(0.0, -late_s))
                late_s = max(late_s, time.perf_counter() - self.began.clock_s - due.due_s)
                self.late_s.append(late_s)
                if late_s > self._give_up_late_s:
                    self.gave_up = True
                    break
            elif late_s + due.due_s > self._seconds:
                break
            yield self._chunk(due, began_at_s)
        self.ended = moment()

    def _before(self, stream: int) -> AudioChunk:
        size = self._schedule.heard_frames(stream) * self._format.frame_bytes
        audio = (self._music * (size // len(self._music) + 1))[:size]
        return AudioChunk(str(stream), EPOCH, 0, self._format, audio, time.time() - self._format.seconds(size))

    def _chunk(self, due: Due, began_at_s: float) -> AudioChunk:
        schedule = self._schedule
        position = schedule.heard_frames(due.stream) + due.number * schedule.chunk_frames
        audio = self._pieces[(7 * due.stream + due.number) % len(self._pieces)]
        captured_at_s = began_at_s + due.due_s - schedule.chunk_wall_s(due.stream)
        return AudioChunk(str(due.stream), EPOCH, position, self._format, audio, captured_at_s)
