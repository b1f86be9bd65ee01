"""What the scaling of genred is reckoned from: the one place where measured and assumed figures stand.

docs/scaling.md shows these tables; `docs/make_scaling.py` makes it anew after a change here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

MEASURED_ON = "2026-11-21, one core of an AMD EPYC (Zen 4) virtual machine, Python 3.11, aiokafka 0.14"


def _figure(default: float, meaning: str, source: str) -> Any:
    return field(default=default, metadata={"meaning": meaning, "source": source})


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures that were measured, with the command that does it again. Units are in the names."""

    window_ms: float = _figure(
        14.2, "features and network of a window, 16 kHz mono", "`genred bench kafka`, engine alone"
    )
    resample_ms_per_window: float = _figure(
        1.9, "more for 44.1 or 48 kHz stereo: mixing and resampling", "`genred bench kafka`, its two cases"
    )
    worker_ms_per_window: float = _figure(
        3.1,
        "what a Kafka worker adds to the engine: records, cutting, results",
        "`genred bench kafka`, worker - engine",
    )
    loop_ms_per_window: float = _figure(
        3.4,
        "processor time of the event loop, one thread of a process, within the above",
        "`genred bench kafka`, 19.7 %",
    )
    worker_mb: float = _figure(180.0, "memory of a worker without streams", "`genred bench file`, peak")
    held_audio_s: float = _figure(5.0, "source audio that is held of a stream", "`genred bench kafka`, both peaks")
    stream_state_kb: float = _figure(80.0, "everything else held of a stream", "`genred bench kafka`, both peaks")
    window_record_bytes: float = _figure(
        1310.0, "a window's record with its headers, alone in a batch", "`tests/test_scale_records.py`"
    )
    tags_record_bytes: float = _figure(686.0, "a tags record likewise", "`tests/test_scale_records.py`")
    window_record_zstd_bytes: float = _figure(
        333.0, "a window's record, zstd, batches of 4", "`tests/test_scale_records.py`"
    )
    tags_record_zstd_bytes: float = _figure(151.0, "a tags record likewise", "`tests/test_scale_records.py`")
    take_over_s: float = _figure(
        0.15, "take-over of a partition, from the assignment, besides its streams", "[chaos.md](chaos.md), median"
    )
    take_over_ms_per_stream: float = _figure(
        1.75,
        "take-over of each stream: its audio and scores are read",
        "`tests/test_kafka_lag.py`, 200 streams in 0.50 s",
    )
    assign_us_per_member_partition: float = _figure(
        1.4,
        "aiokafka's sticky assignor: µs of a core x members x partitions (1.1 to 1.7, 100 to 2000 members)",
        "`python -m daemon.bench.scale_assign`",
    )
    group_bytes_per_member: float = _figure(
        180.0, "a member in the group's record, without its partitions", "its fields' lengths"
    )
    group_bytes_per_partition: float = _figure(
        8.0, "a partition in it: subscription and assignment", "`python -m daemon.bench.scale_assign`"
    )


