"""Audio to results through the real engine: chunking, restarts, many streams, gaps, and the books."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.messages import AudioChunk, StreamEnd, WindowTags
from models.front_ends.frames import whole_frames
from models.front_ends.spec import MUSICNN_FRONT_END
from tests.parts import ListSink, ListSource, Parts, make_parts, run_through
from tests.signals import tones
from tests.strategies import chunk_of, chunks_at
from tests.tiny_model import tiny_scores

RATE_HZ = 16000
FORMAT = AudioFormat(SampleFormat.S16LE, RATE_HZ, 1)


def tagged(model: Path, chunks: list[AudioChunk], **options: object) -> tuple[ListSink, Parts]:
    """The results of one run."""

    async def go() -> tuple[ListSink, Parts]:
        parts = make_parts(model, **options)  # type: ignore[arg-type]
        return await run_through(parts, [ListSource("list", chunks)]), parts

    return asyncio.run(go())


def scores_of(windows: list[WindowTags]) -> np.ndarray:
    """Scores as a matrix."""
    return np.array([list(window.scores.values()) for window in windows])


def assert_balanced(parts: Parts) -> None:
    """Every received second is explained, and nothing is left in flight."""
    assert parts.pipeline.in_flight_s == pytest.approx(0, abs=1e-6)
    assert parts.ledger.unaccounted_s(0.0) == pytest.approx(0, abs=1e-6)


def test_scores_equal_the_network_on_the_whole_recordings_spectrogram(tiny_model: Path) -> None:
    samples = tones(21, RATE_HZ)
    sink, parts = tagged(tiny_model, [chunk_of(samples.tobytes(), 0, len(samples), fmt=FORMAT)])
    log_mel = whole_frames(samples[:, 0].astype(np.float32) / np.float32(32768), MUSICNN_FRONT_END)
    expected = [tiny_scores(log_mel[125 * k : 125 * k + 250])[:3] for k in range(9)]
    assert [window.window for window in sink.windows] == list(range(9))
    np.testing.assert_allclose(scores_of(sink.windows), expected, atol=1e-5)
    assert parts.ledger.dropped_s == {"tail": pytest.approx(1.0)}
    assert_balanced(parts)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 12 * 44100), max_size=40))
def test_chunking_changes_nothing(tiny_model: Path, cuts: list[int]) -> None:
    """44.1 kHz stereo, resampled block by block, in any pieces."""
    fmt = AudioFormat(SampleFormat.S16LE, 44100, 2)
    audio = tones(12, 44100, channels=2).tobytes()
    whole, _ = tagged(tiny_model, [chunk_of(audio, 0, 12 * 44100, fmt=fmt)])
    pieces, parts = tagged(tiny_model, chunks_at(audio, cuts, fmt))
    assert [window.id for window in pieces.windows] == [window.id for window in whole.windows]
    np.testing.assert_array_equal(scores_of(pieces.windows), scores_of(whole.windows))
    assert [tags.tags for tags in pieces.tags] == [tags.tags for tags in whole.tags]
    assert_balanced(parts)


def test_one_frame_a_chunk(tiny_model: Path) -> None:
    fmt = AudioFormat(SampleFormat.S16LE, 8000, 1)
    audio = tones(4.5, 8000).tobytes()
    whole, _ = tagged(tiny_model, [chunk_of(audio, 0, 36000, fmt=fmt)])
    single, _ = tagged(tiny_model, chunks_at(audio, range(36000), fmt))
    np.testing.assert_array_equal(scores_of(single.windows), scores_of(whole.windows))


def test_many_streams_at_once_do_not_mix(tiny_model: Path) -> None:
    async def go() -> tuple[ListSink, Parts]:
        parts = make_parts(tiny_model, engine={"device": "cpu", "threads": 1, "max_batch": 8, "max_wait_ms": 5})
        sources = []
        for number in range(20):
            audio = tones(11, RATE_HZ, every_s=1.0 + number % 4).tobytes()
            pieces = chunks_at(audio, range(0, 11 * RATE_HZ, 8000 + number), FORMAT)
            sources.append(ListSource(f"s{number}", [replace(chunk, stream=f"s{number}") for chunk in pieces]))
        return await run_through(parts, sources), parts

    sink, parts = asyncio.run(go())
    for number in range(20):
        windows = [window for window in sink.windows if window.stream == f"s{number}"]
        assert [window.window for window in windows] == [0, 1, 2, 3]
        alike = [window for window in sink.windows if window.stream == f"s{number % 4}"]
        np.testing.assert_allclose(scores_of(windows), scores_of(alike), atol=1e-6)
    assert sum(tags.final for tags in sink.tags) == 20
    assert_balanced(parts)


def test_silence_is_said_and_not_guessed_at(tiny_model: Path) -> None:
    samples = tones(12, RATE_HZ)
    samples[6 * RATE_HZ :] = 0
    sink, parts = tagged(tiny_model, [chunk_of(samples.tobytes(), 0, len(samples), fmt=FORMAT)])
    assert [window.silent for window in sink.windows] == [False, False, False, True, True]
    assert sink.windows[3].scores == {}
    assert [tags.top for tags in sink.tags][-2:] == ["silence", "silence"]
    assert parts.ledger.silent_s == pytest.approx(4.0)
    assert_balanced(parts)


@pytest.mark.parametrize(("level_dbfs", "silent"), [(-59, False), (-61, True)])
def test_the_silence_gate_is_at_its_setting(tiny_model: Path, level_dbfs: float, silent: bool) -> None:
    noise = np.random.default_rng(0).standard_normal(4 * RATE_HZ).astype("<f4")
    noise *= np.float32(10 ** (level_dbfs / 20) / np.sqrt(np.mean(noise**2)))
    fmt = AudioFormat(SampleFormat.F32LE, RATE_HZ, 1)
    sink, _ = tagged(tiny_model, [chunk_of(noise.tobytes(), 0, len(noise), fmt=fmt)])
    assert [window.silent for window in sink.windows] == [silent]


def test_a_gap_is_published_and_counted(tiny_model: Path) -> None:
    audio = tones(30, RATE_HZ).tobytes()
    chunks = [chunk_of(audio, 0, 11 * RATE_HZ, fmt=FORMAT), chunk_of(audio, 14 * RATE_HZ, 30 * RATE_HZ, fmt=FORMAT)]
    sink, parts = tagged(tiny_model, chunks)
    assert [window.window for window in sink.windows] == [0, 1, 2, 3, 7, 8, 9, 10, 11, 12, 13]
    assert [window.gap_s for window in sink.windows][4] == pytest.approx(3.0)
    assert parts.ledger.gap_s == pytest.approx(1.0)
    assert parts.ledger.missing_s == pytest.approx(3.0)
    assert_balanced(parts)


def test_a_new_epoch_ends_the_old_run(tiny_model: Path) -> None:
    audio = tones(9, RATE_HZ).tobytes()
    first = chunks_at(audio, [50_000], FORMAT)
    second = [replace(chunk, epoch="later") for chunk in first]
    sink, parts = tagged(tiny_model, [*first, *second])
    assert [(window.epoch == "later", window.window) for window in sink.windows] == [
        (epoch, k) for epoch in (False, True) for k in range(3)
    ]
    assert [tags.final for tags in sink.tags] == [False] * 3 + [True] + [False] * 3 + [True]
    assert_balanced(parts)


def test_an_end_of_stream_closes_it(tiny_model: Path) -> None:
    audio = tones(5, RATE_HZ).tobytes()
    chunks = chunks_at(audio, [], FORMAT)

    async def go() -> ListSink:
        parts = make_parts(tiny_model)
        return await run_through(parts, [ListSource("list", [*chunks, StreamEnd("s", chunks[0].epoch)])])

    assert [tags.final for tags in asyncio.run(go()).tags] == [False, True]


def test_a_chunk_of_another_format_is_dropped_and_counted(tiny_model: Path) -> None:
    audio = tones(9, RATE_HZ).tobytes()
    first, second = chunks_at(audio, [4 * RATE_HZ], FORMAT)
    stereo = replace(second, format=AudioFormat(SampleFormat.S16LE, RATE_HZ, 2))
    sink, parts = tagged(tiny_model, [first, stereo, second])
    assert [window.window for window in sink.windows] == [0, 1, 2]
    assert parts.ledger.dropped_s["format_changed"] == pytest.approx(2.5)
    assert_balanced(parts)


def test_unusable_samples_are_counted(tiny_model: Path) -> None:
    samples = tones(4, RATE_HZ)[:, 0].astype("<f4") / 32768
    samples[100:110] = np.nan
    fmt = AudioFormat(SampleFormat.F32LE, RATE_HZ, 1)
    sink, parts = tagged(tiny_model, [chunk_of(samples.tobytes(), 0, len(samples), fmt=fmt)])
    assert np.isfinite(scores_of(sink.windows)).all()
    assert parts.metrics.registry.get_sample_value("genred_unusable_samples_total") == 10


def test_whole_tracks_get_one_set_of_tags(tiny_model: Path) -> None:
    audio = tones(13, RATE_HZ).tobytes()
    sink, _ = tagged(tiny_model, chunks_at(audio, [], FORMAT), whole_tracks=True)
    assert len(sink.windows) == 5
    (final,) = sink.tags
    mean = scores_of(sink.windows).mean(axis=0)
    assert final.tags[0].score == pytest.approx(mean.max(), abs=1e-6)
    assert (final.final, final.from_s, final.to_s) == (True, 0.0, 12.0)


def test_a_full_queue_makes_the_source_wait(tiny_model: Path) -> None:
    """Nothing is dropped and the queue stays within its bound, however slow the sink."""
    deepest = 0

    class SlowSink(ListSink):
        async def write(self, results: object) -> None:
            nonlocal deepest
            deepest = max(deepest, parts.engine.in_flight)
            await asyncio.sleep(0)
            await super().write(results)  # type: ignore[arg-type]

    audio = tones(120, RATE_HZ).tobytes()
    parts: Parts

    async def go() -> None:
        nonlocal parts
        parts = make_parts(tiny_model, engine={"device": "cpu", "threads": 1, "queue_windows": 4})
        parts.pipeline._sinks = [sink]
        await run_through(parts, [ListSource("list", chunks_at(audio, range(0, 120 * RATE_HZ, 1600), FORMAT))])

    sink = SlowSink()
    asyncio.run(go())
    assert len(sink.windows) == 59
    assert deepest <= 4
    assert_balanced(parts)
