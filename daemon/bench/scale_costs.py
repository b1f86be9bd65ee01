"""What one stream costs: processor, memory, network, broker disk, records and requests. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.bench.scale_measured import Assumed, Measured, StreamFormat

RESULTS_PER_WINDOW = 2  # its scores, and the tags that follow


@dataclass(frozen=True, slots=True)
class StreamCost:
    """What one stream takes, all the time. `disk_bytes` counts every replica, and the whole retention."""

    cores: float
    loop_cores: float
    memory_mb: float
    in_bytes_per_s: float
    out_bytes_per_s: float
    records_in_hz: float
    records_out_hz: float
    disk_bytes: float
    replay_bytes: float
    replay_s: float


def cpu_ms_per_window(measured: Measured, audio: StreamFormat) -> float:
    """Processor time of a window in a worker, milliseconds: network, features, decoding, records."""
    resampling = measured.resample_ms_per_window if audio.resampled else 0.0
    return measured.window_ms + measured.worker_ms_per_window + resampling + audio.decode_ms_per_window


def windows_per_s(measured: Measured, assumed: Assumed, audio: StreamFormat) -> float:
    """Windows a second of one worker: its cores' limit, or its event loop's, whichever is lower."""
    by_cores = assumed.cores_per_worker * 1000 / cpu_ms_per_window(measured, audio)
    return min(by_cores, 1000 / measured.loop_ms_per_window)


def result_bytes_per_window(measured: Measured, zstd: bool) -> float:
    """Bytes of a window's two records on the wire and in the log."""
    if zstd:
        return measured.window_record_zstd_bytes + measured.tags_record_zstd_bytes
    return measured.window_record_bytes + measured.tags_record_bytes


def replayed_audio_s(assumed: Assumed) -> float:
    """Audio of a stream that a take-over reads: the newest committed window, and what came until the commit.

    A take-over reads from the beginning of that window (4 s), which ended up to a hop ago (2 s), as of the last commit.
    """
    return 3 * assumed.hop_s + assumed.commit_interval_s


def stream_cost(measured: Measured, assumed: Assumed, audio: StreamFormat, zstd: bool = False) -> StreamCost:
    """The cost of one stream. `zstd`: results are compressed."""
    window_hz = 1 / assumed.hop_s
    out_bytes_per_s = result_bytes_per_window(measured, zstd) * window_hz
    window_share = measured.window_record_bytes / (measured.window_record_bytes + measured.tags_record_bytes)
    kept_bytes = 3600 * (
        audio.wire_bytes_per_s * assumed.audio_retention_h
        + window_share * out_bytes_per_s * assumed.windows_retention_h
        + (1 - window_share) * out_bytes_per_s  # compacted within an hour
    )
    return StreamCost(
        cores=cpu_ms_per_window(measured, audio) / 1000 * window_hz,
        loop_cores=measured.loop_ms_per_window / 1000 * window_hz,
        memory_mb=measured.held_audio_s * audio.pcm_bytes_per_s / 1e6 + measured.stream_state_kb / 1000,
        in_bytes_per_s=audio.wire_bytes_per_s,
        out_bytes_per_s=out_bytes_per_s,
        records_in_hz=1 / audio.chunk_s,
        records_out_hz=RESULTS_PER_WINDOW * window_hz,
        disk_bytes=kept_bytes * assumed.replicas,
        replay_bytes=replayed_audio_s(assumed) * audio.wire_bytes_per_s,
        replay_s=measured.take_over_ms_per_stream / 1000,
    )
