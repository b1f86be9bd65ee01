"""The `[kafka]` table and the Kafka kinds of `[[sources]]` and `[[sinks]]`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from daemon.frozen import Frozen

TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$")]
HostPort = Annotated[str, Field(pattern=r"^[^\s,/@]+:\d{1,5}$")]


class Delivery(StrEnum):
    """What a reader of the results may see after a crash."""

    AT_LEAST_ONCE = "at-least-once"
    EXACTLY_ONCE = "exactly-once"


class Overload(StrEnum):
    """What to do when audio comes faster than it can be scored."""

    WAIT = "wait"
    SKIP = "skip"


class TlsSettings(Frozen):
    """Encryption, and this client's certificate for mTLS. The table's presence turns TLS on."""

    ca_file: Annotated[Path | None, Field(description="Authorities to trust (PEM); default: the system's.")] = None
    cert_file: Annotated[Path | None, Field(description="This client's certificate (PEM), for mTLS.")] = None
    key_file: Annotated[Path | None, Field(description="Its private key (PEM).")] = None
    key_password: Annotated[SecretStr | None, Field(description="The key's password.")] = None
    check_hostname: Annotated[bool, Field(description="Whether the broker's certificate must name its host.")] = True

    @model_validator(mode="after")
    def _key_with_certificate(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together")
        return self


class SaslSettings(Frozen):
    """Who this client is. Give a secret by file (re-read at every connection) or by environment rather than here."""

    mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"], Field(description="SASL mechanism.")
    ]
    username: Annotated[str | None, Field(description="User, for PLAIN and SCRAM.")] = None
    password: Annotated[SecretStr | None, Field(description="Password, for PLAIN and SCRAM.")] = None
    password_file: Annotated[Path | None, Field(description="File that holds the password.")] = None
    token_file: Annotated[Path | None, Field(description="File that holds the bearer token, for OAUTHBEARER.")] = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.mechanism == "OAUTHBEARER":
            if self.token_file is None:
                raise ValueError("mechanism OAUTHBEARER needs token_file")
        elif not self.username or (self.password is None) == (self.password_file is None):
            raise ValueError(f"mechanism {self.mechanism} needs username, and either password or password_file")
        return self


class KafkaSettings(Frozen):
    """The cluster, and the topics that results go to."""

    bootstrap_servers: Annotated[tuple[HostPort, ...], Field(description="Brokers to begin with: host:port.")] = ()
    client_id: Annotated[str, Field(min_length=1, max_length=200, description="This client, in the brokers' logs.")] = (
        "genred"
    )
    windows_topic: Annotated[TopicName, Field(description="Scores of every window.")] = "genre.windows"
    tags_topic: Annotated[TopicName, Field(description="Aggregated tags; compacted.")] = "genre.tags"
    dead_letter_topic: Annotated[TopicName, Field(description="Records that could not be read.")] = "genre.dead-letter"
    compression: Annotated[
        Literal["none", "gzip", "snappy", "lz4", "zstd"], Field(description="Of the records that are written.")
    ] = "none"
    request_timeout_s: Annotated[float, Field(gt=0.5, le=600, description="Longest wait for one answer.")] = 40.0
    tls: Annotated[TlsSettings | None, Field(description="TLS; none: plain text.")] = None
    sasl: Annotated[SaslSettings | None, Field(description="Authentication; none: anonymous.")] = None


class KafkaSourceSettings(Frozen):
    """Audio from a topic, its results to the `[kafka]` topics."""

    kind: Literal["kafka"]
    topic: Annotated[TopicName, Field(description="Topic of the audio chunks.")] = "audio.chunks"
    group: Annotated[str, Field(min_length=1, max_length=249, description="Consumer group.")] = "genred"
    instance_id: Annotated[
        str | None, Field(min_length=1, max_length=249, description="Static membership: a lasting name of this worker.")
    ] = None
    delivery: Annotated[Delivery, Field(description="at-least-once or exactly-once.")] = Delivery.AT_LEAST_ONCE
    start: Annotated[
        Literal["earliest", "latest"], Field(description="Where a group without committed offsets begins.")
    ] = "latest"
    default_content_type: Annotated[
        str | None, Field(description="Content type of records that name none (audio/x-raw;format=S16LE;rate=…).")
    ] = None
    max_chunk_s: Annotated[float, Field(gt=0, le=3600, description="Longest chunk; longer ones are refused.")] = 60.0
    idle_s: Annotated[float, Field(gt=0, le=86400, description="Silence of a producer after which it has left.")] = 60.0
    commit_interval_s: Annotated[float, Field(gt=0.01, le=60, description="Time between commits.")] = 1.0
    transaction_interval_s: Annotated[
        float, Field(gt=0.01, le=60, description="Time between commits of exactly-once delivery.")
    ] = 0.2
    overload: Annotated[Overload, Field(description="wait: fall behind; skip: jump to the present.")] = Overload.WAIT
    max_lag_s: Annotated[float, Field(gt=1, le=86400, description="Lag at which `skip` jumps, seconds of audio.")] = (
        60.0
    )
    session_timeout_s: Annotated[float, Field(ge=1, le=1800, description="A worker silent so long is dead.")] = 30.0
    max_poll_interval_s: Annotated[float, Field(ge=5, le=3600, description="Kafka's max.poll.interval.")] = 300.0
    fetch_max_mb: Annotated[int, Field(ge=1, le=1024, description="Most that a fetch may bring, MiB.")] = 16

    @field_validator("default_content_type")
    @classmethod
    def _content_type_is_known(cls, value: str | None) -> str | None:
        from daemon.kafka.content_type import parse_content_type  # itself reads no settings

        if value is not None:
            parse_content_type(value)
        return value


class KafkaSinkSettings(Frozen):
    """Results of the other sources into the `[kafka]` topics."""

    kind: Literal["kafka"]
