"""Audio files as a source: order, ids, pace, and one line for each thing that can be wrong with a file."""

from __future__ import annotations

import asyncio
import io
import os
import threading
import time
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from daemon.errors import InputUnusable
from daemon.messages import AudioChunk, StreamEnd
from daemon.sources.files import FileSource, audio_files_below
from daemon.sources.status import SourceState
from tests.audio_files import as_float, encode, second_heard, stepped_tones, write
from tests.reading import audio_of, everything

RATE = 44_100


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty seconds of stepped tones as FLAC."""
    content = encode(stepped_tones(20, RATE), "flac", "flac", RATE, "s16")
    return write(tmp_path_factory.mktemp("tones") / "tones.flac", content)


def no_drop(chunk: AudioChunk) -> None:
    raise AssertionError(f"{chunk.seconds} s were dropped")


def one_picture() -> bytes:
    """A video of one frame, without sound."""
    target = io.BytesIO()
    with av.open(target, "w", format="avi") as output:
        stream = output.add_stream("mjpeg", rate=1)
        assert isinstance(stream, VideoStream)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")
        output.mux([*stream.encode(frame), *stream.encode(None)])
    return target.getvalue()


def test_a_file_comes_whole_in_order_then_ends(tones: Path) -> None:
    source = FileSource(tones, "album/tones", no_drop)
    items = everything(source)
    chunks = audio_of(items)
    assert sum(chunk.frames for chunk in chunks) == 20 * RATE
    assert [chunk.position for chunk in chunks] == [sum(c.frames for c in chunks[:n]) for n in range(len(chunks))]
    assert items[-1] == StreamEnd("album/tones", chunks[0].epoch)
    assert {chunk.stream for chunk in chunks} == {"album/tones"}
    assert source.duration_s == pytest.approx(20)
    assert source.status.state is SourceState.ENDED
    assert abs(chunks[0].captured_at_s - time.time()) < 60


def test_ids_are_the_same_every_time(tones: Path, tmp_path: Path) -> None:
    copy = write(tmp_path / "copy.flac", tones.read_bytes())
    os.utime(copy, (1_000_000_000, 1_000_000_000))
    assert audio_of(everything(FileSource(copy, "s", no_drop)))[0].epoch == "2001-09-09T01:46:40.000Z"
    assert audio_of(everything(FileSource(copy, "s", no_drop, epoch="run-1")))[0].epoch == "run-1"


def test_nothing_is_read_far_ahead_of_the_consumer(tones: Path) -> None:
    source = FileSource(tones, "s", no_drop, chunk_s=0.5)

    async def slow() -> int:
        async with aclosing(source.chunks()) as chunks:
            await anext(chunks)
            reader = next(thread for thread in threading.enumerate() if thread.name == "file s")
            await asyncio.to_thread(reader.join, 0.3)
            assert reader.is_alive(), "a 20 s file fitted into the hand-over: no backpressure"
        await asyncio.to_thread(reader.join, 5)
        return int(reader.is_alive())

    assert asyncio.run(slow()) == 0


def test_realtime_plays_at_the_speed_of_sound(tones: Path) -> None:
    source = FileSource(tones, "s", no_drop, realtime=True)

    async def listen() -> tuple[list[AudioChunk], float]:
        heard: list[AudioChunk] = []
        began = time.monotonic()
        async with aclosing(source.chunks()) as chunks:
            async for item in chunks:
                assert isinstance(item, AudioChunk)
                heard.append(item)
                if item.position >= 1.5 * RATE:
                    break
        return heard, time.monotonic() - began

    heard, took_s = asyncio.run(listen())
    played_s = (heard[-1].position + heard[-1].frames) / RATE
    assert played_s <= took_s < played_s + 1.0
    assert all(chunk.seconds == pytest.approx(0.1, abs=0.11) for chunk in heard)
    assert heard[-1].captured_at_s - heard[0].captured_at_s == pytest.approx(heard[-1].position / RATE)


def test_a_slow_consumer_of_realtime_loses_the_oldest(tones: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.sources.files.LIVE_BUFFER_S", 0.5)
    dropped: list[AudioChunk] = []
    enough = threading.Event()

    def on_drop(chunk: AudioChunk) -> None:
        dropped.append(chunk)
        if len(dropped) >= 5:
            enough.set()

    source = FileSource(tones, "s", on_drop, realtime=True)

    async def late() -> AudioChunk:
        async with aclosing(source.chunks()) as chunks:
            await anext(chunks)
            assert await asyncio.to_thread(enough.wait, 20)
            item = await anext(chunks)
            assert isinstance(item, AudioChunk)
            return item

    assert asyncio.run(late()).position > dropped[0].position
    assert source.status.dropped_s == pytest.approx(sum(chunk.seconds for chunk in dropped))


def test_loop_goes_on_on_one_time_line(tmp_path: Path) -> None:
    path = write(tmp_path / "short.flac", encode(stepped_tones(2, RATE), "flac", "flac", RATE, "s16"))
    source = FileSource(path, "s", no_drop, loop=True)

    async def listen() -> list[AudioChunk]:
        heard: list[AudioChunk] = []
        async with aclosing(source.chunks()) as chunks:
            async for item in chunks:
                assert isinstance(item, AudioChunk)
                heard.append(item)
                if len(heard) == 4:
                    break
        return heard

    heard = asyncio.run(listen())
    assert [chunk.position for chunk in heard] == [n * 2 * RATE for n in range(4)]
    assert len({chunk.epoch for chunk in heard}) == 1


@pytest.mark.parametrize("loop", [False, True])
def test_a_file_that_goes_while_it_plays_is_played_to_its_end(tmp_path: Path, loop: bool) -> None:
    path = write(tmp_path / "short.wav", encode(stepped_tones(20, RATE), "pcm_s16le", "wav", RATE, "s16"))
    source, heard_s = FileSource(path, "s", no_drop, loop=loop), 0.0

    async def listen() -> None:
        nonlocal heard_s
        async with aclosing(source.chunks()) as chunks:
            async for item in chunks:
                heard_s += item.seconds if isinstance(item, AudioChunk) else 0.0
                path.unlink(missing_ok=True)

    if loop:
        with pytest.raises(InputUnusable, match="does not exist"):
            asyncio.run(listen())
    else:
        asyncio.run(listen())
    assert heard_s == pytest.approx(20)
    assert source.status.state is (SourceState.FAILED if loop else SourceState.ENDED)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.wav", None, "does not exist"),
        ("empty.mp3", b"", "is empty"),
        ("text.wav", b"this is not audio\n" * 50, "is not audio"),
        ("riff.wav", b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio"),
    ],
)
def test_bad_files_are_named_in_one_line(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    source = FileSource(path, "s", no_drop)
    with pytest.raises(InputUnusable) as unusable:
        everything(source)
    assert str(path) in str(unusable.value)
    assert says in str(unusable.value)
    assert "\n" not in str(unusable.value)
    assert source.status.state is SourceState.FAILED


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputUnusable, match="is a folder"):
        everything(FileSource(tmp_path, "s", no_drop))


@pytest.fixture
def as_nobody() -> Iterator[None]:
    """Root may read everything: be somebody else for a while."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


