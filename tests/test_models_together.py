"""Several models over the same audio: each says what it says alone, or all say one thing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.crew import load_models
from daemon.errors import SettingsError
from daemon.messages import AudioChunk, json_line
from daemon.settings import Settings
from tests.parts import ListSource, Parts, make_parts, run_through
from tests.signals import tones
from tests.strategies import chunk_of
from tests.test_schemas import validator_of
from tests.tiny_model import write_tiny_model

FORMAT = AudioFormat(SampleFormat.S16LE, 16_000, 1)
CLOSE = 1e-6


def broadcast() -> list[AudioChunk]:
    """Music, a gap, more of it, silence."""
    samples = tones(40, 16_000)
    samples[30 * 16_000 :] = 0
    audio = samples.tobytes()
    return [chunk_of(audio, a * 16_000, b * 16_000, fmt=FORMAT) for a, b in ((0, 11), (13, 40))]


def heard_by(models: Path | Sequence[Path], whole_tracks: bool = False, **settings: object) -> Parts:
    """A run of the broadcast through these models."""

    async def go() -> Parts:
        parts = make_parts(models, whole_tracks, **settings)
        await run_through(parts, [ListSource("list", broadcast())])
        return parts

    return asyncio.run(go())


@pytest.mark.parametrize("whole_tracks", [False, True])
@pytest.mark.parametrize("all_labels", [False, True])
def test_each_says_what_it_says_alone(
    tiny_model: Path, other_model: Path, whole_tracks: bool, all_labels: bool
) -> None:
    tags = {"all_labels": all_labels}
    both = heard_by([tiny_model, other_model], whole_tracks, tags=tags)
    alone = [heard_by(model, whole_tracks, tags=tags) for model in (tiny_model, other_model)]
    for number, single in enumerate(alone):
        windows = [result.apart()[number] for result in both.sink.windows]
        assert [json_line(window) for window in windows] == [json_line(window) for window in single.sink.windows]
        said = [result.apart()[number] for result in both.sink.tags]
        assert [json_line(tags) for tags in said] == [json_line(tags) for tags in single.sink.tags]
    assert all(len(result.others) == 1 for result in both.sink.results)
    assert {result.silent for result in both.sink.windows} == {True, False}
    for result in both.sink.results:
        validator_of(result.as_json()["type"]).validate(json.loads(json_line(result)))


def test_merged_they_say_one_thing(tiny_model: Path, other_model: Path) -> None:
    both = heard_by([tiny_model, other_model], model_results="merged", tags={"all_labels": True})
    tiny, other = (heard_by(model, tags={"all_labels": True}).sink for model in (tiny_model, other_model))
    for window, one, two in zip(both.sink.windows, tiny.windows, other.windows, strict=True):
        assert (window.model.name, window.others, window.silent) == ("tiny+other", (), one.silent)
        expected = {**one.scores, **two.scores}
        expected |= {label: (one.scores[label] + two.scores[label]) / 2 for label in one.scores if label in two.scores}
        assert window.scores == pytest.approx(expected, abs=CLOSE)
    assert {tags.model.name for tags in both.sink.tags} == {"tiny+other"}
    assert not any(tags.others for tags in both.sink.tags)


def test_a_window_is_counted_once_by_the_first_models_genre(tiny_model: Path, other_model: Path) -> None:
    counted = []
    for models in ([tiny_model, other_model], [tiny_model]):
        parts = heard_by(models)
        metrics = parts.metrics.registry
        counted.append(
            {
                label: metrics.get_sample_value("genred_genre_windows_total", {"genre": label})
                for label in ("low", "middle", "high", "odd")
            }
        )
        assert metrics.get_sample_value("genred_windows_total", {"outcome": "tagged"}) == sum(
            value or 0.0 for value in counted[-1].values()
        )
    assert counted[0] == counted[1]


def test_models_of_one_name_cannot_be_told_apart(tiny_model: Path, tmp_path: Path) -> None:
    later = write_tiny_model(tmp_path / "later.onnx", version="2")
    names = (str(tiny_model), str(later))
    with pytest.raises(SettingsError, match="tiny, tiny"):
        load_models(Settings(models=names))
    assert len(load_models(Settings(models=names, model_results="merged"))) == 2
