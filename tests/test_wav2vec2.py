"""Wav2Vec2: transformers' own network with published weights, which a run takes over once and then no longer needs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import safetensors.torch
import torch

from export.convert.conversion import Wishes, convert
from export.convert.made_card import Naming
from export.convert.plain_weights import with_plain_weights
from export.convert.runtime import cpu_session
from export.data.music_set import MusicSet
from export.errors import ExportError, InputUnusable, SettingsUnusable
from export.train.outcome import EpochFigures
from export.train.settings import TrainSettings
from export.train.settings_file import read_settings
from export.train.starting import resolved, starting_network
from export.train.trained import checkpoint_of, load_network
from export.train.training import train
from models.card_file import read_card
from models.networks.registry import make_network
from models.networks.wav2vec2 import Wav2Vec2, config_text
from tests.training_sets import LABELS, make_set
from tests.wav2vec2_checkpoint import TINY, tiny_settings, write_checkpoint

pytest_plugins = ["tests.wav2vec2_fixtures"]

torch.set_num_threads(1)

ROOT: Final = Path(__file__).parent.parent
SHAPE: Final = (16_000,)
BASE_COUNT: Final = 94_568_576  # and 257 a label


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """One label a clip."""
    return make_set(tmp_path_factory.mktemp("music"))


@pytest.fixture(scope="module")
def learnt(music: MusicSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose checkpoint was taken away when it had ended."""
    folder = write_checkpoint(tmp_path_factory.mktemp("gone") / "tiny")
    run = tmp_path_factory.mktemp("runs") / "learnt"
    outcome = train(music, tiny_settings(folder, epochs=10), run, workers=1)
    assert outcome.figures["accuracy"] > 0.9
    shutil.rmtree(folder)
    return run


def tiny(n_labels: int = 3, **options: Any) -> Wav2Vec2:
    """Freshly drawn, the same every time."""
    torch.manual_seed(3)
    network = make_network("wav2vec2", n_labels, {"config": config_text(TINY), **options}, SHAPE)
    assert isinstance(network, Wav2Vec2)
    return network


@pytest.mark.parametrize("n_labels", [2, 10])
def test_the_base_has_as_many_parameters_as_transformers_own(n_labels: int) -> None:
    from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification

    config: Any = Wav2Vec2Config
    with torch.device("meta"):
        own = make_network("wav2vec2", n_labels, {}, (80_000,))
        theirs = Wav2Vec2ForSequenceClassification(config(num_labels=n_labels))
    count, wanted = (sum(parameter.numel() for parameter in network.parameters()) for network in (own, theirs))
    assert count == wanted == BASE_COUNT + 257 * n_labels
    names = [name.replace("classifier.", "output.") for name in theirs.state_dict()]
    assert list(own.state_dict()) == names


def test_it_computes_what_transformers_does(tmp_path: Path, music: MusicSet) -> None:
    """With the weights of a published classifier of the set's labels, before it has learnt a step."""
    from transformers import Wav2Vec2ForSequenceClassification

    folder = write_checkpoint(tmp_path / "tiny", LABELS)
    run = tmp_path / "run"
    train(music, tiny_settings(folder, epochs=1, optimiser={"learning_rate": 1e-12}), run, workers=1)
    network: Any = load_network(checkpoint_of(run))[1]
    theirs: Any = Wav2Vec2ForSequenceClassification.from_pretrained(folder)
    windows = torch.randn(3, *SHAPE)
    with torch.no_grad():
        torch.testing.assert_close(network.logits(windows), theirs.eval()(windows).logits)


def test_other_labels_have_a_fresh_output_and_the_published_projector(tmp_path: Path, music: MusicSet) -> None:
    folder = write_checkpoint(tmp_path / "tiny", ("one", "two"))
    run = tmp_path / "run"
    train(music, tiny_settings(folder, epochs=1, optimiser={"learning_rate": 1e-12}), run, workers=1)
    theirs = safetensors.torch.load_file(folder / "model.safetensors")
    weights = load_network(checkpoint_of(run))[1].state_dict()
    torch.testing.assert_close(weights["projector.weight"], theirs["projector.weight"])
    assert weights["output.weight"].shape == (3, 8)