def test_no_permission(tones: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = write(tmp_path / "secret.flac", tones.read_bytes())
    path.chmod(0)
    request.getfixturevalue("as_nobody")
    with pytest.raises(InputUnusable, match="permission denied"):
        everything(FileSource(path, "s", no_drop))


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "picture.mp3", one_picture())
    with pytest.raises(InputUnusable, match="no audio stream"):
        everything(FileSource(path, "s", no_drop))


@pytest.mark.parametrize(
    ("codec", "container", "kind"), [("libmp3lame", "mp3", None), ("flac", "flac", "s16"), ("pcm_s16le", "wav", "s16")]
)
def test_a_truncated_file_is_read_to_where_it_ends(
    tmp_path: Path, codec: str, container: str, kind: str | None
) -> None:
    content = encode(stepped_tones(10, RATE), codec, container, RATE, kind)
    source = FileSource(write(tmp_path / f"cut.{container}", content[: len(content) * 6 // 10]), "s", no_drop)
    chunks = audio_of(everything(source))
    assert 4 < sum(chunk.seconds for chunk in chunks) < 8
    audio = as_float(b"".join(chunk.audio for chunk in chunks), chunks[0].format)[:, 0]
    assert second_heard(audio[int(3.25 * RATE) : int(3.75 * RATE)], RATE) == 3
    assert source.status.last_error is not None
    assert "truncated" in source.status.last_error


def test_a_file_name_is_never_taken_for_a_protocol(
    tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "concat:a|b.flac", tones.read_bytes())
    assert audio_of(everything(FileSource(Path("concat:a|b.flac"), "s", no_drop)))


def test_audio_files_below(tmp_path: Path) -> None:
    for name in ("b.MP3", "a/x.flac", "a/b/c/deep.opus", "notes.txt", ".hidden.mp3", ".git/y.mp3", "a/cover.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)
    found = [path.relative_to(tmp_path).as_posix() for path in audio_files_below(tmp_path)]
    assert found == ["a/b/c/deep.opus", "a/x.flac", "b.MP3"]
    with pytest.raises(InputUnusable, match="not a folder"):
        audio_files_below(tmp_path / "notes.txt")
