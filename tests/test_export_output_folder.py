"""Places to write into are looked at before anything is done: `table-experiment`, `evaluate` and `compare`."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from export.cli import app
from export.errors import InputUnusable
from export.output_folder import check_output_folder


def test_a_folder_is_there_or_can_be_made(tmp_path: Path) -> None:
    check_output_folder(tmp_path, ("index.html",))
    check_output_folder(tmp_path / "a" / "b", ("index.html",))
    (tmp_path / "index.html").touch()
    check_output_folder(tmp_path, ("index.html",))
    assert not (tmp_path / "a").exists()
    (tmp_path / "x.json").mkdir()
    with pytest.raises(InputUnusable, match=r"x\.json is a folder; name another one"):
        check_output_folder(tmp_path, ("index.html", "x.json"))


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "no-model.onnx", "no-set", "--report", "FILE"],
        ["evaluate", "no-model.onnx", "no-set", "--json", "FILE/x.json"],
        ["compare", "no-model.onnx", "other.onnx", "--set", "no-set", "--output", "FILE/x"],
        ["table-experiment", "no-table.csv", "--output", "FILE"],
    ],
)
def test_a_file_in_the_folders_place_is_the_first_thing_said(tmp_path: Path, words: list[str]) -> None:
    """Before even what is judged is looked for."""
    file = tmp_path / "file"
    file.touch()
    done = CliRunner().invoke(app, [word.replace("FILE", str(file)) for word in words])
    assert done.exit_code == 64 and f"{file} is a file; name a folder to write into" in done.stderr