def test_weights_by_their_former_names_and_in_several_files_are_read(tmp_path: Path, music: MusicSet) -> None:
    """As of before torch had parametrisations, cut in two, in half precision."""
    folder = write_checkpoint(tmp_path / "tiny")
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    former = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    for now, then in former.items():
        weights = {name.replace(now, then): tensor for name, tensor in weights.items()}
    assert any(name.endswith("weight_g") for name in weights)
    names = sorted(weights)
    listed: dict[str, str] = {}
    for number, part in enumerate((names[::2], names[1::2])):
        file = f"model-{number + 1:05}-of-00002.safetensors"
        safetensors.torch.save_file({name: weights[name].half() for name in part}, folder / file)
        listed |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": listed}))
    (folder / "model.safetensors").unlink()
    run = tmp_path / "run"
    train(music, tiny_settings(folder, epochs=1, optimiser={"learning_rate": 1e-12}), run, workers=1)
    found = load_network(checkpoint_of(run))[1].state_dict()
    for name, tensor in write_checkpoint_again(tmp_path).items():
        torch.testing.assert_close(found[f"wav2vec2.{name}"], tensor, rtol=1e-3, atol=1e-3)


def write_checkpoint_again(tmp_path: Path) -> dict[str, torch.Tensor]:
    """The weights of `write_checkpoint`, by today's names."""
    return safetensors.torch.load_file(write_checkpoint(tmp_path / "again") / "model.safetensors")


def test_a_trained_network_needs_its_checkpoint_no_more(learnt: Path) -> None:
    spec, network = load_network(checkpoint_of(learnt))
    assert json.loads(str(spec.options["config"]))["hidden_size"] == TINY["hidden_size"]
    assert sum(parameter.numel() for parameter in network.parameters()) == sum(p.numel() for p in tiny().parameters())


@pytest.mark.parametrize("name", ["wav2vec2", "wav2vec2-mlp"])
def test_a_run_goes_on_without_its_checkpoint(name: str, tmp_path: Path, music: MusicSet) -> None:
    folder, run = write_checkpoint(tmp_path / "tiny", seed=4), tmp_path / "run"
    chosen = tiny_settings(folder, name)

    def break_off(figures: EpochFigures) -> None:
        if figures.epoch == 2:
            raise RuntimeError("broken off")

    with pytest.raises(RuntimeError, match="broken off"):
        train(music, chosen, run, on_epoch=break_off, workers=1)
    shutil.rmtree(folder)
    assert train(music, chosen, run, resume=True, workers=1).epochs == 3
    assert load_network(checkpoint_of(run))[0].network == name


def test_what_is_frozen_does_not_move_and_all_else_learns() -> None:
    network = tiny().train()
    torch.autograd.backward(network.logits(torch.randn(2, *SHAPE)).square().sum())
    for name, parameter in network.named_parameters():
        still = name.startswith("wav2vec2.feature_extractor.") or name == "wav2vec2.masked_spec_embed"
        assert parameter.requires_grad != still, name
        assert still or (parameter.grad is not None and parameter.grad.abs().sum() > 0), name
    thawed = tiny(freeze_encoder=False)
    assert all(parameter.requires_grad for parameter in thawed.wav2vec2.feature_extractor.parameters())


