"""Every network there is goes the whole way: trained, judged, converted, proven, asked about a file, and heard live."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.cli import app
from daemon.messages import WindowTags
from export.convert.conversion import Wishes, convert
from export.convert.made_card import Naming
from export.data.music_set import MusicSet
from export.train.run_folder import RunFolder
from export.train.settings import TrainSettings
from export.train.training import train
from models.networks.registry import NETWORKS
from tests.distinct_music import CLIP_S, RATE_HZ, make_distinct_set
from tests.parts import ListSource, make_parts, run_through
from tests.strategies import chunk_of
from tests.wav2vec2_checkpoint import write_checkpoint

torch.set_num_threads(1)

ENOUGH: Final = 0.6  # of the validation windows; chance gives a third
PARITY: Final = 1e-4
# What makes each one small; nothing else is changed, not what it hears nor in which windows.
SMALL: Final[dict[str, dict[str, int | float | str | bool]]] = {
    "convnet": {"widths": "4,8", "dropout": 0.0},
    "convnet-improv": {"widths": "4,6,8", "hidden": 16, "dropout": 0.0},
    "improved-music-genre-cnn": {"widths": "4,4,6,8", "hidden": 16, "dropout": 0.0},
    "improved-music-genre-cnn-v2": {"widths": "4,4,6,6,8,8", "hidden": 32, "dropout": 0.0, "last_dropout": 0.0},
    "lstm": {"hidden": 16},
    "mfcc-cnn": {"channels": 8, "hidden": 16},
    "music-genre-cnn": {"widths": "8,16", "hidden": 32, "dropout": 0.0},
    "musicnn": {},
    "musicnn-mlp": {"hidden": 16},
    "resnet50": {"blocks": "1,1,1,1"},
    "slim-musicnn": {"filters": "6,4,2,2,4", "rank": 4},
    "spectrogram-attention-cnn": {"widths": "4,6", "hidden": 16, "dropout": 0.0},
    "spectrogram-cnn": {"widths": "4,6", "hidden": 16, "dropout": 0.0},
    "vector-cnn": {"hidden": 16},
    "vector-dense": {"hidden": 32},
    "vector-rnn": {"hidden": 32},
    "wav2vec2": {"freeze_encoder": False},
    "wav2vec2-mlp": {"hidden": 16},
}
# What suits them better than the rate of all others; those that published bodies stand behind begin with them.
OTHERWISE: Final[dict[str, dict[str, Any]]] = {
    "music-genre-cnn": {"optimiser": {"learning_rate": 1e-3}, "epochs": 8},
    "musicnn": {"initial": "musicnn-msd", "frozen": "body", "optimiser": {"learning_rate": 0.01}, "epochs": 1},
    "musicnn-mlp": {"epochs": 2},
    "resnet50": {"frozen": "body", "optimiser": {"learning_rate": 1e-3}, "epochs": 3},
    "spectrogram-attention-cnn": {"optimiser": {"learning_rate": 0.01}},
    "spectrogram-cnn": {"optimiser": {"learning_rate": 0.01}},
    "wav2vec2-mlp": {"optimiser": {"learning_rate": 0.02}, "epochs": 12},
}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """The set; what is heard of it lies in its own cache, for all networks of one front end."""
    return make_distinct_set(tmp_path_factory.mktemp("distinct") / "set")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Options that name what others have published, of the true architectures, small and of no use."""
    folder = tmp_path_factory.mktemp("published")
    wav2vec2 = {"checkpoint": str(write_checkpoint(folder / "wav2vec2"))}
    write_resnet(folder / "resnet.pth")
    resnet50 = {"weights": str(folder / "resnet.pth"), "first_conv": "kept"}
    return {"wav2vec2": wav2vec2, "wav2vec2-mlp": wav2vec2, "resnet50": resnet50}


def write_resnet(path: Path) -> None:
    """A state dict of torchvision's class, with the norms' figures of some blurred noise."""
    from torchvision.models.resnet import Bottleneck, ResNet

    torch.manual_seed(0)
    network = ResNet(Bottleneck, [1, 1, 1, 1], norm_layer=partial(torch.nn.BatchNorm2d, momentum=1.0)).train()
    noise = torch.nn.functional.interpolate(torch.rand(8, 1, 14, 14), size=224)
    with torch.no_grad():
        network(noise.expand(-1, 3, -1, -1))
    torch.save(network.state_dict(), path)


def settings_of(name: str, published: dict[str, dict[str, str]]) -> TrainSettings:
    """Few epochs of few windows."""
    table = {
        "network": name,
        "network_options": {**SMALL[name], **published.get(name, {})},
        "epochs": 6,
        "batch_size": 2,
        "device": "cpu",
        "windows": {"per_clip": 2},
        "optimiser": {"learning_rate": 3e-3},
        "schedule": {"kind": "constant"},
    }
    return TrainSettings.model_validate({**table, **OTHERWISE.get(name, {})})


@pytest.mark.timeout(300)  # on a machine that has others to serve
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_network_goes_the_whole_way(
    name: str, music: MusicSet, published: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    outcome = train(music, settings_of(name, published), tmp_path / "run", workers=1)
    assert outcome.figures["accuracy"] > ENOUGH
    model = tmp_path / f"{name}.onnx"
    done = convert(RunFolder(tmp_path / "run").best, model, music, None, Wishes(Naming(name), opset=18))
    assert done.written[0].graph.deviations.worst < PARITY
    assert done.real_windows > 0
    assert "ok" in said("models", "verify", str(model))
    held_out = {clip.path: clip.labels[0] for clip in music.of("test")}
    tagged = tags_of_files(model, list(held_out))
    assert tagged == {path.name: label for path, label in held_out.items()}
    for path, label in held_out.items():
        assert heard_live(model, path) == label


def said(*arguments: str) -> str:
    """What a command of the daemon's writes; it must succeed."""
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == 0, f"{done.output}\n{done.exception}"
    return done.stdout


def tags_of_files(model: Path, paths: list[Path]) -> dict[str, str]:
    """The label with the highest mean score of each file, as `genred tag` says."""
    scores: dict[str, list[dict[str, float]]] = {}
    for line in said("tag", *map(str, paths), "-o", "jsonl", "--model", str(model)).splitlines():
        result = json.loads(line)
        if result["type"] == "genred.window.v1" and not result["silent"]:
            scores.setdefault(result["stream"], []).append(result["scores"])
    return {stream: best_label(windows) for stream, windows in scores.items()}


def heard_live(model: Path, path: Path) -> str:
    """The same of one stream that comes in pieces of a quarter of a second, as a radio does."""
    audio, fmt = path.read_bytes()[44:], AudioFormat(SampleFormat.S16LE, RATE_HZ, 1)
    cuts = range(0, round(CLIP_S * RATE_HZ) + 1, RATE_HZ // 4)
    chunks = [chunk_of(audio, start, stop, fmt=fmt) for start, stop in itertools.pairwise(cuts)]

    async def go() -> list[WindowTags]:
        sink = await run_through(make_parts(model), [ListSource("live", chunks)])
        return sink.windows

    return best_label([window.scores for window in asyncio.run(go())])


def best_label(windows: Sequence[Mapping[str, float]]) -> str:
    """That with the highest mean score."""
    return max(windows[0], key=lambda label: float(np.mean([scores[label] for scores in windows])))
