"""A small network on what a frozen body says: the body never moves, and hears every window once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch

from export.convert.parity import deviation, onnx_scoring, random_windows, torch_scoring
from export.convert.runtime import cpu_session
from export.convert.serving import INPUT, OUTPUT, Served, plain_graph
from export.data.augment import AugmentSettings
from export.data.cache import FeatureCache
from export.data.music_set import MusicSet
from export.errors import InputUnusable, SettingsUnusable
from export.evaluate.metrics import figures
from export.evaluate.scoring import open_scorer, score_clips
from export.train.embedding_stage import EmbeddingCache, check_unaugmented
from export.train.initial import initial_network
from export.train.parallel import Team
from export.train.run_folder import RunFolder
from export.train.settings import TrainSettings
from export.train.trained import checkpoint_of, load_network
from export.train.training import train
from models.front_ends.spec import MUSICNN_FRONT_END
from models.networks.embedding_mlp import EmbeddingMlp
from models.networks.registry import make_network
from models.networks.wav2vec2 import config_text
from tests.training_sets import LABELS, make_set
from tests.wav2vec2_checkpoint import TINY, tiny_settings

pytest_plugins = ["tests.wav2vec2_fixtures"]

torch.set_num_threads(1)

HEARD: Final[dict[str, tuple[int, ...]]] = {"musicnn-mlp": (250, 96), "wav2vec2-mlp": (16_000,)}
NAMES: Final = sorted(HEARD)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """One label a clip."""
    return make_set(tmp_path_factory.mktemp("music"))


@pytest.fixture(scope="module")
def runs(music: MusicSet, published: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each network, which tells the tones apart."""
    folder = tmp_path_factory.mktemp("runs")
    for name in NAMES:
        outcome = train(music, chosen(name, published, epochs=40), folder / name, workers=1)
        assert outcome.figures["accuracy"] > 0.6, name
    return {name: folder / name for name in NAMES}


def chosen(name: str, published: Path, **changes: Any) -> TrainSettings:
    """Settings of a short run."""
    if name == "wav2vec2-mlp":
        return tiny_settings(published, name, **changes)
    optimiser = {"kind": "adam", "learning_rate": 0.01}
    table = {"network": name, "device": "cpu", "batch_size": 8, "optimiser": optimiser}
    return TrainSettings.model_validate({**table, **changes})


def tiny(name: str) -> EmbeddingMlp:
    """Freshly drawn, the same every time."""
    torch.manual_seed(3)
    options = {"config": config_text(TINY)} if name == "wav2vec2-mlp" else {}
    network = make_network(name, 3, options, HEARD[name])
    assert isinstance(network, EmbeddingMlp)
    return network


@pytest.mark.parametrize(("name", "learning"), [("musicnn-mlp", 51_456), ("wav2vec2-mlp", 196_864)])
@pytest.mark.parametrize("n_labels", [2, 10])
def test_what_learns_is_counted(name: str, learning: int, n_labels: int) -> None:
    with torch.device("meta"):
        network = make_network(name, n_labels, {}, HEARD[name])
    counts = [p.numel() for p in network.parameters() if p.requires_grad]
    assert sum(counts) == learning + 257 * n_labels
    assert all(not p.requires_grad for n, p in network.named_parameters() if n.startswith("body."))


@pytest.mark.parametrize("name", NAMES)
def test_the_body_stays_as_it_is_in_training(name: str) -> None:
    """Also its normalisations' figures, and its dropout."""
    network, windows = tiny(name).train(), torch.randn(4, *HEARD[name])
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        torch.autograd.backward(network.logits(windows).square().sum())
        optimiser.step()
    assert torch.equal(network.body(windows), network.body(windows))
    for key, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[key]) == key.startswith("body."), key


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_fit_together(name: str) -> None:
    network, windows = tiny(name).eval(), torch.randn(2, *HEARD[name])
    said = network.body(windows)
    assert said.shape == (2, network.n_embedding)
    logits = network.logits(windows)
    torch.testing.assert_close(logits, network.logits_of(said))
    torch.testing.assert_close(logits, network.output(network.embedding(windows)))


def test_musicnns_body_is_the_shipped_one(runs: dict[str, Path]) -> None:
    """After 40 epochs of training around it."""
    shipped = initial_network("musicnn-msd")[1].state_dict()
    found = load_network(checkpoint_of(runs["musicnn-mlp"]))[1].state_dict()
    body = {key.removeprefix("body.musicnn."): tensor for key, tensor in found.items() if key.startswith("body.")}
    assert set(shipped) - set(body) == {"output.weight", "output.bias"}
    for key, tensor in body.items():
        assert torch.equal(tensor, shipped[key]), key