def test_of_a_frozen_published_body_what_nobody_published_learns(music: MusicSet, published: Path) -> None:
    assert TrainSettings(network="wav2vec2", frozen="body").network_options == {}  # the usual body is a published one
    chosen = resolved(tiny_settings(published, frozen="body"), music)
    network = starting_network(chosen, music.labels)
    learning = {name.split(".")[0] for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert learning == {"projector", "output"}


@pytest.mark.parametrize("name", ["musicnn-mlp", "wav2vec2-mlp"])
def test_a_body_that_never_moves_cannot_be_frozen(name: str) -> None:
    bare: dict[str, bool | int | float | str] = {}
    for options in (bare, {**bare, "checkpoint": "somewhere"}):
        with pytest.raises(ValueError, match=f"the body of {name} never moves"):
            TrainSettings(network=name, frozen="body", network_options=options)
    TrainSettings(network=name, frozen="body", initial="a run whose middle layer has learnt")


def test_dropout_is_drawn_from_torchs_generator_alone() -> None:
    """Else a resumed training would not hear what the uninterrupted one did."""
    network, windows = tiny().train(), torch.randn(2, *SHAPE)
    found: list[torch.Tensor] = []
    for _ in range(2):
        torch.manual_seed(5)
        np.random.seed(len(found))  # which transformers would draw its masks from
        found.append(network.logits(windows))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], network.logits(windows))