@dataclass(frozen=True, slots=True)
class Assumed:
    """Figures that were not measured: choices, defaults of genred and Kafka, experience. Units are in the names."""

    target_load: float = _figure(0.7, "of a worker's capacity, on the mean", "choice")
    hot_load: float = _figure(
        0.9, "of a worker's capacity, for the worker that the hash of the keys treats worst", "choice"
    )
    cores_per_worker: float = _figure(1.0, "only one was measured", "choice")
    partitions_per_worker: float = _figure(4.0, "a lost worker's partitions go to as many others", "choice, see below")
    cell_workers: float = _figure(100.0, "largest group", "the simulation below")
    replicas: float = _figure(3.0, "of each partition", "usual")
    audio_retention_h: float = _figure(2.0, "of the audio", "choice; `genred topics create` makes it 24")
    windows_retention_h: float = _figure(24.0, "of the windows", "choice; `genred topics create` makes it 168")
    commit_interval_s: float = _figure(1.0, "between commits", "default")
    session_timeout_s: float = _figure(
        30.0, "until a worker that is silent is dead; longest wait for the others in a rebalance", "default"
    )
    heartbeat_interval_s: float = _figure(5.0, "until a worker hears of a rebalance, at most", "a sixth of the session")
    hand_over_s: float = _figure(0.5, "finishing and committing when a rebalance begins", "a few batches")
    sync_s: float = _figure(0.2, "answers of the coordinator in a rebalance", "two round trips")
    reading_hz: float = _figure(
        10.0, "fetches a second of a worker from each broker, at most", "9 were counted: 30 streams, one broker"
    )
    worker_restart_s: float = _figure(
        15.0, "a container that crashed or was upgraded is back", "start 0.5 s, the rest Kubernetes"
    )
    node_replace_s: float = _figure(
        360.0, "workers of a node that is gone run elsewhere", "Kubernetes: 300 s toleration, and the start"
    )
    broker_failover_s: float = _figure(
        10.0, "until the partitions of a lost broker have new leaders", "broker.session.timeout.ms, 9 s"
    )
    worker_mtbf_d: float = _figure(30.0, "between crashes of a worker", "experience")
    node_mtbf_d: float = _figure(180.0, "between losses of a node", "experience")
    workers_per_node: float = _figure(16.0, "on one node", "choice")
    broker_mtbf_d: float = _figure(90.0, "between losses of a broker", "experience")
    upgrade_every_d: float = _figure(7.0, "every worker is restarted, 2 % of a group at a time", "choice")
    broker_write_mb_s: float = _figure(250.0, "to a broker's disks, replicas included", "half of an SSD")
    broker_out_mb_s: float = _figure(600.0, "from a broker, to replicas and readers", "half of 10 Gbit/s")
    broker_requests_hz: float = _figure(10_000.0, "requests a second a broker", "experience")
    broker_records_hz: float = _figure(200_000.0, "records a second a broker takes from producers", "experience")
    broker_disk_tb: float = _figure(8.0, "on a broker", "choice")
    broker_partitions: float = _figure(4_000.0, "replicas on a broker", "KIP-578")
    broker_connections: float = _figure(20_000.0, "to a broker; a stream's producer holds two", "experience")
    cluster_brokers: float = _figure(100.0, "in a cluster", "experience")
    cluster_partitions: float = _figure(200_000.0, "replicas in a cluster", "KIP-578")
    group_record_mb: float = _figure(
        1.0, "the group's record in `__consumer_offsets`", "default of max.message.bytes; KAFKA-3810"
    )
    hop_s: float = _figure(2.0, "between windows", "the shipped models")


@dataclass(frozen=True, slots=True)
class StreamFormat:
    """How a stream's audio arrives. `wire_bytes_per_s`: a record a chunk, headers included, alone in its batch."""

    name: str
    said: str
    pcm_bytes_per_s: float
    chunk_s: float
    wire_bytes_per_s: float
    decode_ms_per_window: float
    resampled: bool


FORMATS = (
    StreamFormat("pcm-16k-mono", "PCM 16 kHz mono, 0.5 s chunks", 32_000, 0.5, 32_414, 0.0, False),
    StreamFormat("pcm-44k-stereo", "PCM 44.1 kHz stereo, 0.5 s", 176_400, 0.5, 176_814, 0.0, True),
    StreamFormat("flac-44k-stereo", "FLAC 44.1 kHz stereo, 1 s", 176_400, 1.0, 76_365, 1.9, True),
    StreamFormat("mp3-128k", "MP3 128 kbit/s, 1 s", 176_400, 1.0, 17_331, 3.6, True),
    StreamFormat("opus-64k", "Opus 64 kbit/s in Ogg, 1 s", 192_000, 1.0, 10_756, 7.5, True),
)


def format_named(name: str) -> StreamFormat:
    """The format of that name; KeyError when there is none."""
    return {one.name: one for one in FORMATS}[name]


def explained(figures: Measured | Assumed) -> Iterator[tuple[str, float, str, str]]:
    """Every figure: its name, value, meaning and source."""
    for one in fields(figures):
        yield one.name, getattr(figures, one.name), one.metadata["meaning"], one.metadata["source"]
