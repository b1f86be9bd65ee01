"""`genred export import-musicnn`: from a checkpoint to a file with a card, or one line and an exit code."""

import ast
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from export.cli import app
from export.convert.golden import golden_audio, golden_window
from export.convert.onnx_graph import ParityError, check_parity, to_onnx
from export.musicnn.labels import MUSICNN_LABELS
from export.musicnn.package import PackageMissingError, musicnn_package
from export.musicnn.tf_checkpoint import CheckpointError
from export.musicnn.weights import load_musicnn, musicnn_state
from models.card_file import read_card
from models.catalogue import resolve_model
from models.front_ends.spec import MUSICNN_FRONT_END
from tests.reference_data import musicnn_folder, needs_musicnn, needs_reference, reference


def run(*arguments: str) -> tuple[int, str]:
    """(exit code, everything printed) of `genred export ARGUMENTS`."""
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def package() -> Path:
    """The installed package."""
    folder = musicnn_folder()
    assert folder is not None
    return folder


@pytest.fixture(scope="module")
def imported(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with musicnn-msd.onnx made by the command."""
    folder = tmp_path_factory.mktemp("imported")
    code, output = run("import-musicnn", "--package", str(package), "--model", "msd", "-o", str(folder))
    assert code == 0, output
    assert "differs from the original by at most" in output
    return folder


@needs_musicnn
@pytest.mark.timeout(400)  # tracing takes a slow machine minutes
def test_the_shipped_file_is_what_the_command_makes(imported: Path) -> None:
    """The card to the letter, the weights to rounding: another processor sums in another order.

    When the shipped files were made, names of weights had no `hops.` before them.
    """
    made, shipped = imported / "musicnn-msd.onnx", resolve_model("musicnn-msd")
    assert [path.name for path in imported.iterdir()] == ["musicnn-msd.onnx"]
    assert read_card(made) == read_card(shipped)
    np.testing.assert_allclose(read_card(made).golden_input, read_card(shipped).golden_input, atol=1e-5)
    np.testing.assert_allclose(read_card(made).golden_output, read_card(shipped).golden_output, atol=1e-5)
    weights = [
        {
            entry.name.removeprefix("hops."): onnx.numpy_helper.to_array(entry)
            for entry in onnx.load(path).graph.initializer
        }
        for path in (made, shipped)
    ]
    assert weights[0].keys() == weights[1].keys()
    for name, values in weights[0].items():
        np.testing.assert_allclose(values, weights[1][name], rtol=1e-5, atol=1e-5, err_msg=name)


@needs_musicnn
@needs_reference
@pytest.mark.parametrize("model", ["MSD", "MTT"])
def test_the_torch_network_gives_the_originals_scores(package: Path, model: str) -> None:
    network = load_musicnn(package / f"{model}_musicnn")
    with torch.inference_mode():
        found = network(torch.from_numpy(reference("joram_win250hop125_f32"))).numpy()
    np.testing.assert_allclose(found, reference(f"{model}_musicnn_joram_win250hop125_sigmoid"), rtol=0, atol=1e-5)


@needs_musicnn
def test_labels_are_those_of_the_packages_configuration(package: Path) -> None:
    source = ast.parse((package / "configuration.py").read_text())
    lists = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in source.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for model, labels in MUSICNN_LABELS.items():
        assert [label.name for label in labels] == lists[f"{model.upper()}_LABELS"]


def test_every_model_has_genres_and_other_words() -> None:
    for labels in MUSICNN_LABELS.values():
        kinds = Counter(label.kind for label in labels)
        assert sum(kinds.values()) == 50
        assert kinds["genre"] >= 14
        assert kinds["voice"] and kinds["instrument"] and kinds["mood"]


def write_wheel(path: Path, package: Path) -> None:
    """A wheel with the parts of the package that an import reads."""
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("musicnn/__init__.py", "raise RuntimeError('must not be imported')")
        for name in (".index", ".data-00000-of-00001"):
            wheel.write(package / "MSD_musicnn" / name, f"musicnn/MSD_musicnn/{name}")


@needs_musicnn
def test_a_wheel_is_read_and_cleared_away(package: Path, tmp_path: Path) -> None:
    write_wheel(tmp_path / "musicnn.whl", package)
    with musicnn_package(tmp_path / "musicnn.whl") as folder:
        assert load_musicnn(folder / "MSD_musicnn").output.out_features == 50
    assert not folder.exists()


@needs_musicnn
def test_a_folder_around_the_package_will_do(package: Path) -> None:
    with musicnn_package(package.parent) as folder:
        assert folder == package


@needs_musicnn
def test_a_damaged_checkpoint_leaves_no_file(package: Path, tmp_path: Path) -> None:
    (tmp_path / "musicnn" / "MSD_musicnn").mkdir(parents=True)
    for name in (".index", ".data-00000-of-00001"):
        content = bytearray((package / "MSD_musicnn" / name).read_bytes())
        content[len(content) // 2] ^= 1
        (tmp_path / "musicnn" / "MSD_musicnn" / name).write_bytes(content)
    out = tmp_path / "out"
    out.mkdir()
    code, output = run("import-musicnn", "--package", str(tmp_path), "--model", "msd", "-o", str(out))
    assert code == 69
    assert "fails its checksum" in output
    assert list(out.iterdir()) == []


def test_variables_of_another_network_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"'conv2d/kernel' is missing"):
        musicnn_state({"something": np.zeros(1, np.float32)})


@pytest.mark.parametrize("content", [None, b"no zip"])
def test_a_wrong_package_is_one_line_and_69(tmp_path: Path, content: bytes | None) -> None:
    source = tmp_path
    if content is not None:
        source = tmp_path / "musicnn.whl"
        source.write_bytes(content)
    code, output = run("import-musicnn", "--package", str(source), "-o", str(tmp_path))
    assert code == 69
    assert "pip install --no-deps musicnn==0.1.0" in output
    assert len(output.strip().splitlines()) == 1


def test_a_package_that_is_not_installed_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(PackageMissingError, match="pip install --no-deps musicnn"), musicnn_package(None):
        pass


def test_the_output_must_be_a_folder(tmp_path: Path) -> None:
    code, output = run("import-musicnn", "-o", str(tmp_path / "none"))
    assert code == 64
    assert "is not a folder" in output


def test_help_does_not_wait_for_torch() -> None:
    heavy = "import sys; import export.cli; print([m for m in ('torch', 'onnx', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Doubling(nn.Module):
    """A stand-in network: (batch, 4, 3) -> (batch, 4)."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        return self.factor * windows.sum(dim=2)


def test_parity_is_measured_and_its_lack_refused() -> None:
    graph = to_onnx(Doubling(2.0), {"x": (4, 3)}, ["y"])
    assert check_parity(graph, Doubling(2.0), (4, 3), 1e-5) <= 1e-5
    with pytest.raises(ParityError, match="differs from the torch network"):
        check_parity(graph, Doubling(2.001), (4, 3), 1e-5)
    with pytest.raises(ParityError, match="differs"):
        check_parity(graph, Doubling(float("nan")), (4, 3), 1e-5)


def test_the_batch_is_free_and_the_graph_is_clean() -> None:
    graph = to_onnx(Doubling(2.0), {"x": (4, 3)}, ["y"]).graph
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert [(graph.input[0].name, graph.output[0].name)] == [("x", "y")]
    assert not any(node.metadata_props or node.doc_string for node in graph.node)


def test_golden_audio_is_the_same_everywhere_and_audible() -> None:
    audio = golden_audio(16_000, 64_000)
    np.testing.assert_array_equal(audio, golden_audio(16_000, 64_000))
    assert 0.1 < np.abs(audio).max() < 1
    assert golden_window(MUSICNN_FRONT_END, 250).shape == (250, 96)
