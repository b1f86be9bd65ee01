"""Every error genred raises on purpose, drawn as one tree; the command line turns each into one line and an exit code.

GenredError                      70  internal
├── InputUnusable                64  what the command line asked for cannot be done
├── DependencyUnavailable        69  something outside is missing at start
│   ├── PortTaken
│   ├── SoundDeviceUnavailable
│   ├── UrlUnreachable
│   ├── KafkaUnavailable
│   └── AcceleratorUnavailable
├── AcceleratorOutOfMemory       70
├── DrainTimedOut                75
├── SettingsError                78
│   └── ModelRefused
├── SinkFailed                   70
├── BadChunk                     (never ends the process: counted, skipped)
└── BadRecord                    (never ends the process: counted, dead-lettered, skipped)
"""

from __future__ import annotations

from enum import StrEnum

EXIT_CLEAN = 0
EXIT_USAGE = 64
EXIT_UNAVAILABLE = 69
EXIT_INTERNAL = 70
EXIT_DRAIN_TIMED_OUT = 75
EXIT_SETTINGS = 78


class GenredError(Exception):
    """Base of the tree; `exit_code` is the process's when nothing handles the error."""

    exit_code = EXIT_INTERNAL


class InputUnusable(GenredError):
    """An input or option named on the command line is missing, unreadable or holds no audio."""

    exit_code = EXIT_USAGE


class DependencyUnavailable(GenredError):
    """Something outside this process that the start needs is not there."""

    exit_code = EXIT_UNAVAILABLE


class PortTaken(DependencyUnavailable):
    """The address of the health server is in use."""


class SoundDeviceUnavailable(DependencyUnavailable):
    """A sound device, or PortAudio itself, cannot be opened."""


class UrlUnreachable(DependencyUnavailable):
    """A URL cannot be opened: refused, not found, not audio."""


class KafkaUnavailable(DependencyUnavailable):
    """No broker of the cluster can be used: refused, wrong TLS, authentication failed, no answer."""


class AcceleratorUnavailable(DependencyUnavailable):
    """A GPU was asked for and its execution provider is not active."""


class AcceleratorOutOfMemory(GenredError):
    """The GPU's memory does not hold a batch; the message names the size and the setting."""


class DrainTimedOut(GenredError):
    """The drain did not finish before its deadline."""

    exit_code = EXIT_DRAIN_TIMED_OUT


class SettingsError(GenredError):
    """The settings cannot be used; the message names the key."""

    exit_code = EXIT_SETTINGS


class ModelRefused(SettingsError):
    """A model file is missing, is not ONNX, has no card, or fails its golden check."""


class SinkFailed(GenredError):
    """A sink cannot take results any more."""


class BadChunk(GenredError):
    """A chunk that cannot be audio; `reason` is a bounded label for metrics."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class RecordFault(StrEnum):
    """Why a Kafka record was refused: the label of its metric and its `genred-reason` (docs/kafka.md)."""

    NO_KEY = "no_key"
    KEY_NOT_UTF8 = "key_not_utf8"
    STREAM_TOO_LONG = "stream_too_long"
    STREAM_ID = "stream_id"
    EMPTY = "empty"
    NO_CONTENT_TYPE = "no_content_type"
    CONTENT_TYPE = "content_type"
    AUDIO_FORMAT = "audio_format"
    POSITION = "position"
    EPOCH = "epoch"
    HEADER = "header"
    TORN_FRAME = "torn_frame"
    TOO_LONG = "too_long"
    UNDECODABLE = "undecodable"
    NO_AUDIO = "no_audio"
    DECODED_TOO_LONG = "decoded_too_long"


class BadRecord(GenredError):
    """A Kafka record that cannot be used."""

    def __init__(self, reason: RecordFault, message: str) -> None:
        super().__init__(message)
        self.reason = reason
