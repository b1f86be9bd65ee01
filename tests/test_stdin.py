"""Standard input, from a file and through a pipe: raw PCM in any pieces, containers, ends, and what is no audio."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import aclosing, suppress
from itertools import cycle, pairwise
from typing import BinaryIO, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.errors import InputUnusable
from daemon.messages import StreamEnd
from daemon.sources.status import SourceState
from daemon.sources.stdin import StdinSource
from tests.audio_files import as_float, encode, stepped_tones
from tests.reading import audio_of, everything

STEREO = AudioFormat(SampleFormat.S16LE, 8000, 2)
S24 = AudioFormat(SampleFormat.S24LE, 8000, 1)
PCM = np.random.default_rng(0).bytes(STEREO.frame_bytes * 20_000)


class Bits(io.BytesIO):
    """A file without a descriptor, read in pieces of the sizes that it is told, over and over."""

    def __init__(self, content: bytes, sizes: Iterable[int]) -> None:
        super().__init__(content)
        self._sizes = cycle(sizes)

    def read1(self, size: int | None = -1, /) -> bytes:
        """At most `size` bytes."""
        assert size is not None and size > 0
        return super().read1(min(size, next(self._sizes)))


class Heard:
    """A source's whole audio: chunks without a hole, of whole frames, then one end."""

    def __init__(self, source: StdinSource) -> None:
        self.source = source
        items = everything(source)
        self.chunks = audio_of(items)
        assert items == [*self.chunks, StreamEnd("s", "e")]
        assert source.status.state is SourceState.ENDED
        assert self.chunks[0].position == 0
        assert all(old.position + old.frames == new.position for old, new in pairwise(self.chunks))
        assert all(len(chunk.audio) == chunk.frames * chunk.format.frame_bytes for chunk in self.chunks)
        self.audio = b"".join(chunk.audio for chunk in self.chunks)


Way = Callable[[bytes, AudioFormat | None, Iterable[int]], Heard]


def from_file(content: bytes, audio_format: AudioFormat | None, sizes: Iterable[int]) -> Heard:
    """What a source reads from a file in memory, in pieces of `sizes`."""
    return Heard(StdinSource("s", audio_format, Bits(content, sizes), epoch="e"))


def through_pipe(content: bytes, audio_format: AudioFormat | None, sizes: Iterable[int]) -> Heard:
    """What a source reads from a pipe while a thread writes `content` into it, in pieces of `sizes`."""
    reading, writing = os.pipe()

    def write() -> None:
        left, pieces = memoryview(content), cycle(sizes)
        with os.fdopen(writing, "wb", buffering=0) as pipe, suppress(BrokenPipeError):
            while left:
                piece, left = left[: (size := next(pieces))], left[size:]
                while piece:
                    piece = piece[pipe.write(piece) :]

    writer = threading.Thread(target=write, daemon=True)
    try:
        with os.fdopen(reading, "rb") as file:
            writer.start()
            return Heard(StdinSource("s", audio_format, file, epoch="e"))
    finally:
        writer.join(5)
        assert not writer.is_alive()


both_ways = pytest.mark.parametrize("way", [from_file, through_pipe])


@both_ways
@settings(max_examples=60, deadline=None)
@given(
    audio_format=st.sampled_from([STEREO, S24]),
    size=st.integers(4, len(PCM)),
    sizes=st.lists(st.integers(1, len(PCM)), min_size=1, max_size=12),
)
def test_raw_pcm_in_any_pieces_is_the_same_bytes(
    way: Way, audio_format: AudioFormat, size: int, sizes: list[int]
) -> None:
    heard = way(PCM[:size], audio_format, sizes)
    partial = size % audio_format.frame_bytes
    assert heard.audio == PCM[: size - partial]
    assert heard.source.partial_bytes == partial


@both_ways
def test_single_bytes_do_not_become_single_frames(way: Way) -> None:
    heard = way(PCM[:32_002], STEREO, [1])
    assert heard.audio == PCM[:32_000]
    assert len(heard.chunks) <= 11


@both_ways
@pytest.mark.parametrize("size", [403, 4003])  # less and more than the least chunk
def test_a_partial_last_frame_is_counted_and_said(way: Way, size: int) -> None:
    heard = way(PCM[:size], STEREO, [size])
    assert (heard.audio, heard.source.partial_bytes) == (PCM[: size - 3], 3)
    assert heard.chunks[0].frames == size // 4
    assert "inside a frame: 3 bytes" in str(heard.source.status.last_error)


