"""Standard input as a source, through a real pipe: raw PCM in any pieces, containers, and what is no audio."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from contextlib import aclosing, suppress
from itertools import pairwise

import numpy as np
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
PCM = np.random.default_rng(0).bytes(STEREO.frame_bytes * 20_000)


class Heard:
    """What was read, and from which source."""

    def __init__(self, source: StdinSource) -> None:
        self.source = source
        self.chunks: list[AudioChunk] = []
        self.ends: list[StreamEnd] = []

    async def listen(self) -> None:
        """To the end."""
        async for item in self.source.chunks():
            if isinstance(item, AudioChunk):
                self.chunks.append(item)
            else:
                self.ends.append(item)

    @property
    def audio(self) -> bytes:
        """All of it; positions must be without a hole."""
        assert all(old.position + old.frames == new.position for old, new in pairwise(self.chunks))
        return b"".join(chunk.audio for chunk in self.chunks)


def piped(parts: Sequence[bytes], audio_format: AudioFormat | None = None) -> Heard:
    """What a source reads when a writer puts `parts` into a pipe, one by one."""
    reading, writing = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError):
            for part in parts:
                left = memoryview(part)
                while left:
                    left = left[os.write(writing, left) :]
        os.close(writing)

    with os.fdopen(reading, "rb") as file:
        heard = Heard(StdinSource("s", audio_format, file, epoch="e"))
        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        try:
            asyncio.run(asyncio.wait_for(heard.listen(), 10))
        finally:
            file.close()
            writer.join(5)
    assert not writer.is_alive()
    return heard


@settings(max_examples=25, deadline=None)
@given(st.integers(1, len(PCM)), st.lists(st.integers(0, len(PCM)), max_size=12))
def test_raw_pcm_in_any_pieces_is_the_same_bytes(length: int, cuts: list[int]) -> None:
    pcm = PCM[: max(length, STEREO.frame_bytes)]
    borders = sorted({0, len(pcm), *(cut for cut in cuts if cut < len(pcm))})
    heard = piped([pcm[a:b] for a, b in pairwise(borders)], STEREO)
    partial = len(pcm) % STEREO.frame_bytes
    assert heard.audio == pcm[: len(pcm) - partial]
    assert heard.source.partial_bytes == partial
    assert heard.chunks[0].position == 0
    assert all(len(chunk.audio) % STEREO.frame_bytes == 0 for chunk in heard.chunks)
    assert heard.ends == [StreamEnd("s", "e")]


def test_single_bytes_do_not_make_a_chunk_each() -> None:
    pcm = PCM[:6402]
    heard = piped([pcm[n : n + 1] for n in range(len(pcm))], STEREO)
    assert heard.audio == pcm[:6400]
    assert len(heard.chunks) <= 3


def test_a_partial_last_frame_is_counted_and_said() -> None:
    heard = piped([PCM[:403]], STEREO)
    assert (heard.audio, heard.source.partial_bytes) == (PCM[:400], 3)
    assert "inside a frame: 3 bytes" in str(heard.source.status.last_error)
    assert heard.source.status.state is SourceState.ENDED


@pytest.mark.parametrize(("codec", "container"), [("pcm_s16le", "wav"), ("flac", "flac"), ("libmp3lame", "mp3")])
def test_a_container_is_decoded(codec: str, container: str) -> None:
    tones = stepped_tones(12, 44_100)
    content = encode(tones, codec, container, channels=1, kind=None if container == "mp3" else "s16")
    heard = piped([content[:1000], content[1000:]])
    assert heard.chunks[0].format.sample_rate_hz == 44_100
    if container == "mp3":
        assert sum(chunk.seconds for chunk in heard.chunks) == pytest.approx(12, abs=0.1)
    else:
        assert np.abs(np.frombuffer(heard.audio, "<i2") / 2.0**15 - tones).max() < 2.0**-14
    assert len(heard.ends) == 1


@pytest.mark.parametrize(
    ("content", "audio_format", "said"),
    [
        (b"", STEREO, "held no audio"),
        (PCM[:3], STEREO, "held no audio"),
        (b"", None, "standard input"),
        (PCM, None, "raw PCM needs its format named"),
        (b"no audio at all\n" * 100, None, "raw PCM needs its format named"),
    ],
)
def test_what_is_no_audio_is_refused_in_one_line(content: bytes, audio_format: AudioFormat | None, said: str) -> None:
    with pytest.raises(InputUnusable, match=said) as raised:
        piped([content], audio_format)
    assert "\n" not in str(raised.value)


def test_a_terminal_is_refused() -> None:
    controller, terminal = os.openpty()
    with os.fdopen(controller, "rb"), os.fdopen(terminal, "rb") as file, pytest.raises(InputUnusable, match="terminal"):
        asyncio.run(Heard(StdinSource("s", STEREO, file)).listen())


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