@pytest.mark.parametrize("name", NAMES)
def test_the_whole_network_has_the_figures_of_its_training(name: str, runs: dict[str, Path], music: MusicSet) -> None:
    """Training judged what was kept of the body; the evaluation hears with body and all."""
    lines = [json.loads(line) for line in RunFolder(runs[name]).metrics.read_text().splitlines()]
    best = [line for line in lines if line["best"]][-1]
    scorer = open_scorer(runs[name])
    found = list(score_clips(scorer, music.of("validation"), FeatureCache(music.folder / "cache", scorer.recipe)))
    scores = np.concatenate([clip.heard for clip in found])
    truth = np.concatenate([np.tile([label in c.clip.labels for label in LABELS], (len(c.heard), 1)) for c in found])
    assert figures(truth, scores, multi_label=False) == pytest.approx(best["figures"], abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_body_and_mlp_are_one_graph(name: str, runs: dict[str, Path]) -> None:
    spec, network = load_network(checkpoint_of(runs[name]))
    served = Served(network, spec.activation).eval()
    windows = random_windows(4, HEARD[name], spec.recipe.front_end)
    found = onnx_scoring(cpu_session(plain_graph(served, HEARD[name])), INPUT, OUTPUT)
    assert deviation(windows, torch_scoring(served), found) < 1e-4


def team() -> Team:
    """This process alone."""
    return Team(0, 1, torch.device("cpu"))


def embeddings_of(network: EmbeddingMlp, music: MusicSet, cache: Path, settings: TrainSettings) -> EmbeddingCache:
    """What the body says, kept in a cache of its own."""
    found = EmbeddingCache(FeatureCache(cache, settings.recipe), network, team())
    found.prepare(music.clips)
    return found


def test_every_window_is_heard_once(music: MusicSet, published: Path, tmp_path: Path) -> None:
    network, settings = tiny("wav2vec2-mlp"), chosen("wav2vec2-mlp", published)
    heard: list[int] = []
    network.body.register_forward_hook(lambda _body, given, _said: heard.append(len(given[0])))
    cache = tmp_path / "cache"
    kept = embeddings_of(network, music, cache, settings)
    windows = sum(kept.blocks(clip).n_windows(settings.recipe) for clip in music.clips)
    assert sum(heard) == windows > 0
    embeddings_of(network, music, cache, settings)
    assert sum(heard) == windows
    with torch.no_grad():
        next(network.body.parameters()).add_(1)
    embeddings_of(network, music, cache, settings)
    assert sum(heard) == 2 * windows  # other weights have entries of their own


def test_what_is_kept_is_what_the_body_says_and_silence_is_nothing(
    music: MusicSet, published: Path, tmp_path: Path
) -> None:
    network, settings = tiny("wav2vec2-mlp"), chosen("wav2vec2-mlp", published)
    features = FeatureCache(tmp_path / "cache", settings.recipe)
    kept = EmbeddingCache(features, network, team())
    clip = music.clips[0]
    found = kept.blocks(clip)
    windows = features.blocks(clip).windows(settings.recipe)
    waveform = torch.from_numpy(windows).flatten(1)
    waveform = (waveform - waveform.mean(1, keepdim=True)) / waveform.std(1, correction=0, keepdim=True)
    with torch.no_grad():
        said = network.body(waveform).numpy()
    np.testing.assert_allclose(found.windows(settings.recipe, np.arange(len(said))), said, atol=1e-3)
    assert found.embeddings.dtype == np.float32 and not found.silent(settings.recipe).any()
    assert np.array_equal(kept.power(clip), features.power(clip)) and kept.window_bytes == said[0].nbytes


def test_a_torn_file_is_made_anew(music: MusicSet, published: Path, tmp_path: Path) -> None:
    network, settings = tiny("wav2vec2-mlp"), chosen("wav2vec2-mlp", published)
    kept = embeddings_of(network, music, tmp_path / "cache", settings)
    before = kept.blocks(music.clips[0]).embeddings
    for path in kept.entries.rglob("*.npz"):
        path.write_bytes(path.read_bytes()[:-9])
    np.testing.assert_array_equal(kept.blocks(music.clips[0]).embeddings, before)


@pytest.mark.parametrize("augment", [{"noise": 0.5}, {"mixup": 0.2, "gain": 0.1}])
def test_augmentation_is_refused(music: MusicSet, published: Path, tmp_path: Path, augment: dict[str, float]) -> None:
    settings = chosen("wav2vec2-mlp", published, augment=augment)
    with pytest.raises(
        SettingsUnusable, match=r"augment\.\w+: the body of wav2vec2-mlp is frozen and hears each window"
    ):
        train(music, settings, tmp_path / "run", workers=1)
    assert not (tmp_path / "run").exists()


def test_how_an_augmentation_would_be_that_never_is_does_not_matter() -> None:
    check_unaugmented(AugmentSettings(noise_snr_db_low=5.0, mask_times=7), "wav2vec2-mlp")


def test_bodies_that_do_not_fit_are_said(music: MusicSet, runs: dict[str, Path], tmp_path: Path) -> None:
    def refused(checkpoint: str, **changes: Any) -> str:
        settings = chosen("musicnn-mlp", tmp_path, network_options={"checkpoint": checkpoint}, **changes)
        with pytest.raises(InputUnusable) as caught:
            train(music, settings, tmp_path / "run", workers=1)
        return str(caught.value)

    assert "none of the shipped networks: genred-small, musicnn-msd" in refused("musicnn-none")
    assert "is a musicnn-mlp, not a musicnn" in refused(str(runs["musicnn-mlp"]))
    assert "hears with another front end" in refused("musicnn-mtt", front_end=replace(MUSICNN_FRONT_END, scaling="db"))


@pytest.mark.parametrize("options", [{"hidden": 0}, {"hidden": 2.5}, {"dropout": 1.0}])
def test_values_no_network_can_have_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"hidden must be a whole number|dropout must be from 0"):
        make_network("musicnn-mlp", 3, options, (250, 96))
