"""From a checkpoint to a file that the daemon serves: the same scores, or no file at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from typer.testing import CliRunner

from daemon.inference import OnnxModel
from export.cli import app
from export.convert.conversion import Conversion, Wishes, convert
from export.convert.made_card import Naming
from export.convert.onnx_graph import ParityError, to_onnx
from export.convert.opset import OLDEST, at_newest_opset, at_opset, opset_of
from export.convert.parity import deviation, onnx_scoring, torch_scoring
from export.convert.runtime import cpu_session
from export.convert.serving import Served
from export.data.clip import Clip
from export.data.music_set import MusicSet, write_music_set
from export.data.recipe import Recipe
from export.errors import InputUnusable
from export.train.trained import NetworkSpec, load_network, save_network
from models.card import Label
from models.card_file import read_card
from models.front_ends.spec import FrontEnd
from tests.signals import write_wav

RECIPE = Recipe(
    FrontEnd(
        sample_rate_hz=8000,
        n_fft=512,
        frame_hop=500,
        n_mels=16,
        f_min_hz=0.0,
        f_max_hz=4000.0,
        scaling="db",
        normalisation="window",
    )
)
LABELS = (Label("low", "genre"), Label("middle", "genre"), Label("high", "genre"))
NOTES = {
    "music_set": {"fingerprint": "f" * 64},
    "settings": {"seed": 5},
    "epoch": {"epoch": 3, "validation_loss": 0.5, "figures": {"macro_f1": 0.75}},
}


def spec_of(labels: tuple[Label, ...] = LABELS) -> NetworkSpec:
    return NetworkSpec("spectrogram-cnn", labels, RECIPE, "softmax", {"widths": "4,8", "hidden": 8}, NOTES)


def write_checkpoint(path: Path, spec: NetworkSpec) -> Path:
    """A network with weights as after training: no normalisation that is trivial."""
    torch.manual_seed(3)
    network = spec.build()
    for name, values in network.state_dict().items():
        if name.endswith("running_mean"):
            values.normal_(0, 0.3)
        elif name.endswith("running_var"):
            values.uniform_(0.5, 2)
        elif "norm" in name and values.is_floating_point():
            values.uniform_(0.3, 1.5)
    save_network(path, spec, network.state_dict())
    return path


@dataclass(frozen=True)
class Made:
    """What the conversion of the module's checkpoint gave."""

    checkpoint: Path
    music: MusicSet
    output: Path
    conversion: Conversion


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """Tones of three heights, a clip of silence, and a file that is no audio."""
    folder = tmp_path_factory.mktemp("set")
    random = np.random.default_rng(1)
    time_s = np.arange(8000 * 9) / 8000
    clips = []
    for number, (name, hz) in enumerate([("low", 150), ("middle", 700), ("high", 2500)] * 2):
        tone = 0.3 * np.sin(2 * np.pi * hz * time_s) + 0.02 * random.standard_normal(len(time_s))
        clips.append(
            Clip(write_wav(folder / f"{number}.wav", (32767 * tone).astype(np.int16)[:, np.newaxis], 8000), (name,))
        )
    clips.append(Clip(write_wav(folder / "silent.wav", np.zeros((8000 * 9, 1), np.int16), 8000), ("low",)))
    (folder / "broken.wav").write_bytes(b"no audio at all")
    clips.append(Clip(folder / "broken.wav", ("high",)))
    made = MusicSet(folder, tuple(replace(clip, split="validation") for clip in clips), LABELS, False)
    write_music_set(made)
    return made


