"""What `genred feed` does before it sends: chunks of one length, values of three kinds, keys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.kafka.chopper import Chopper
from daemon.kafka.content_type import Container, parse_content_type
from daemon.kafka.feed import copies_of, stream_key
from daemon.kafka.packing import pack
from daemon.kafka.payload import decode_container
from daemon.messages import AudioChunk

RATE_HZ = 8000
S16 = AudioFormat(SampleFormat.S16LE, RATE_HZ, 2)


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=30), st.integers(1, 50), st.sets(st.integers(1, 28), max_size=3)
)
def test_any_chunking_is_chopped_alike(lengths: list[int], size: int, holes: set[int]) -> None:
    """Nothing is lost or moved; only a chunk before a hole, or the last, is shorter."""
    chopper, position = Chopper(size / RATE_HZ), 0
    pushed: list[int] = []
    found: list[AudioChunk] = []
    ends: set[int] = set()
    for number, frames in enumerate(lengths):
        if number in holes:
            ends.add(position)
            position += 7
        audio = np.arange(position, position + frames, dtype="<i4").tobytes()
        pushed += range(position, position + frames)
        found += chopper.push(AudioChunk("s", "e", position, S16, audio, position / RATE_HZ))
        position += frames
    found += chopper.flush()
    ends.add(position)
    frames_found = [int(frame) for chunk in found for frame in np.frombuffer(chunk.audio, "<i4")]
    assert frames_found == pushed
    for chunk in found:
        assert np.frombuffer(chunk.audio, "<i4")[0] == chunk.position
        assert chunk.captured_at_s == pytest.approx(chunk.position / RATE_HZ)
        assert chunk.frames == size or (chunk.position + chunk.frames in ends and chunk.frames < size)


@pytest.mark.parametrize("encoding", ["raw", "wav", "flac"])
@pytest.mark.parametrize("channels", range(1, 9))
@pytest.mark.parametrize("sample_format", list(SampleFormat))
def test_packed_audio_is_the_same_audio(sample_format: SampleFormat, channels: int, encoding: str) -> None:
    audio_format = AudioFormat(sample_format, 44_100, channels)
    shape = (5000, channels)
    whole = np.random.default_rng(7).integers(-(2**23), 2**23, shape, dtype="<i4")  # 24 bits
    float_audio = (whole / 2**23).astype("<f4").tobytes()
    audio = {
        SampleFormat.U8: ((whole >> 16) + 128).astype("u1").tobytes(),
        SampleFormat.S16LE: (whole >> 8).astype("<i2").tobytes(),
        SampleFormat.S24LE: whole.view("u1").reshape(-1, 4)[:, :3].tobytes(),
        SampleFormat.S32LE: (whole << 8).astype("<i4").tobytes(),
        SampleFormat.F32LE: float_audio,
    }[sample_format]
    value, content_type = pack(audio, audio_format, encoding)
    kind = parse_content_type(content_type)
    if encoding == "raw":
        assert (value, kind) == (audio, audio_format)
        return
    assert isinstance(kind, Container)
    found, decoded = decode_container(value, kind, "test", 60.0)
    assert (found.sample_rate_hz, found.channels) == (44_100, channels)
    assert _as_24_bits(decoded, found.sample_format) == pytest.approx(_as_24_bits(audio, sample_format))


def _as_24_bits(audio: bytes, sample_format: SampleFormat) -> list[int]:
    match sample_format:
        case SampleFormat.U8:
            return [(int(value) - 128) << 16 for value in np.frombuffer(audio, "u1")]
        case SampleFormat.S16LE:
            return [int(value) << 8 for value in np.frombuffer(audio, "<i2")]
        case SampleFormat.S24LE:
            return [int.from_bytes(audio[at : at + 3], "little", signed=True) for at in range(0, len(audio), 3)]
        case SampleFormat.S32LE:
            return [int(value) >> 8 for value in np.frombuffer(audio, "<i4")]
        case SampleFormat.F32LE:
            return [round(float(value) * 2**23) for value in np.frombuffer(audio, "<f4")]


def test_names_become_keys() -> None:
    assert copies_of("a", 1) == ["a"]
    assert copies_of("a", 2) == ["a-001", "a-002"]
    assert copies_of("a", 1000)[-1] == "a-1000"
    assert stream_key("bé\x1b[31m\udcff") == "bé�[31m�".encode()
    long = stream_key("é" * 400 + "-001")
    assert len(long) <= 512
    assert long.endswith("é-001".encode())
    long.decode()
