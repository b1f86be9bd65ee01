"""The costs on paper: known cases by hand, and what must grow with what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.bench.scale_breaks import breaks
from daemon.bench.scale_costs import cpu_ms_per_window, replayed_audio_s, stream_cost, windows_per_s
from daemon.bench.scale_measured import FORMATS, Assumed, Measured, StreamFormat, format_named
from daemon.bench.scale_plan import TOPICS, Plan, expected_hottest, plan
from daemon.bench.scale_report import highest_load

ASSUMED = replace(Assumed(), target_load=0.5, hot_load=1.0, cell_workers=10.0, partitions_per_worker=4.0)
MEASURED = replace(Measured(), window_ms=18.0, worker_ms_per_window=2.0)  # 50 windows a second, 100 streams
AUDIO = StreamFormat("plain", "", 32_000, 0.5, 33_000, 0.0, False)
counts = st.integers(1, 20_000_000)
formats = st.sampled_from(FORMATS)


def test_a_stream_by_hand() -> None:
    cost = stream_cost(MEASURED, replace(ASSUMED, audio_retention_h=1.0, windows_retention_h=0.0), AUDIO)
    assert cost.cores == pytest.approx(0.01)  # 20 ms every 2 s
    assert cost.records_in_hz == 2
    assert cost.records_out_hz == 1
    assert cost.out_bytes_per_s == (MEASURED.window_record_bytes + MEASURED.tags_record_bytes) / 2
    assert cost.disk_bytes == pytest.approx(3 * 3600 * (33_000 + MEASURED.tags_record_bytes / 2))
    assert cost.replay_bytes == 7 * 33_000  # a window, a hop and a commit's second
    assert replayed_audio_s(ASSUMED) == 7.0


def test_decoding_and_resampling_are_paid_for() -> None:
    opus, pcm = format_named("opus-64k"), format_named("pcm-16k-mono")
    more_ms = opus.decode_ms_per_window + MEASURED.resample_ms_per_window
    assert cpu_ms_per_window(MEASURED, opus) - cpu_ms_per_window(MEASURED, pcm) == pytest.approx(more_ms)


def test_the_event_loop_is_a_ceiling() -> None:
    many = replace(ASSUMED, cores_per_worker=64.0)
    assert windows_per_s(MEASURED, ASSUMED, AUDIO) == 50
    assert windows_per_s(MEASURED, many, AUDIO) == pytest.approx(1000 / MEASURED.loop_ms_per_window)


def test_a_deployment_by_hand() -> None:
    found = plan(1000, AUDIO, MEASURED, ASSUMED, hashed=False)
    assert found.workers == 20  # 50 streams each
    assert (found.cells, found.cell_workers) == (2, 10)
    assert found.partitions == 80
    assert found.cores == pytest.approx(10)
    assert found.brokers == 3
    assert found.hot_load == pytest.approx(0.5)


def test_the_fullest_worker() -> None:
    assert expected_hottest(100, 1) == 100
    assert expected_hottest(100, 1000) == pytest.approx(100 + 37.2, abs=0.1)


def test_a_standstill_is_made_good_in_time() -> None:
    assert highest_load(30, 30) == 0.5
    assert highest_load(0, 60) == 1
    assert highest_load(30, 30, 2 / 3) == pytest.approx(1 / 3)


@given(counts, formats)
def test_a_deployment_holds_its_streams(streams: int, audio: StreamFormat) -> None:
    measured, assumed = Measured(), Assumed()
    found = plan(streams, audio, measured, assumed)
    capacity = windows_per_s(measured, assumed, audio) * assumed.hop_s
    assert found.workers * found.streams_per_worker == pytest.approx(streams)
    assert found.streams_per_worker <= assumed.target_load * capacity + 1e-9
    assert found.cells * found.cell_workers == found.workers
    assert found.cell_workers <= assumed.cell_workers
    assert found.partitions >= found.workers * assumed.partitions_per_worker
    assert found.brokers >= 3 * found.clusters
    assert TOPICS * found.partitions * assumed.replicas <= found.brokers * assumed.broker_partitions
    assert TOPICS * found.partitions * assumed.replicas <= found.clusters * assumed.cluster_partitions
    assert found.cells >= found.clusters
    if streams > 10_000:  # few workers are rounded up
        assert found.hot_load <= assumed.hot_load + 0.02


@given(counts, counts, formats)
def test_more_streams_need_no_less(one: int, other: int, audio: StreamFormat) -> None:
    fewer, more = sorted((one, other))

    def needs(found: Plan) -> tuple[float, ...]:
        return found.cores, found.workers, found.partitions, found.cells, found.brokers, found.disk_tb

    less_needed = needs(plan(fewer, audio, Measured(), Assumed()))
    # Workers are rounded up to whole cells, so that a few more or less are left over.
    room = 1 + 1 / Assumed().cell_workers
    assert all(
        a <= b * room + 100 for a, b in zip(less_needed, needs(plan(more, audio, Measured(), Assumed())), strict=True)
    )


@given(st.floats(1, 50), st.floats(1, 50), formats)
def test_a_faster_network_costs_less(one: float, other: float, audio: StreamFormat) -> None:
    fast, slow = (replace(Measured(), window_ms=window_ms) for window_ms in sorted((one, other)))
    assert stream_cost(fast, Assumed(), audio).cores <= stream_cost(slow, Assumed(), audio).cores
    assert windows_per_s(fast, Assumed(), audio) >= windows_per_s(slow, Assumed(), audio)


@given(st.floats(0.1, 1000), st.floats(0.1, 1000), formats)
def test_disk_grows_with_retention(one: float, other: float, audio: StreamFormat) -> None:
    short, long = (replace(Assumed(), audio_retention_h=hours) for hours in sorted((one, other)))
    assert stream_cost(Measured(), short, audio).disk_bytes <= stream_cost(Measured(), long, audio).disk_bytes


def test_compressed_results_are_smaller() -> None:
    plain, zstd = (stream_cost(Measured(), Assumed(), AUDIO, zstd) for zstd in (False, True))
    assert zstd.out_bytes_per_s < plain.out_bytes_per_s
    assert zstd.cores == plain.cores


def test_the_limits_come_in_order() -> None:
    found = [one.streams for one in breaks(Measured(), Assumed(), FORMATS[0])]
    assert found == sorted(found)
    assert found[0] == windows_per_s(Measured(), Assumed(), FORMATS[0]) * 2
