"""Scores of ONNX files and of checkpoints: what the network says, of the windows that the daemon hears."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from export.data.cache import FeatureCache
from export.data.clip import Clip
from export.data.recipe import Recipe
from export.errors import InputUnusable
from export.evaluate.onnx_scorer import OnnxScorer
from export.evaluate.scoring import RUN_WINDOWS, ClipScores, model_path, open_scorer, score_clips
from export.evaluate.streaming import CLIPS_AT_ONCE, check_streamed, stream_clips
from export.evaluate.torch_scorer import TorchScorer
from export.train.trained import NetworkSpec, save_network
from models.card import Activation, Label
from models.front_ends.network_input import network_input
from models.front_ends.spec import FrontEnd
from tests.evaluated_music import write_tones
from tests.process import genred
from tests.signals import write_wav
from tests.tiny_model import LABELS, tiny_graph, tiny_scores, write_tiny_model

TINY_FRONT_END = FrontEnd(16_000, 512, 500, 16, 0.0, 8000.0, "db", "window")


def write_checkpoint(path: Path, activation: Activation, labels: tuple[str, ...] = ("low", "middle", "high")) -> Path:
    """A small network that was never trained, but whose scores differ from window to window."""
    torch.manual_seed(1)
    spec = NetworkSpec(
        "spectrogram-cnn",
        tuple(Label(name, "genre") for name in labels),
        Recipe(TINY_FRONT_END),
        activation,
        {"widths": "4,4,4", "hidden": 8},
    )
    weights = spec.build().state_dict()
    for name, values in weights.items():
        if name.endswith("running_mean"):
            values.normal_(0, 0.3)
        elif name.endswith("running_var"):
            values.uniform_(0.05, 0.2)
    save_network(path, spec, weights)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the tiny model, a clip of tones, and one whose first half is silent."""
    folder = tmp_path_factory.mktemp("scoring")
    write_tiny_model(folder / "tiny.onnx")
    write_tones(folder / "tones.wav", ("low", "high"), 1, parts=3)
    loud = np.fromfile(folder / "tones.wav", "<i2")[22:, np.newaxis]
    write_wav(folder / "half.wav", np.concatenate([np.zeros_like(loud[:96_000]), loud]), 16_000)
    return folder


def scored(folder: Path, model: str, *names: str) -> list[ClipScores]:
    scorer = open_scorer(folder / model)
    cache = FeatureCache(folder / "cache", scorer.recipe)
    return list(score_clips(scorer, [Clip(folder / name) for name in names], cache))


def test_scores_of_a_file_are_its_networks(folder: Path) -> None:
    (found,) = scored(folder, "tiny.onnx", "tones.wav")
    scorer = OnnxScorer(folder / "tiny.onnx")
    assert (scorer.name, scorer.activation, scorer.labels) == ("tiny 1", "sigmoid", LABELS)
    windows = FeatureCache(folder / "cache", scorer.recipe).blocks(found.clip).windows(scorer.recipe)
    assert len(found.windows) == 5 and not found.silent.any()
    for window, scores in zip(windows, found.windows, strict=True):
        assert scores == pytest.approx(tiny_scores(window), abs=1e-5)
    assert found.track == pytest.approx(found.windows.mean(axis=0), abs=1e-6)


def test_silent_windows_are_not_scored_and_do_not_count(folder: Path) -> None:
    (found,) = scored(folder, "tiny.onnx", "half.wav")
    assert found.silent.tolist() == [True, True] + [False] * (len(found.silent) - 2)
    assert not found.windows[:2].any() and (found.windows[2:] > 0).all()
    assert found.track == pytest.approx(found.windows[2:].mean(axis=0), abs=1e-6)
    silent = ClipScores(found.clip, found.windows, np.ones(len(found.silent), bool))
    assert silent.track is None


def test_a_track_is_what_genred_tag_says_of_the_file(folder: Path) -> None:
    (found,) = scored(folder, "tiny.onnx", "half.wav")
    model = str(folder / "tiny.onnx")
    done = genred(
        "tag", str(folder / "half.wav"), "-o", "jsonl", "--all-tags", "--model", model, GENRED_TAGS__MIN_SCORE="0"
    )
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["final"]
    said = {tag["tag"]: tag["score"] for tag in last["tags"]}
    assert found.track is not None
    assert said == {
        label.name: pytest.approx(score, abs=1e-4) for label, score in zip(LABELS, found.track, strict=True)
    }


