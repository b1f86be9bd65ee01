"""ResNet50 begins with what torchvision has published: read from a file, without its head, and without running it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Final

import pytest
import safetensors.torch
import torch
from torch import Tensor
from torchvision.models import resnet50
from torchvision.models.resnet import Bottleneck, ResNet
from typer.testing import CliRunner

from export.cli import app
from export.data.music_set import MusicSet
from export.errors import InputUnusable, SettingsUnusable
from export.train.run_folder import RunFolder
from export.train.settings import TrainSettings
from export.train.starting import resolved, starting_network
from export.train.trained import load_network
from export.train.training import train
from models.card import Label
from models.networks.registry import make_network
from models.networks.resnet50 import ResNet50
from tests.training_sets import make_set

torch.set_num_threads(1)

LABELS: Final = tuple(Label(name, "genre") for name in ("low", "middle", "high"))
BLOCKS: Final = "1,1,1,1"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    """A state dict of torchvision's own class, its running figures moved from where they begin."""
    torch.manual_seed(1)
    network = ResNet(Bottleneck, [1, 1, 1, 1]).train()
    network(torch.rand(4, 3, 64, 64))
    return network.state_dict()


@pytest.fixture(scope="module", params=["safetensors", "pth"])
def weights(request: pytest.FixtureRequest, published: dict[str, Tensor], tmp_path_factory: Any) -> Path:
    """The same as a file."""
    path: Path = tmp_path_factory.mktemp("weights") / f"resnet50.{request.param}"
    if request.param == "pth":
        torch.save(published, path)
    else:
        safetensors.torch.save_file(published, path)
    return path


def of(weights: Path, **changes: Any) -> TrainSettings:
    """Settings of a small ResNet on pictures."""
    options = {"blocks": BLOCKS, "weights": str(weights), **changes.pop("options", {})}
    return TrainSettings(network="resnet50", network_options=options, device="cpu", **changes)


def begun(settings: TrainSettings) -> ResNet50:
    """The network that a run would begin with."""
    network = starting_network(settings, LABELS)
    assert isinstance(network, ResNet50)
    return network


def test_the_whole_resnet50_of_torchvision_fits() -> None:
    with torch.device("meta"):
        names = {name: tensor.shape for name, tensor in resnet50(weights=None).state_dict().items()}
        own: Any = make_network("resnet50", 1000, {}, (3, 224, 224))
    assert {name: tensor.shape for name, tensor in own.body.state_dict().items()} == {
        name: shape for name, shape in names.items() if not name.startswith("fc.")
    }


def test_all_but_the_first_convolution_and_the_head_is_taken_over(weights: Path, published: dict[str, Tensor]) -> None:
    body = begun(of(weights)).body.state_dict()
    for name, tensor in body.items():
        assert torch.equal(tensor, published[name]) != name.startswith("conv1."), name


def test_a_kept_body_says_what_torchvisions_says(weights: Path, published: dict[str, Tensor]) -> None:
    network = begun(of(weights, options={"first_conv": "kept"})).eval()
    own = ResNet(Bottleneck, [1, 1, 1, 1])
    own.load_state_dict(published)
    own.fc = torch.nn.Identity()  # type: ignore[assignment]  # torchvision says Linear
    pictures = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(network.embedding(pictures), own.eval()(pictures), rtol=1e-4, atol=1e-5)


def test_a_frozen_body_stays_as_it_was_published(published: dict[str, Tensor], tmp_path: Path, music: MusicSet) -> None:
    """What the run leaves behind needs the published file no more."""
    path = tmp_path / "resnet50.safetensors"
    safetensors.torch.save_file(published, path)
    chosen = of(path, options={"first_conv": "kept"}, frozen="body", epochs=1, window_s=5.0, hop_s=5.0, batch_size=2)
    train(music, chosen, tmp_path / "run", workers=1)
    path.unlink()
    _, learnt = load_network(RunFolder(tmp_path / "run").best)
    assert isinstance(learnt, ResNet50)
    for name, tensor in learnt.body.state_dict().items():
        assert torch.equal(tensor, published[name]), name
    fresh = make_network("resnet50", 3, {"blocks": BLOCKS}, (3, 224, 224))
    assert not torch.equal(learnt.output.weight, fresh.output.weight)  # type: ignore[union-attr, arg-type]


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """Little of it."""
    return make_set(tmp_path_factory.mktemp("set"), clips_per_label=3)


def test_a_frozen_body_with_a_new_first_convolution_is_refused(weights: Path) -> None:
    with pytest.raises(SettingsUnusable, match="first_conv = 'kept'"):
        begun(of(weights, frozen="body"))


def test_a_frozen_body_without_weights_is_refused() -> None:
    bare: dict[str, bool | int | float | str] = {}
    for options in (bare, {**bare, "weights": ""}):
        with pytest.raises(ValueError, match="needs initial"):
            TrainSettings(network="resnet50", frozen="body", network_options=options)


class Trap:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def test_a_pickle_is_not_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "weights.pth", tmp_path / "it was run"
    torch.save({"conv1.weight": Trap(trace)}, path)
    with pytest.raises(InputUnusable, match="without running code"):
        begun(of(path))
    path.write_bytes(pickle.dumps(Trap(trace), protocol=2))
    with pytest.raises(InputUnusable, match="without running code"):
        begun(of(path))
    assert not trace.exists()


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"this is no file of weights", b".", bytes(200)])
def test_files_that_hold_no_weights_are_refused(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputUnusable, match=r"network_options\.weights"):
        begun(of(path))
    with pytest.raises(InputUnusable, match="no such file"):
        begun(of(tmp_path / f"absent.{suffix}"))


def test_weights_of_something_else_are_refused(tmp_path: Path, published: dict[str, Tensor]) -> None:
    torch.save({"state_dict": published}, tmp_path / "nested.pth")
    with pytest.raises(InputUnusable, match="holds more than tensors"):
        begun(of(tmp_path / "nested.pth"))
    safetensors.torch.save_file({"conv1.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(InputUnusable, match="not the state dict of torchvision's ResNet50"):
        begun(of(tmp_path / "other.safetensors"))
    wide = {name: torch.cat([tensor, tensor]) if tensor.ndim else tensor for name, tensor in published.items()}
    torch.save(wide, tmp_path / "wide.pth")
    with pytest.raises(InputUnusable, match="size mismatch"):
        begun(of(tmp_path / "wide.pth"))


def test_the_command_says_so_in_one_line(tmp_path: Path, music: MusicSet) -> None:
    words = ["--run", str(tmp_path / "run"), "--network", "resnet50", "--set", "network_options.weights=absent.pth"]
    done = CliRunner().invoke(app, ["train", str(music.folder), *words])
    assert done.exit_code != 0 and "absent.pth: no such file" in done.output and "Traceback" not in done.output
    assert resolved(of(Path("absent.pth")), music).front_end != "auto"
