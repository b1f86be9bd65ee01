"""The `[[sources]]` of the settings, one class a kind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from daemon.audio_format import MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ, AudioFormat, SampleFormat
from daemon.frozen import Frozen
from daemon.kafka_settings import KafkaSinkSettings, KafkaSourceSettings

StreamName = Annotated[str, Field(min_length=1, max_length=512, description="Stream id of the results.")]
RateHz = Annotated[int, Field(ge=MIN_SAMPLE_RATE_HZ, le=MAX_SAMPLE_RATE_HZ, description="Sample rate in Hz.")]
Channels = Annotated[int, Field(ge=1, le=MAX_CHANNELS, description="Channels.")]


class FileSettings(Frozen):
    """One audio file, or a folder: every audio file below it is a stream."""

    kind: Literal["file"]
    path: Annotated[Path, Field(description="A file, or a folder whose files (any depth) each become a stream.")]
    stream: Annotated[StreamName | None, Field(description="Stream id; default: the file's name.")] = None
    realtime: Annotated[bool, Field(description="Play at the speed of sound, as a live stream.")] = False
    loop: Annotated[bool, Field(description="Play again and again, as one endless stream (realtime only).")] = False

    @model_validator(mode="after")
    def _loop_needs_realtime(self) -> Self:
        if self.loop and not self.realtime:
            raise ValueError("loop = true needs realtime = true")
        return self


class UrlSettings(Frozen):
    """A radio, an HLS or RTSP stream, or a file over HTTP."""

    kind: Literal["url"]
    url: Annotated[SecretStr, Field(description="http, https or rtsp address; a password in it is never shown.")]
    stream: StreamName
    connect_timeout_s: Annotated[float, Field(gt=0, le=300, description="Seconds to connect in.")] = 5.0
    stall_timeout_s: Annotated[float, Field(gt=0, le=300, description="Seconds without a byte until reconnecting.")] = (
        3.0
    )
    required: Annotated[bool, Field(description="End with code 69 when the first connection fails.")] = False


class DeviceSettings(Frozen):
    """A sound device, by PyAudio (`genred devices` lists them)."""

    kind: Literal["device"]
    device: Annotated[str | int, Field(description="Its name, a part of it that fits one only, or its index.")]
    stream: StreamName
    sample_rate_hz: Annotated[RateHz | None, Field(description="Hz; default: the device's own.")] = None
    channels: Annotated[Channels | None, Field(description="Default: the device's, at most 2.")] = None
    buffer_s: Annotated[float, Field(gt=0.1, le=600, description="Audio kept when the engine is behind.")] = 10.0
    required: Annotated[bool, Field(description="End with code 69 when it is not there at start.")] = False


class StdinSettings(Frozen):
    """Standard input: raw PCM when `sample_format` is given, else a container that PyAV decodes."""

    kind: Literal["stdin"]
    stream: StreamName = "stdin"
    sample_format: Annotated[SampleFormat | None, Field(description="Raw PCM of this format.")] = None
    sample_rate_hz: RateHz = 44_100
    channels: Channels = 2

    @property
    def format(self) -> AudioFormat | None:
        """The raw format, or None for a container."""
        return AudioFormat(self.sample_format, self.sample_rate_hz, self.channels) if self.sample_format else None


SourceSettings = Annotated[
    FileSettings | UrlSettings | DeviceSettings | StdinSettings | KafkaSourceSettings, Field(discriminator="kind")
]


class JsonlSettings(Frozen):
    """Results as JSON lines."""

    kind: Literal["jsonl"]
    path: Annotated[Path | None, Field(description="File to append to; default: standard output.")] = None


class ConsoleSettings(Frozen):
    """Results for people: a line on standard output whenever a stream's top tag changes."""

    kind: Literal["console"]


SinkSettings = Annotated[JsonlSettings | ConsoleSettings | KafkaSinkSettings, Field(discriminator="kind")]