@both_ways
@pytest.mark.parametrize(("rate_hz", "channels"), [(48_000, 2), (44_100, 1)])
@pytest.mark.parametrize(
    ("codec", "container", "kind"), [("pcm_s16le", "wav", "s16"), ("flac", "flac", "s16"), ("libmp3lame", "mp3", None)]
)
def test_a_container_is_decoded(
    way: Way, codec: str, container: str, kind: str | None, rate_hz: int, channels: int
) -> None:
    tones = stepped_tones(12, rate_hz)
    heard = way(encode(tones, codec, container, rate_hz, kind, channels), None, [1000, 1 << 20])
    audio_format = heard.chunks[0].format
    assert (audio_format.sample_rate_hz, audio_format.channels) == (rate_hz, channels)
    assert sum(chunk.seconds for chunk in heard.chunks) == pytest.approx(12, abs=0.1)
    if kind is not None:
        assert np.abs(as_float(heard.audio, audio_format) - tones[:, np.newaxis]).max() < 2.0**-14


@both_ways
@pytest.mark.parametrize(
    ("content", "audio_format", "said"),
    [
        (b"", STEREO, "standard input held no audio"),
        (PCM[:1], STEREO, "standard input held no audio"),
        (PCM[:3], STEREO, "standard input held no audio"),
        (b"", None, "standard input"),
        (PCM, None, "standard input.*raw PCM needs its format named"),
        (b"no audio at all\n" * 100, None, "standard input.*raw PCM needs its format named"),
    ],
)
def test_what_is_no_audio_is_refused_in_one_line(
    way: Way, content: bytes, audio_format: AudioFormat | None, said: str
) -> None:
    with pytest.raises(InputUnusable, match=said) as raised:
        way(content, audio_format, [1 << 20])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("buffering", [0, -1])
def test_a_terminal_is_refused(buffering: int) -> None:
    controller, terminal = os.openpty()
    with (
        os.fdopen(controller, "rb"),
        os.fdopen(terminal, "rb", buffering) as file,
        pytest.raises(InputUnusable, match="terminal"),
    ):
        everything(StdinSource("s", STEREO, file))


def test_a_slow_reader_holds_the_writer_up() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    async def scenario(source: StdinSource) -> None:
        async with aclosing(source.chunks()) as chunks:
            written = os.write(writing, PCM[:40_000])
            await anext(chunks)
            idle = 0
            while idle < 20:  # nobody reads on: the pipe must fill up
                try:
                    written += os.write(writing, PCM[:40_000])
                    idle = 0
                except BlockingIOError:
                    idle += 1
                await asyncio.sleep(0.01)
            ahead_s = written / STEREO.sample_rate_hz / STEREO.frame_bytes
            assert ahead_s < 14  # 8 s wait, 1 s in the thread's hands, 2 s in the pipe, and what was taken
        assert source.status.dropped_s == 0

    with os.fdopen(reading, "rb") as file:
        try:
            asyncio.run(scenario(StdinSource("s", STEREO, file)))
        finally:
            os.close(writing)


def test_the_reading_thread_waits_for_a_slow_reader_and_ends_with_it() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read1(self, size: int) -> bytes:
            """As much as is asked for."""
            self.given += size
            return bytes(size)

    endless = Endless()

    async def take_one() -> None:
        async with aclosing(StdinSource("slow", STEREO, cast("BinaryIO", endless)).chunks()) as chunks:
            await anext(chunks)
            reader = next(thread for thread in threading.enumerate() if thread.name == "stdin slow")
            await asyncio.to_thread(reader.join, 0.3)
            assert reader.is_alive()
        await asyncio.to_thread(reader.join, 5)
        assert not reader.is_alive()

    asyncio.run(take_one())
    assert endless.given < 12 * STEREO.sample_rate_hz * STEREO.frame_bytes


def test_the_process_ends_while_the_pipe_stays_open() -> None:
    program = (
        "import asyncio\nfrom daemon.audio_format import *\nfrom daemon.sources.stdin import StdinSource\n"
        "async def main():\n"
        "    chunks = StdinSource('s', AudioFormat(SampleFormat.S16LE, 8000, 2)).chunks()\n"
        "    print((await anext(chunks)).frames, flush=True)\n"
        "    await chunks.aclose()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(bytes(8000))
        process.stdin.flush()
        assert int(process.stdout.readline()) > 0
        assert process.wait(10) == 0
