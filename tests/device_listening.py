"""For the tests of the sound device source: listening to one, waiting for its states, comparing audio."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.messages import AudioChunk, StreamEnd
from daemon.sources.device import DeviceSource
from daemon.sources.source import Source
from daemon.sources.status import SourceState
from tests.virtual_sound import CHANNELS, RATE_HZ, WAIT_S

NOTICED_S = 3.0  # trouble must be in the status by then


class Heard:
    """What a source yielded so far."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.chunks: list[AudioChunk] = []
        self.ends: list[StreamEnd] = []

    async def listen(self) -> None:
        """Collect until the source ends."""
        async for item in self.source.chunks():
            if isinstance(item, AudioChunk):
                self.chunks.append(item)
            else:
                self.ends.append(item)

    async def until(self, true: Callable[[], bool], limit_s: float = WAIT_S) -> float:
        """Wait for a state; the seconds it took."""
        began_s = time.monotonic()
        while not true():
            assert time.monotonic() - began_s < limit_s, self.source.status
            await asyncio.sleep(0.01)
        return time.monotonic() - began_s

    async def until_state(self, state: SourceState, limit_s: float = WAIT_S) -> float:
        """Wait for a state of the source; the seconds it took."""
        return await self.until(lambda: self.source.status.state is state, limit_s)

    async def until_running(self, seconds: float = 0.5) -> None:
        """Wait for so much more audio."""
        before = len(self.chunks)
        await self.until(lambda: sum(chunk.seconds for chunk in self.chunks[before:]) >= seconds)
        assert self.source.status.state is SourceState.RUNNING

    def gaps(self) -> list[tuple[int, int]]:
        """(position, frames) of each hole; positions must never go back."""
        pairs = zip(self.chunks, self.chunks[1:], strict=False)
        holes = [(old.position + old.frames, new.position - old.position - old.frames) for old, new in pairs]
        assert all(frames >= 0 for _, frames in holes)
        return [hole for hole in holes if hole[1]]

    def capture_gap_s(self) -> float:
        """The longest time between the end of one chunk and the beginning of the next, by the wall clock."""
        pairs = zip(self.chunks, self.chunks[1:], strict=False)
        return max(new.captured_at_s - old.captured_at_s - old.seconds for old, new in pairs)


def source_of(device: str | int, required: bool = False) -> DeviceSource:
    """A source at the sinks' own rate, so that nothing is resampled."""
    return DeviceSource(device, "s", on_drop=lambda chunk: None, sample_rate_hz=RATE_HZ, required=required)


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Play a scenario; no capture process may be left of it."""
    asyncio.run(scenario())
    assert capture_processes() == []


@asynccontextmanager
async def heard_from(source: Source) -> AsyncIterator[Heard]:
    """Listen to a source for the length of the block; at its end the source must let go within a second."""
    heard = Heard(source)
    task = asyncio.create_task(heard.listen())
    try:
        yield heard
    finally:
        began_s = time.monotonic()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert time.monotonic() - began_s < 1.0


def capture_processes() -> list[int]:
    """The processes that this one captures in."""
    return capture_processes_of(os.getpid())


def capture_processes_of(parent: int) -> list[int]:
    """The processes that another one captures in."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if is_capture_process(int(pid))]


def is_capture_process(pid: int) -> bool:
    """Whether it is one, and still runs."""
    try:
        return b"sources.portaudio" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def noise(seed: int, seconds: float) -> NDArray[np.int16]:
    """Stereo noise, of a kind for each seed: (frames, channels)."""
    shape = (round(seconds * RATE_HZ), CHANNELS)
    return np.random.default_rng(seed).normal(0, 3000, shape).astype(np.int16)


def samples(chunks: list[AudioChunk]) -> NDArray[np.int16]:
    """The audio of chunks, end to end: (frames, channels)."""
    return np.frombuffer(b"".join(chunk.audio for chunk in chunks), np.int16).reshape(-1, CHANNELS)


def position_of(played: NDArray[np.int16], chunks: list[AudioChunk]) -> int:
    """The position at which `played` begins in the chunks; it must be there whole, bit for bit."""
    captured = samples(chunks)
    probe = played[: RATE_HZ // 2, 0].astype(float)
    spectra = np.fft.rfft(captured[:, 0].astype(float)) * np.conj(np.fft.rfft(probe, len(captured)))
    begin = int(np.argmax(np.fft.irfft(spectra, len(captured))))
    assert np.array_equal(captured[begin : begin + len(played)], played)
    positions = np.concatenate([chunk.position + np.arange(chunk.frames) for chunk in chunks])
    return int(positions[begin])