def test_the_daemon_streams_the_same_scores(folder: Path) -> None:
    """More clips than one run of the daemon takes; two of them, and in between."""
    names = (["tones.wav", "half.wav"] * CLIPS_AT_ONCE)[: CLIPS_AT_ONCE + 1]
    offline = scored(folder, "tiny.onnx", *names)
    clips = [each.clip for each in offline]
    streamed = list(stream_clips(folder / "tiny.onnx", [label.name for label in LABELS], clips))
    check = check_streamed(streamed, offline)
    assert check.holds and check.largest_difference < 1e-4 and check.windows == sum(len(each.heard) for each in offline)
    for one, other in zip(streamed, offline, strict=True):
        assert one.silent.tolist() == other.silent.tolist()
        assert one.track == pytest.approx(other.track, abs=1e-4)


def test_streamed_scores_that_differ_are_found(folder: Path) -> None:
    offline = scored(folder, "tiny.onnx", "tones.wav")
    off = [ClipScores(each.clip, each.windows + np.float32(0.002), each.silent) for each in offline]
    fewer = [ClipScores(each.clip, each.windows[1:], each.silent[1:]) for each in offline]
    assert not check_streamed(off, offline).holds
    assert check_streamed(off, offline).largest_difference == pytest.approx(0.002, rel=1e-3)
    assert check_streamed(fewer, offline).apart == (offline[0].clip.path,)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
def test_a_checkpoint_and_its_run_folder(tmp_path: Path, activation: Activation) -> None:
    path = write_checkpoint(tmp_path / "run" / "checkpoints" / "best.safetensors", activation)
    scorer = open_scorer(tmp_path / "run")
    assert isinstance(scorer, TorchScorer) and scorer.path == path and scorer.name == "run (spectrogram-cnn)"
    windows = np.random.default_rng(0).normal(size=(5, *scorer.recipe.window_shape)).astype(np.float32)
    with torch.inference_mode():
        logits = scorer._network.logits(torch.from_numpy(windows))
        wanted = logits.softmax(dim=1) if activation == "softmax" else logits.sigmoid()
    assert scorer.scores(windows) == pytest.approx(wanted.numpy(), abs=1e-6)
    assert scorer.logits(windows) == pytest.approx(logits.numpy())
    assert open_scorer(path).scores(windows) == pytest.approx(wanted.numpy(), abs=1e-6)


def test_a_long_clip_is_scored_window_by_window_as_a_short_one(folder: Path, tmp_path: Path) -> None:
    """More windows than go through the network at once, silent ones among them."""
    once = np.fromfile(folder / "half.wav", "<i2")[22:, np.newaxis]
    path = write_wav(tmp_path / "long.wav", np.tile(once, (20, 1)), 16_000)
    scorer = open_scorer(write_checkpoint(tmp_path / "a.safetensors", "sigmoid"))
    cache = FeatureCache(tmp_path / "cache", scorer.recipe)
    (found,) = score_clips(scorer, [Clip(path)], cache)
    windows = network_input(cache.blocks(found.clip).windows(scorer.recipe), scorer.recipe.front_end)
    assert len(windows) == len(found.windows) and len(found.heard) > 2 * RUN_WINDOWS and found.silent.sum() > 16
    for place, window in enumerate(windows):
        wanted = 0 if found.silent[place] else scorer.scores(window[np.newaxis])[0]
        assert found.windows[place] == pytest.approx(wanted, abs=1e-5)


def test_a_name_means_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    Path("musicnn-msd").mkdir()
    assert model_path("runs") == Path("runs")
    assert model_path("musicnn-msd").suffix == ".onnx"  # the shipped model, whatever lies here
    assert model_path("./musicnn-msd") == Path("musicnn-msd")
    assert model_path("a/b.safetensors") == Path("a/b.safetensors")
    with pytest.raises(InputUnusable, match=r"'nothing' is not a model shipped .* or a run folder"):
        model_path("nothing")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.onnx", None, "no such file"),
        ("text.onnx", b"hello", "not a usable ONNX file"),
        ("bare.onnx", tiny_graph().SerializeToString(), "has no genred card"),
        ("none.safetensors", None, "no such file"),
        ("text.safetensors", b"hello", "not a network that genred trained"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputUnusable, match=said):
        open_scorer(tmp_path / name)


def test_a_model_that_does_not_take_its_own_windows_is_refused(tmp_path: Path) -> None:
    scorer = OnnxScorer(write_tiny_model(tmp_path / "tiny.onnx"))
    with pytest.raises(InputUnusable, match=r"tiny.onnx: cannot score windows of \(250, 95\)"):
        scorer.scores(np.zeros((1, 250, 95), np.float32))
