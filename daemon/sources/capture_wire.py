"""What a capture process writes to its standard output: messages of a kind, a length and a body. A leaf."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

HEADER = struct.Struct("<cI")  # kind, bytes of the body
AUDIO = struct.Struct("<dQ")  # monotonic clock at delivery (seconds), frames that came before since the opening
KIND_AUDIO, KIND_OPENED, KIND_DEVICES, KIND_FAILED = b"A", b"O", b"D", b"F"


class Failure(StrEnum):
    """Why a capture process gave up."""

    NOT_INSTALLED = "not-installed"  # no PyAudio: nothing will change that while we run
    ABORTED = "aborted"  # PortAudio refused its configuration, and the process
    NO_DEVICE = "no-device"
    NOT_OPENED = "not-opened"
    ENDED = "ended"  # the device's stream ended, or the process did


class CaptureError(Exception):
    """A capture process gave up or died; the message names the device or the cause."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """What to open: None means the device's own (`channels`: at most 2)."""

    device: str | int
    sample_rate_hz: int | None = None
    channels: int | None = None

    def to_json(self) -> str:
        """The request as one command-line argument."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Opened:
    """The device is open; 16-bit little-endian frames will follow."""

    device: str
    sample_rate_hz: int
    channels: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """Consecutive frames of the open device, with when they were delivered and how many frames came before."""

    delivered_s: float
    frames_before: int
    audio: bytes


def message(kind: bytes, body: bytes) -> bytes:
    """A message, ready to write."""
    return HEADER.pack(kind, len(body)) + body


def json_message(kind: bytes, body: Any) -> bytes:
    """A message whose body is JSON."""
    return message(kind, json.dumps(body).encode())


def audio_message(delivered: Delivered) -> bytes:
    """A message that carries audio."""
    return message(KIND_AUDIO, AUDIO.pack(delivered.delivered_s, delivered.frames_before) + delivered.audio)


def read_audio(body: bytes) -> Delivered:
    """The inverse of `audio_message`, without its header."""
    delivered_s, frames_before = AUDIO.unpack_from(body)
    return Delivered(delivered_s, frames_before, body[AUDIO.size :])
