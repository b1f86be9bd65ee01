"""`genred export import-musicnn`: the shipped models made again, and one line where they cannot be."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from daemon.inference import OnnxModel
from models.catalogue import PRETRAINED
from tests.musicnn_checkpoint import musicnn_folder, needs_musicnn
from tests.process import genred


def one_line_refusal(*arguments: str) -> str:
    """The error of an import that must fail with 69 and one line."""
    done = genred("export", "import-musicnn", *arguments)
    assert done.returncode == 69, done.stderr
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def assert_scores_as_shipped(path: Path, model: str) -> None:
    """The same scores as the shipped model's, and a card that differs in its name alone, if at all."""
    found, shipped = OnnxModel(path, "cpu", 1), OnnxModel(PRETRAINED / f"musicnn-{model}.onnx", "cpu", 1)
    windows = (4 * np.random.default_rng(3).random((3, 250, 96)) ** 2).astype(np.float32)
    np.testing.assert_allclose(found.scores(windows), shipped.scores(windows), rtol=0, atol=2e-6)
    assert found.card.name == path.stem
    assert found.card.labels == shipped.card.labels
    assert found.card.front_end == shipped.card.front_end
    assert found.card.provenance == shipped.card.provenance
    np.testing.assert_allclose(found.card.golden_output, shipped.card.golden_output, rtol=0, atol=1e-5)


@needs_musicnn
def test_both_models_are_made_again(tmp_path: Path) -> None:
    done = genred("export", "import-musicnn", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["musicnn-msd.onnx", "musicnn-mtt.onnx"]
    for line, model in zip(done.stdout.splitlines(), ("msd", "mtt"), strict=True):
        assert line.startswith(f"{tmp_path / f'musicnn-{model}.onnx'}: differs from the original by at most")
        assert_scores_as_shipped(tmp_path / f"musicnn-{model}.onnx", model)


@needs_musicnn
def test_the_plain_arrangement_scores_the_same(tmp_path: Path) -> None:
    done = genred("export", "import-musicnn", "--model", "mtt", "--arrangement", "plain", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["musicnn-mtt-plain.onnx"]
    assert_scores_as_shipped(tmp_path / "musicnn-mtt-plain.onnx", "mtt")


def test_without_the_package_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "out").mkdir()
    line = one_line_refusal("--package", str(tmp_path / "empty"), "-o", str(tmp_path / "out"))
    assert "pip install --no-deps musicnn==0.1.0" in line
    assert list((tmp_path / "out").iterdir()) == []


@needs_musicnn
def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = musicnn_folder()
    assert folder is not None
    package, output = tmp_path / "package", tmp_path / "out"
    output.mkdir()
    shutil.copytree(folder / "MSD_musicnn", package / "MSD_musicnn")
    data = package / "MSD_musicnn" / ".data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100_000])
    line = one_line_refusal("--package", str(package), "--model", "msd", "-o", str(output))
    assert "fails its checksum" in line
    assert list(output.iterdir()) == []


def test_an_output_folder_that_is_not_there(tmp_path: Path) -> None:
    done = genred("export", "import-musicnn", "-o", str(tmp_path / "nowhere"))
    assert done.returncode in (2, 64)
    assert "is not a folder" in " ".join(done.stderr.split())