def test_folded_weights_compute_the_same_and_leave_the_original_alone() -> None:
    network, windows = tiny().eval(), torch.randn(2, *SHAPE)
    plain: Any = with_plain_weights(network)
    assert not any("parametrizations" in name for name in plain.state_dict())
    assert any("parametrizations" in name for name in network.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(plain.logits(windows), network.logits(windows))


def test_the_graph_is_the_network_and_complete(learnt: Path, music: MusicSet, tmp_path: Path) -> None:
    made = convert(checkpoint_of(learnt), tmp_path / "tiny.onnx", music, None, Wishes(Naming("tiny"), ("fp32", "fp16")))
    assert not made.refused
    assert made.written[0].graph.deviations.worst < 1e-4
    assert made.written[1].graph.deviations.worst < 1e-2
    card = read_card(tmp_path / "tiny.onnx")
    assert card.input_shape == SHAPE == card.golden_input.shape
    graph = made.written[0].graph.model.graph
    assert not any("original0" in weight.name for weight in graph.initializer)
    session = cpu_session(made.written[0].graph.model)
    for batch in (1, 2, 5):
        (scores,) = session.run(None, {card.input_name: np.repeat(card.golden_input[None], batch, axis=0)})
        np.testing.assert_allclose(scores, np.repeat(card.golden_output[None], batch, axis=0), atol=1e-4)


def refused(checkpoint: Path | str, music: MusicSet, run: Path, **options: Any) -> str:
    """What is said of a checkpoint; nothing may be left behind."""
    chosen = tiny_settings(Path("x"), network_options={"checkpoint": str(checkpoint), **options})
    with pytest.raises(ExportError) as caught:
        train(music, chosen, run, workers=1)
    assert not run.exists()
    assert isinstance(caught.value, InputUnusable | SettingsUnusable)
    return str(caught.value)


def test_checkpoints_that_are_none_are_said(music: MusicSet, published: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    absent = refused(tmp_path / "absent", music, run)
    assert "absent is no folder with config.json and model.safetensors, and no name on the Hugging" in absent
    assert "is no folder with config.json" in refused("a/b/c", music, run)
    (tmp_path / "empty").mkdir()
    assert "has no config.json: it is no checkpoint of transformers" in refused(tmp_path / "empty", music, run)
    other = shutil.copytree(published, tmp_path / "other")
    (other / "config.json").write_text('{"model_type": "bert"}')
    assert "other is a bert, and no wav2vec2" in refused(other, music, run)
    (other / "config.json").write_text("[1]")
    assert "config.json holds no JSON object" in refused(other, music, run)
    (other / "config.json").write_text('{"model_type"')
    assert "config.json cannot be read" in refused(other, music, run)
    summed = shutil.copytree(published, tmp_path / "summed")
    config = json.loads((summed / "config.json").read_text())
    (summed / "config.json").write_text(json.dumps({**config, "use_weighted_layer_sum": True}))
    assert "a weighted sum of layers; genred's wav2vec2 has neither" in refused(summed, music, run)
    others: dict[str, list[Any]] = {"architectures": [None, 3, {}], "id2label": [None, "rock", ["rock"]]}
    for key, said in (("architectures", "list"), ("id2label", "table")):
        for value in others[key]:
            (summed / "config.json").write_text(json.dumps({**config, key: value}))
            assert f"config.json: {key} is no {said}; save it anew" in refused(summed, music, run)
    (summed / "config.json").write_text(json.dumps({**config, "hidden_size": "many"}))
    assert "cannot be made with them: config: " in refused(summed, music, run)
    (summed / "config.json").write_text(json.dumps({**config, "intermediate_size": 20}))
    assert "does not fit its config: size mismatch" in refused(summed, music, run)


def test_weights_that_are_none_are_said(music: MusicSet, published: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    pickled = shutil.copytree(published, tmp_path / "pickled")
    torch.save(safetensors.torch.load_file(pickled / "model.safetensors"), pickled / "pytorch_model.bin")
    (pickled / "model.safetensors").unlink()
    assert "weights are read from safetensors only, never from a pickle" in refused(pickled, music, run)
    (pickled / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    assert "model.safetensors is not whole" in refused(pickled, music, run)
    weights = safetensors.torch.load_file(published / "model.safetensors")
    del weights["encoder.layer_norm.weight"]
    safetensors.torch.save_file(weights, pickled / "model.safetensors")
    assert "is not whole: 1 weights of 5" in refused(pickled, music, run)


def test_options_that_are_none_are_said(music: MusicSet, published: Path, tmp_path: Path) -> None:
    assert "network_options: wav2vec2 cannot be made" in refused(published, music, tmp_path / "run", layers=3)
    for config in ('{"layers": 3}', "[]", "{"):
        with pytest.raises(ValueError, match=r"config must be|Expecting"):
            make_network("wav2vec2", 3, {"config": config}, SHAPE)
    with pytest.raises(ValueError, match="freeze_encoder must be true or false, not 'no'"):
        make_network("wav2vec2", 3, {"config": config_text(TINY), "freeze_encoder": "no"}, SHAPE)


def test_without_transformers_it_is_said_and_all_else_works(music: MusicSet, learnt: Path, tmp_path: Path) -> None:
    said = without_transformers("train", str(music.folder), "--run", str(tmp_path / "run"), "--network", "wav2vec2")
    assert said.returncode == 69, said.stderr
    assert said.stderr.count("\n") == 1 and "pip install 'genred[transformers]'" in said.stderr
    said = without_transformers("onnx", str(learnt), "--output", str(tmp_path / "tiny.onnx"))
    assert said.returncode == 69 and "network wav2vec2 needs the package transformers" in said.stderr


def without_transformers(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`genred export` in a process where the package cannot be imported."""
    program = (
        "import sys; sys.modules['transformers'] = None; import models.networks.registry; "
        "from daemon.cli import main; main()"
    )
    command = [sys.executable, "-c", program, "export", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)


def test_a_hub_that_does_not_answer_is_said(music: MusicSet, tmp_path: Path) -> None:
    program = "from daemon.cli import main; main()"
    command = [sys.executable, "-c", program, "export", "train", str(music.folder), "--network", "wav2vec2"]
    done = subprocess.run(
        [*command, "--run", str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=ROOT,
        env={"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub"), "PATH": ""},
    )
    assert done.returncode == 69, done.stderr
    assert "facebook/wav2vec2-base-960h is no folder here, and the Hugging Face hub did not give it" in done.stderr


def test_the_settings_of_the_docs_can_be_read() -> None:
    found = {path.stem: read_settings(path) for path in (ROOT / "docs" / "networks").glob("*.toml")}
    assert {"wav2vec2", "wav2vec2-mlp", "musicnn-mlp"} <= set(found)
    for name in ("wav2vec2", "wav2vec2-mlp", "musicnn-mlp"):
        assert found[name].network == name and found[name].optimiser.kind == "adam"
    assert found["wav2vec2"].recipe.input_shape == (80_000,) and found["wav2vec2"].epochs == 3
    assert found["wav2vec2-mlp"].recipe.input_shape == (160_000,)
