"""PCM -> the value and content type of a record: raw, or a self-contained WAV or FLAC file."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.kafka.content_type import raw_content_type

WAV_PCM, WAV_FLOAT = 1, 3
FLAC_LEVEL = "5"
FLAC_BLOCK_FRAMES = 4096
LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")


def pack(audio: bytes, audio_format: AudioFormat, encoding: str) -> tuple[bytes, str]:
    """The value and its content type; `encoding` is raw, wav or flac (which holds 24 bits of a sample, no more)."""
    match encoding:
        case "wav":
            return wav_header(len(audio), audio_format) + audio, "audio/wav"
        case "flac":
            return _flac(audio, audio_format), "audio/flac"
        case _:
            return audio, raw_content_type(audio_format)


def wav_header(size: int, audio_format: AudioFormat) -> bytes:
    """The 44 bytes before `size` bytes of PCM."""
    kind = WAV_FLOAT if audio_format.sample_format is SampleFormat.F32LE else WAV_PCM
    rate, frame_bytes = audio_format.sample_rate_hz, audio_format.frame_bytes
    sample_bits = 8 * audio_format.sample_format.sample_bytes
    described = struct.pack("<HHIIHH", kind, audio_format.channels, rate, rate * frame_bytes, frame_bytes, sample_bits)
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", 16) + described + _data(size)


def _data(size: int) -> bytes:
    return b"data" + struct.pack("<I", size)


def _flac(audio: bytes, audio_format: AudioFormat) -> bytes:
    samples, kind = _integers(audio, audio_format.sample_format)
    layout = LAYOUTS[audio_format.channels - 1]
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), kind, layout)
    frame.sample_rate, frame.pts = audio_format.sample_rate_hz, 0
    target = io.BytesIO()
    with av.open(target, "w", format="flac") as file:
        stream = file.add_stream("flac", rate=audio_format.sample_rate_hz, options={"compression_level": FLAC_LEVEL})
        assert isinstance(stream, AudioStream)
        stream.layout, stream.format = layout, kind
        stream.codec_context.open()
        blocks = av.AudioFifo()
        blocks.write(frame)
        for block in blocks.read_many(stream.frame_size or FLAC_BLOCK_FRAMES, partial=True):
            file.mux(stream.encode(block))
        file.mux(stream.encode(None))
    return target.getvalue()


def _integers(audio: bytes, sample_format: SampleFormat) -> tuple[npt.NDArray[np.int16] | npt.NDArray[np.int32], str]:
    """Interleaved samples as FLAC's encoder takes them, and FFmpeg's name of that format."""
    match sample_format:
        case SampleFormat.U8:
            return (np.frombuffer(audio, np.uint8).astype(np.int16) - 128) << 8, "s16"
        case SampleFormat.S16LE:
            return np.frombuffer(audio, "<i2"), "s16"
        case SampleFormat.S24LE:
            wide = np.zeros((len(audio) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(audio, np.uint8).reshape(-1, 3)
            return wide.view("<i4").ravel(), "s32"
        case SampleFormat.S32LE:
            return np.frombuffer(audio, "<i4"), "s32"
        case SampleFormat.F32LE:
            scaled = np.nan_to_num(np.frombuffer(audio, "<f4").astype(np.float64)) * 2.0**31
            return np.clip(np.round(scaled), -(2**31), 2**31 - 1).astype(np.int32), "s32"
