"""Self-contained files in records: decoded whole within bounds, and refused when they are something else."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import BadRecord, RecordFault
from daemon.kafka import payload
from daemon.kafka.content_type import Container
from daemon.kafka.input_record import AudioRecord, InputRules, is_container, parse_record
from daemon.kafka.payload import decode_container
from daemon.sources.decode import Decoder, Piece
from tests.audio_files import as_float, encode, second_heard, stepped_tones
from tests.test_kafka_input import RECORD

TONES = stepped_tones(1.0, 44_100, first_s=7)
FILES = {
    Container.WAV: encode(TONES, "pcm_s16le", "wav"),
    Container.FLAC: encode(TONES, "flac", "flac"),
    Container.OGG: encode(TONES, "vorbis", "ogg", kind="fltp"),
    Container.MP3: encode(TONES, "libmp3lame", "mp3"),
}
TYPES = {Container.WAV: "wav", Container.FLAC: "flac", Container.OGG: "ogg", Container.MP3: "mpeg"}


@pytest.mark.parametrize("container", Container)
def test_files_are_decoded(container: Container) -> None:
    record = replace(RECORD, value=FILES[container], headers=[("content-type", f"audio/{TYPES[container]}".encode())])
    assert is_container(record, InputRules())
    parsed = parse_record(record, InputRules())
    assert isinstance(parsed, AudioRecord)
    assert (parsed.format.sample_rate_hz, parsed.format.channels) == (44_100, 2)
    heard = as_float(parsed.audio, parsed.format)
    assert len(heard) == pytest.approx(44_100, abs=1200)
    assert second_heard(heard[:, 1], 44_100) == 7


@pytest.mark.parametrize("container", Container)
@pytest.mark.parametrize("inside", Container)
def test_only_the_named_container_is_read(container: Container, inside: Container) -> None:
    if container == inside:
        assert decode_container(FILES[inside], container, "same", 60.0)[1]
        return
    with pytest.raises(BadRecord) as refused:
        decode_container(FILES[inside], container, "other", 60.0)
    assert refused.value.reason in {RecordFault.UNDECODABLE, RecordFault.NO_AUDIO}


@given(
    container=st.sampled_from(Container),
    edits=st.lists(st.tuples(st.integers(0, 7_000), st.binary(min_size=1, max_size=8)), max_size=30),
    end=st.none() | st.integers(0, 7_000),
)
def test_a_damaged_file_is_audio_or_refused(
    container: Container, edits: list[tuple[int, bytes]], end: int | None
) -> None:
    data = bytearray(FILES[container])
    for at, change in edits:
        data[at : at + len(change)] = change
    try:
        audio_format, audio = decode_container(bytes(data[:end]), container, "damaged", 60.0)
    except BadRecord as error:
        assert isinstance(error.reason, RecordFault)
    else:
        assert 0 < len(audio) / audio_format.frame_bytes <= 60 * audio_format.sample_rate_hz


def test_a_bomb_is_left_while_it_is_being_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = 0

    class Counting(Decoder):
        def pieces(self) -> Iterator[Piece]:
            nonlocal pieces
            for piece in super().pieces():
                pieces += 1
                yield piece

    monkeypatch.setattr(payload, "Decoder", Counting)
    bomb = encode(np.zeros(600 * 8_000, np.float32), "flac", "flac", 8_000, channels=1)
    assert len(bomb) < 200_000
    with pytest.raises(BadRecord, match="more than 60 s"):
        decode_container(bomb, Container.FLAC, "bomb", 60.0)
    assert 0 < pieces <= 61


def test_decoded_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payload, "MAX_DECODED_BYTES", 100_000)
    with pytest.raises(BadRecord) as refused:
        decode_container(FILES[Container.FLAC], Container.FLAC, "wide", 60.0)
    assert refused.value.reason == RecordFault.DECODED_TOO_LONG


def test_damage_in_the_middle_is_refused_and_a_broken_off_file_is_not() -> None:
    whole = encode(stepped_tones(4.0, 44_100), "libmp3lame", "mp3")
    with pytest.raises(BadRecord) as refused:
        decode_container(whole[:20_000] + bytes(9_000) + whole[29_000:], Container.MP3, "hole", 60.0)
    assert refused.value.reason == RecordFault.UNDECODABLE
    kept, audio = decode_container(whole[: len(whole) // 2], Container.MP3, "half", 60.0)
    assert len(audio) / kept.frame_bytes / 44_100 == pytest.approx(2.0, abs=0.2)


@pytest.mark.parametrize("codec", [0x0011, 0x0055, 0x7777, 0xFFFE])
def test_other_codecs_and_unknown_ones_are_not_taken(codec: int) -> None:
    """ADPCM, MP3, nobody's, and an extensible format without its extension."""
    wav = bytearray(FILES[Container.WAV])
    struct.pack_into("<H", wav, wav.index(b"fmt ") + 8, codec)
    with pytest.raises(BadRecord):
        decode_container(bytes(wav), Container.WAV, "odd", 60.0)