@pytest.fixture(scope="module")
def made(music: MusicSet, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Converted once for all tests."""
    folder = tmp_path_factory.mktemp("made")
    checkpoint = write_checkpoint(folder / "best.safetensors", spec_of())
    output = folder / "my.onnx"
    wishes = Wishes(Naming("my tagger", "7", "CC-BY-4.0"), ("fp32", "fp16", "bf16", "int8"), max_deviation=0.2)
    return Made(checkpoint, music, output, convert(checkpoint, output, music, None, wishes))


def test_the_file_gives_the_torch_networks_scores_with_any_batch(made: Made) -> None:
    spec, network = load_network(made.checkpoint)
    card = read_card(made.output)
    temperature = card.training["temperature"]
    assert isinstance(temperature, float) and temperature != 1
    served = Served(network, "softmax", temperature)
    windows = np.random.default_rng(5).standard_normal((70, *spec.recipe.window_shape)).astype(np.float32)
    session = cpu_session(onnx.load(made.output))
    assert deviation(windows, torch_scoring(served), onnx_scoring(session, "log_mel", "scores")) < 1e-5
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape) == ("log_mel", "tensor(float)", ["batch", *RECIPE.window_shape])


def test_the_daemon_takes_every_file_that_was_written(made: Made) -> None:
    written = {each.graph.precision: each.path for each in made.conversion.written}
    assert written["fp32"] == made.output
    assert {path.name for path in written.values()} == {"my.onnx", "my.fp16.onnx", "my.int8.onnx"}
    for path in written.values():
        assert OnnxModel(path, "cpu").golden_deviation < 1e-3
    assert sorted(path.name for path in made.output.parent.glob("*.onnx")) == sorted(p.name for p in written.values())


def test_what_this_runtime_cannot_compute_is_said(made: Made) -> None:
    refused = {each.precision: each.reason for each in made.conversion.refused}
    assert refused.keys() == {"bf16"}
    assert "ONNX Runtime cannot run" in refused["bf16"] and "OpenVINO" in refused["bf16"]


def test_the_card_says_where_the_model_is_from(made: Made) -> None:
    card = read_card(made.output)
    assert (card.name, card.version, card.licence, card.activation) == ("my tagger", "7", "CC-BY-4.0", "softmax")
    assert card.labels == LABELS and card.front_end == RECIPE.front_end
    assert (card.training["epoch"], card.training["macro_f1"]) == (3, 0.75)
    assert card.provenance["settings"] == NOTES["settings"]
    assert card.provenance["music_set"] == NOTES["music_set"]
    assert card.provenance["validated_on"] == made.music.fingerprint
    conversion = card.provenance["conversion"]
    assert isinstance(conversion, Mapping) and conversion["largest_deviation_on_music"] < 1e-5
    assert set(card.thresholds) <= {"low", "middle", "high"} and card.thresholds


def test_variants_say_how_far_off_and_how_fast_they_are(made: Made) -> None:
    for path, least in ((made.output.with_suffix(".fp16.onnx"), 1e-7), (made.output.with_suffix(".int8.onnx"), 1e-5)):
        conversion = read_card(path).provenance["conversion"]
        assert isinstance(conversion, Mapping)
        assert least < conversion["largest_deviation_on_music"] < 0.2
        assert conversion["speed_ratio"] > 0
    assert read_card(made.output.with_suffix(".int8.onnx")).provenance["golden_output"] == "this file's own"


def test_variants_have_the_weights_that_they_are_named_after(made: Made) -> None:
    kinds = {
        precision: {weight.data_type for weight in onnx.load(made.output.with_suffix(suffix)).graph.initializer}
        for precision, suffix in (("fp32", ".onnx"), ("fp16", ".fp16.onnx"), ("int8", ".int8.onnx"))
    }
    assert onnx.TensorProto.FLOAT16 in kinds["fp16"] and onnx.TensorProto.FLOAT not in kinds["fp16"]
    assert onnx.TensorProto.INT8 in kinds["int8"]
    assert kinds["fp32"] <= {onnx.TensorProto.FLOAT, onnx.TensorProto.INT64}


def test_normalisation_is_folded_into_the_convolutions(made: Made) -> None:
    operators = [node.op_type for node in onnx.load(made.output).graph.node]
    assert operators.count("Conv") == 4
    assert not {"BatchNormalization", "Transpose", "Dropout"} & set(operators)


def test_the_opset_is_the_newest_that_loads_and_can_be_chosen(made: Made, tmp_path: Path) -> None:
    newest = opset_of(onnx.load(made.output))
    assert newest > OLDEST
    with pytest.raises(InputUnusable, match=f"--opset {onnx.defs.onnx_opset_version() + 1}"):
        at_opset(onnx.load(made.output), onnx.defs.onnx_opset_version() + 1)
    for newer in range(newest + 1, onnx.defs.onnx_opset_version() + 1):
        with pytest.raises(InputUnusable):
            at_opset(onnx.load(made.output), newer)
    older = convert(made.checkpoint, tmp_path / "old.onnx", None, None, Wishes(Naming("old"), opset=OLDEST))
    assert opset_of(older.written[0].graph.model) == OLDEST
    assert opset_of(at_newest_opset(older.written[0].graph.model)) == newest


def test_a_variant_that_is_off_by_too_much_is_refused(made: Made, tmp_path: Path) -> None:
    wishes = Wishes(Naming("strict"), ("int8",), max_deviation=1e-7)
    conversion = convert(made.checkpoint, tmp_path / "strict.onnx", made.music, None, wishes)
    assert [each.precision for each in conversion.refused] == ["int8"]
    assert "more than --max-deviation 1e-07" in conversion.refused[0].reason
    assert [path.name for path in tmp_path.iterdir()] == ["strict.onnx"]


class Moody(torch.nn.Module):
    """A network that computes something else while it is traced: what a wrong conversion looks like."""

    def logits(self, log_mel: torch.Tensor) -> torch.Tensor:
        shift = 1.0 if torch.compiler.is_compiling() else 0.0
        return log_mel.mean(dim=1)[:, :3] + shift * torch.arange(3)


def test_no_file_is_left_when_the_graph_computes_something_else(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, _ = load_network(made.checkpoint)
    monkeypatch.setattr("export.convert.conversion.load_network", lambda _path: (spec, Moody()))
    with pytest.raises(ParityError, match="differs from the torch network"):
        convert(made.checkpoint, tmp_path / "wrong.onnx", None, None, Wishes(Naming("wrong")))
    assert list(tmp_path.iterdir()) == []


def run(*arguments: object) -> tuple[int, str]:
    """(exit code, everything printed) of `genred export ARGUMENTS`."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_the_command_converts_a_run_with_the_set_it_knows(made: Made, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "best.safetensors").write_bytes(made.checkpoint.read_bytes())
    known = {
        "music_set": {"folder": str(made.music.folder)},
        "sessions": [{"git": {"commit": "abc", "changed": False}}],
    }
    (folder / "environment.json").write_text(json.dumps(known))
    output = tmp_path / "mine.onnx"
    code, said = run("onnx", folder, "-o", output, "--licence", "CC0-1.0")
    assert code == 0, said
    assert "mine.onnx" in said and "validation windows" in said
    card = read_card(output)
    assert (card.name, card.licence) == ("mine", "CC0-1.0")
    assert card.provenance["git"] == {"commit": "abc", "changed": False}
    code, said = run("verify", output, folder)
    assert code == 0, said
    assert "validation windows" in said


def test_a_file_of_another_network_fails_the_verification(made: Made, tmp_path: Path) -> None:
    spec, network = load_network(made.checkpoint)
    weights = {name: 1.1 * values + 0.05 for name, values in network.state_dict().items()}
    save_network(tmp_path / "other.safetensors", spec, weights)
    code, said = run("verify", made.output, tmp_path / "other.safetensors")
    assert code == 70 and "is off by" in said
    others = write_checkpoint(tmp_path / "labels.safetensors", spec_of(LABELS[:2]))
    code, said = run("verify", made.output, others)
    assert code == 64 and "they differ in their labels" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "x.txt"), "must end with .onnx"),
        (("-o", "nowhere/x.onnx"), "a folder that is there"),
        (("-o", "x.onnx", "--precision", "int8"), "--set"),
        (("-o", "x.onnx", "--set", "nowhere"), "is no music set"),
        (("-o", "x.onnx", "--opset", "99"), "--opset 99"),
    ],
)
def test_bad_input_is_one_line_and_64(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, output = run("onnx", made.checkpoint, *arguments)
    assert code == 64, output
    assert said in output and len(output.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_softmax_and_temperature_are_in_the_graph() -> None:
    class Linear(torch.nn.Module):
        def logits(self, log_mel: torch.Tensor) -> torch.Tensor:
            return log_mel.sum(dim=2)

    graph = to_onnx(Served(Linear(), "softmax", 4.0), {"log_mel": (3, 2)}, ["scores"])
    windows = np.array([[[0.0, 0], [4, 0], [0, 8]]], np.float32)
    (found,) = cpu_session(graph).run(None, {"log_mel": windows})
    wanted = np.exp([0, 1, 2]) / np.exp([0, 1, 2]).sum()
    np.testing.assert_allclose(found[0], wanted, atol=1e-6)
