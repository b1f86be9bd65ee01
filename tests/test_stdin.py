"""Standard input: raw PCM in any chunking, containers, ends, and what is no audio."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import aclosing
from typing import BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.errors import InputUnusable
from daemon.messages import AudioChunk, StreamEnd
from daemon.sources.status import SourceState
from daemon.sources.stdin import StdinSource
from tests.audio_files import encode, stepped_tones

STEREO = AudioFormat(SampleFormat.S16LE, 8000, 2)
S24 = AudioFormat(SampleFormat.S24LE, 8000, 1)


class Bits(io.RawIOBase):
    """Gives its content in reads of the sizes that it is told, over and over."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self._content = io.BytesIO(content)
        self._sizes = self._again(sizes)

    def read1(self, size: int) -> bytes:
        """At most `size` bytes."""
        return self._content.read(min(size, next(self._sizes)))

    @staticmethod
    def _again(sizes: list[int]) -> Iterator[int]:
        while True:
            yield from sizes


def everything(source: StdinSource) -> list[AudioChunk | StreamEnd]:
    async def collect() -> list[AudioChunk | StreamEnd]:
        return [item async for item in source.chunks()]

    return asyncio.run(collect())


def audio_of(items: list[AudioChunk | StreamEnd]) -> list[AudioChunk]:
    return [item for item in items if isinstance(item, AudioChunk)]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([STEREO, S24]),
    st.integers(6, 70_000),
    st.lists(st.integers(1, 20_000), min_size=1, max_size=8),
)
def test_any_chunking_gives_the_same_bytes(audio_format: AudioFormat, size: int, sizes: list[int]) -> None:
    content = bytes(number * 31 % 251 for number in range(size))
    source = StdinSource("s", audio_format, cast("BinaryIO", Bits(content, sizes)), epoch="e")
    items = everything(source)
    chunks = audio_of(items)
    assert b"".join(chunk.audio for chunk in chunks) == content[: size - size % audio_format.frame_bytes]
    assert source.partial_bytes == size % audio_format.frame_bytes
    position = 0
    for chunk in chunks:
        assert chunk.position == position
        position += chunk.frames
    assert items[-1] == StreamEnd("s", "e")
    assert source.status.state is SourceState.ENDED


def test_single_bytes_do_not_become_single_frames() -> None:
    source = StdinSource("s", STEREO, cast("BinaryIO", Bits(bytes(32_000), [1])))
    assert len(everything(source)) <= 12


def test_a_partial_last_frame_is_said() -> None:
    source = StdinSource("s", STEREO, io.BytesIO(bytes(4003)))
    assert audio_of(everything(source))[0].frames == 1000
    assert source.partial_bytes == 3
    assert "3 bytes" in str(source.status.last_error)


@pytest.mark.parametrize(("codec", "container"), [("pcm_s16le", "wav"), ("flac", "flac"), ("libmp3lame", "mp3")])
@pytest.mark.parametrize("piped", [True, False])
def test_a_container_is_decoded(codec: str, container: str, piped: bool) -> None:
    content = encode(stepped_tones(5, 48_000), codec, container, 48_000)
    if not piped:
        chunks = audio_of(everything(StdinSource("s", None, io.BytesIO(content))))
    else:
        reading, writing = os.pipe()

        def write() -> None:
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(content)

        writer = threading.Thread(target=write)
        writer.start()
        with os.fdopen(reading, "rb") as pipe:
            chunks = audio_of(everything(StdinSource("s", None, pipe)))
        writer.join(10)
    assert chunks[0].format.sample_rate_hz == 48_000
    assert sum(chunk.seconds for chunk in chunks) == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("content", [b"", b"only words\n" * 100])
def test_no_container_is_one_line(content: bytes) -> None:
    with pytest.raises(InputUnusable) as unusable:
        everything(StdinSource("s", None, io.BytesIO(content)))
    assert "standard input" in str(unusable.value)
    assert "\n" not in str(unusable.value)


@pytest.mark.parametrize("content", [b"", b"\x01"])
def test_no_raw_audio_is_one_line(content: bytes) -> None:
    with pytest.raises(InputUnusable, match="standard input held no audio"):
        everything(StdinSource("s", STEREO, io.BytesIO(content)))


def test_a_terminal_is_refused() -> None:
    master, terminal = os.openpty()
    try:
        with os.fdopen(terminal, "rb", buffering=0) as file, pytest.raises(InputUnusable, match="terminal"):
            everything(StdinSource("s", STEREO, cast("BinaryIO", file)))
    finally:
        os.close(master)


def test_a_slow_reader_holds_the_writer_up() -> None:
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
