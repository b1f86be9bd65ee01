"""Which labels are published, and several models as one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from daemon.inference import OnnxModel
from daemon.vocabulary import as_one, each_for_itself
from models.card import Label
from tests.tiny_model import LABELS, write_tiny_model


@pytest.fixture(scope="module")
def other(other_model: Path) -> OnnxModel:
    """A model that shares two labels with the tiny one; one of them it takes for a mood."""
    return OnnxModel(other_model)


def test_genres_are_published_by_default_and_every_label_on_request(tiny_model: Path) -> None:
    model = OnnxModel(tiny_model)
    few, all_ = each_for_itself([model], False).main, each_for_itself([model], True).main
    assert (few.labels, few.picks) == (("low", "middle", "high"), (0, 1, 2))
    assert (all_.labels, all_.picks) == (("low", "middle", "high", "bright"), (0, 1, 2, 3))
    assert few.genres == all_.genres == ("low", "middle", "high")


def test_a_model_without_genres_publishes_all_its_labels(tmp_path: Path) -> None:
    moods = tuple(Label(label.name, "mood") for label in LABELS)
    model = OnnxModel(write_tiny_model(tmp_path / "moods.onnx", labels=moods))
    voice = each_for_itself([model], False).main
    assert voice.labels == voice.genres == ("low", "middle", "high", "bright")


def test_each_for_itself_has_a_voice_a_model(tiny_model: Path, other: OnnxModel) -> None:
    roster = each_for_itself([OnnxModel(tiny_model), other], False)
    assert [(voice.model.name, voice.picks) for voice in roster.voices] == [("tiny", (0, 1, 2)), ("other", (5, 6))]
    assert roster.n_scores == 8


def test_as_one_is_the_mean_of_the_models_that_know_a_label(tiny_model: Path, other: OnnxModel) -> None:
    tiny = OnnxModel(tiny_model)
    roster, merge = as_one([tiny, other], True)
    voice = roster.main
    assert (voice.model.name, voice.model.version) == ("tiny+other", "1+1")
    assert voice.model.sha256 not in (tiny.id.sha256, other.id.sha256)
    assert voice.labels == ("low", "middle", "high", "bright", "odd", "dull")
    assert voice.genres == ("low", "middle", "high", "odd")  # high is what the first model says it is
    merged = merge(np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], np.float32))
    np.testing.assert_allclose(merged, [0.4, 0.2, 0.4, 0.4, 0.6, 0.8], atol=1e-6)
