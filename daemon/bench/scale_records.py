"""Real records of every kind and the bytes that they are on the wire and in the log: what `scale_measured` holds."""

from __future__ import annotations

import io
from collections.abc import Sequence

import av
import numpy as np
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from av.audio.stream import AudioStream

from daemon.aggregate import TagPolicy
from daemon.audio_format import AudioFormat, SampleFormat
from daemon.bench.kafka_load import Case, music
from daemon.kafka.bookmark import Bookmark
from daemon.kafka.output_record import OutputRecord, OutputTopics, tags_record, window_record
from daemon.kafka.packing import pack
from daemon.messages import LogRange, ModelId, StreamTags, Tag, WindowTags
from models.card import Card

TOPICS = OutputTopics("genre.windows", "genre.tags", "genre.dead-letter")
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
EPOCH, STREAM = "2026-11-20T18:00:00Z", "radio-0042"
TIME_S = 1_795_200_000.0
TAGS_SHOWN = 2  # the mean of the bundled medley is 1.8
OGG_TYPE, MP3_TYPE = "audio/ogg", "audio/mpeg"


def batch_bytes(records: Sequence[OutputRecord], compression: str = "none") -> int:
    """Bytes of these records as one batch (magic 2), header included."""
    builder = DefaultRecordBatchBuilder(2, CODECS[compression], 0, -1, -1, -1, 1 << 24)
    for offset, record in enumerate(records):
        builder.append(offset, round(TIME_S * 1000), record.key, record.value, [*record.headers])
    return len(builder.build())


def results(card: Card, model: ModelId, count: int) -> tuple[list[OutputRecord], list[OutputRecord]]:
    """`count` windows of a stream as records, and the tags that follow from each."""
    rng = np.random.default_rng(2026)
    windows, tags = [], []
    for window in range(1000, 1000 + count):
        drawn = rng.beta(0.5, 4, len(card.genres))
        scores = dict(zip(card.genres, (float(score) for score in drawn), strict=True))
        end_s = (window + 2) * card.hop_s
        best = sorted(scores.items(), key=lambda one: -one[1])[:TAGS_SHOWN]
        source = LogRange("audio.chunks", 317, 48_112_207, 48_113_650, 91_024_000)
        heard = WindowTags(STREAM, EPOCH, window, end_s - card.window_s, end_s, TIME_S, False, 0.0, scores, model,
                           source=source)  # fmt: skip
        said = StreamTags(
            STREAM, EPOCH, window, end_s - TagPolicy().horizon_s, end_s, TIME_S,
            tuple(Tag(tag, score) for tag, score in best), best[0][0], False, False, model,
        )  # fmt: skip
        windows.append(window_record(heard, TOPICS))
        tags.append(tags_record(said, TOPICS))
    return windows, tags


def chunk(audio_format: AudioFormat, encoding: str, chunk_s: float) -> OutputRecord:
    """A record of the input topic as `genred feed` would write it, of something like music."""
    case = Case("", 1, 1, audio_format, chunk_s)
    size = round(chunk_s * audio_format.sample_rate_hz) * audio_format.frame_bytes
    audio = music(case)[:size]
    if encoding in ("raw", "wav", "flac"):
        value, content_type = pack(audio, audio_format, encoding)
    else:
        value, content_type = _lossy(audio, audio_format, encoding)
    headers = [("content-type", content_type.encode()), ("epoch", EPOCH.encode()), ("position", b"91024000")]
    return OutputRecord("audio.chunks", 317, STREAM.encode(), value, headers, None)


def _lossy(audio: bytes, audio_format: AudioFormat, encoding: str) -> tuple[bytes, str]:
    """A whole file of `encoding` (`opus:64000`, `mp3:128000`: codec and bits a second) and its content type."""
    codec, _, bits_per_s = encoding.partition(":")
    name, container, kind = {"opus": ("libopus", "ogg", OGG_TYPE), "mp3": ("libmp3lame", "mp3", MP3_TYPE)}[codec]
    layout = "mono" if audio_format.channels == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(np.frombuffer(audio, "<i2").reshape(1, -1), "s16", layout)
    frame.sample_rate, frame.pts = audio_format.sample_rate_hz, 0
    target = io.BytesIO()
    with av.open(target, "w", format=container) as file:
        rate_hz = 48_000 if codec == "opus" else audio_format.sample_rate_hz
        stream = file.add_stream(name, rate=rate_hz, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = int(bits_per_s)
        stream.codec_context.open()
        resampler = av.AudioResampler(stream.format, layout, rate_hz, stream.frame_size)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return target.getvalue(), kind


def bookmark_bytes() -> int:
    """Bytes of the metadata of a usual commit."""
    return len(Bookmark(48_112_207, 9_112_207).encode())


FORMATS = {
    "pcm-16k-mono": (AudioFormat(SampleFormat.S16LE, 16_000, 1), "raw", 0.5),
    "pcm-44k-stereo": (AudioFormat(SampleFormat.S16LE, 44_100, 2), "raw", 0.5),
    "flac-44k-stereo": (AudioFormat(SampleFormat.S16LE, 44_100, 2), "flac", 2.0),
    "mp3-128k": (AudioFormat(SampleFormat.S16LE, 44_100, 2), "mp3:128000", 2.0),
    "opus-64k": (AudioFormat(SampleFormat.S16LE, 48_000, 2), "opus:64000", 2.0),
}
