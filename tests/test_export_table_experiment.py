"""`genred export table-experiment` and `tune` on a table: real training of tiny networks, real files."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from export.cli import app
from export.errors import InputUnusable
from export.table.spread import spread
from export.train.run_folder import RunFolder, resumable
from export.train.settings_file import merged, read_settings
from tests.vector_tables import write_rows, write_table, write_tracks

torch.set_num_threads(1)

TINY = ("--set", "network_options={hidden=8, layers=1}", "--set", "epochs=3", "--set", "optimiser.learning_rate=0.02")


def export(*words: str) -> Result:
    """`genred export` in this process."""
    threads = torch.get_num_threads()
    try:
        return CliRunner().invoke(app, words)
    finally:
        torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """90 rows of 8 columns, of three labels."""
    return write_table(tmp_path_factory.mktemp("table") / "table.csv")


@pytest.fixture(scope="module")
def done(table: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What an experiment of two seeds has left, and said."""
    folder = tmp_path_factory.mktemp("experiment")
    words = [
        "--seeds",
        "2",
        "--network",
        "vector-dense",
        "--output",
        str(folder / "out"),
        "--runs",
        str(folder / "runs"),
    ]
    result = export("table-experiment", str(table), *words, *TINY)
    assert result.exit_code == 0, result.stderr
    return folder, result.stdout


def test_one_command_says_mean_and_spread_of_every_model(done: tuple[Path, str]) -> None:
    folder, said = done
    fields = json.loads((folder / "out" / "experiment.json").read_text())
    assert "table.csv: 90 tracks, 8 columns, 3 labels; 63 rows to train, 9 to validate, 18 to test" in said
    assert list(fields["models"]) == ["vector-dense", "svm-rbf"]
    for model, found in fields["models"].items():
        each = [seed["figures"]["accuracy"] for seed in found["seeds"]]
        mean, deviation = np.mean(each), np.std(each, ddof=1)
        assert (found["accuracy"]["mean"], found["accuracy"]["deviation"]) == pytest.approx((mean, deviation))
        assert f"{100 * mean:.1f} ± {100 * deviation:.1f} %" in said
        confusion = np.array(found["confusion"])
        assert confusion.sum() == 36 and confusion.trace() / 36 == pytest.approx(mean)
        recalls = confusion.diagonal() / confusion.sum(axis=1)
        assert [label["recall"] for label in found["labels"].values()] == pytest.approx(recalls, abs=1e-4)
        assert mean > 0.6, model
    of_dense, of_svm = (fields["models"][model]["seeds"][0] for model in ("vector-dense", "svm-rbf"))
    assert 1 <= of_dense["best_epoch"] <= of_dense["n_epochs"] == 3 and of_svm["best_epoch"] is None
    assert fields["protocol"]["rows"] == {"train": 63, "validation": 9, "test": 18}
    assert (folder / "runs" / "vector-dense-seed-1" / "checkpoints" / "best.safetensors").is_file()
    with av.open(str(folder / "out" / "pca.png")) as picture:
        assert picture.streams.video[0].width > 500
    assert (folder / "out" / "confusion-svm-rbf.svg").stat().st_size > 1000


def test_an_experiment_goes_on_with_the_runs_that_are_there(table: Path, done: tuple[Path, str]) -> None:
    folder, said = done
    best = folder / "runs" / "vector-dense-seed-0" / "checkpoints" / "best.safetensors"
    before = best.stat().st_mtime_ns
    words = ["--seeds", "2", "--network", "vector-dense", "--runs", str(folder / "runs"), *TINY]
    again = export("table-experiment", str(table), *words)
    assert again.exit_code == 0 and best.stat().st_mtime_ns == before
    assert again.stdout.splitlines() == said.splitlines()[: len(again.stdout.splitlines())]
    other = export("table-experiment", str(table), *words, "--set", "epochs=4")
    assert (
        other.exit_code == 64 and "vector-dense, seed 0: " in other.stderr and "epochs: 3 then, 4 now" in other.stderr
    )


@pytest.mark.parametrize(
    ("left", "ours"),
    [
        ((), True),
        ((".learnt.json.x1.tmp",), True),
        (("learnt.json", "plots"), True),
        (("settings.toml", "environment.json"), True),
        (("notes.txt",), False),
        ((".tmp", "diary"), False),
    ],
)
def test_only_what_a_run_has_left_is_removed(tmp_path: Path, left: tuple[str, ...], ours: bool) -> None:
    run = tmp_path / "vector-dense-seed-0"
    assert not resumable(RunFolder(run))
    run.mkdir()
    for name in left:
        (run / name).touch()
    if ours:
        assert not resumable(RunFolder(run)) and not run.exists()
        return
    with pytest.raises(InputUnusable, match="vector-dense-seed-0 is no run of ours"):
        resumable(RunFolder(run))
    assert sorted(path.name for path in run.iterdir()) == sorted(left)


def test_an_experiment_removes_nobodys_files(table: Path, tmp_path: Path) -> None:
    notes = tmp_path / "vector-dense-seed-0" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    done = export("table-experiment", str(table), "--network", "vector-dense", "--runs", str(tmp_path), *TINY)
    assert done.exit_code == 64 and "is no run of ours" in done.stderr and notes.read_text() == "mine"


def test_raw_mels_and_repeated_rows(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "tracks.csv", rows_per_label=12)
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    write_rows(path, rows[0], [*rows[1:], *rows[1:7]])
    few = ["--seeds", "1", "--network", "vector-dense", "--no-baseline", *TINY]
    both = export("table-experiment", str(path), *few, "--raw-mels", "--runs", str(tmp_path / "runs"))
    assert both.exit_code == 0 and "42 tracks" in both.stdout and "6 rows repeat the numbers of another" in both.stderr
    of_run = read_settings(tmp_path / "runs" / "vector-dense-raw-mels-seed-0" / "settings.toml")
    assert of_run.recipe.front_end.scaling == "none" and of_run.table.raw_mels
    assert of_run.early_stop.patience == 10
    once = export("table-experiment", str(path), *few, "--unique")
    assert once.exit_code == 0 and "36 tracks" in once.stdout and "warning" not in once.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["no.csv"], 64, "no.csv cannot be read"),
        (["TABLE", "--label", "genre"], 64, "no column genre (table.label names the labels' column)"),
        (["TABLE", "--without", "artist"], 64, "no column artist (of table.without)"),
        (["TABLE", "--output", "TABLE"], 64, "table.csv is a file; name a folder to write into"),
        (["TABLE", "--network", "musicnn"], 78, "musicnn, seed 0: network: musicnn does not take a table's rows"),
        (["TABLE", "--network", "svm-rbf"], 64, "--network svm-rbf: it is no network"),
        (["TABLE", "--set", "epoch=3"], 78, "epoch: no such setting"),
        (["TABLE", "--test-share", "0"], 64, "must be between 0 and 1"),
    ],
)
def test_what_cannot_be_done_is_one_line(table: Path, words: list[str], code: int, said: str) -> None:
    result = export("table-experiment", *[str(table) if word == "TABLE" else word for word in words])
    assert result.exit_code == code and said in result.stderr and "Traceback" not in result.stderr


def test_the_reference_grid_is_sampled_and_the_best_judged_once(table: Path, tmp_path: Path) -> None:
    words = ["--study", str(tmp_path / "study.sqlite"), "--runs", str(tmp_path / "runs"), "--trials", "3"]
    # The space has its epochs; one alone is enough here, for patience is none.
    few = ["--set", "early_stop.patience=1", "--set", "early_stop.least_gain=9", "--set", "threads=1"]
    result = export("tune", str(table), "--space", "reference-c", *words, *few, "--test")
    assert result.exit_code == 0, result.stderr
    assert "on 18 test rows: accuracy " in result.stdout
    with (tmp_path / "runs" / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 and {row["state"] for row in rows} == {"done"}
    assert {row["network_options.hidden"] for row in rows} <= {"64", "128", "256"}
    for name in ("pca", "scatter", "losses"):
        assert (tmp_path / "runs" / f"{name}.png").stat().st_size > 5000
    best = read_settings(tmp_path / "runs" / "best.toml")
    assert best.optimiser.kind == "adam" and best.network.startswith("vector-")


@pytest.mark.parametrize(
    ("space", "tried"),
    [
        ("schedules", {"schedule.kind": {"constant", "plateau", "step", "cosine", "one-cycle"}}),
        ("augmentation", {"augment.kinds": {"none", "mixup"}}),
        ("class-weights", {"loss.class_weights": {"False", "True"}, "windows.balance": {"none", "labels"}}),
    ],
)
def test_named_spaces_are_compared_over_the_same_seeds(
    table: Path, tmp_path: Path, space: str, tried: dict[str, set[str]]
) -> None:
    words = ["--study", str(tmp_path / "study.sqlite"), "--runs", str(tmp_path / "runs"), "--space", space, *TINY]
    words += ["--set", "epochs=1", "--set", "threads=1", "--set", "network=vector-dense"]
    result = export("tune", str(table), *words)
    assert result.exit_code == 0, result.stderr
    with (tmp_path / "runs" / "comparison.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    with (tmp_path / "runs" / "trials.csv").open(newline="") as file:
        trials = list(csv.DictReader(file))
    assert {trial["state"] for trial in trials} == {"done"}
    assert {name: {row[name] for row in found} for name in tried} == tried
    assert len(found) == np.prod([len(values) for values in tried.values()]) == len(trials) / 3
    assert {row["seeds"] for row in found} == {"3"}
    for row in found:
        own = [float(t["macro_f1"]) for t in trials if all(t[name] == row[name] for name in tried)]
        assert (float(row["macro_f1"]), float(row["deviation"])) == pytest.approx((np.mean(own), np.std(own, ddof=1)))
    assert (tmp_path / "runs" / "comparison.png").is_file() and "deviation" in result.stdout


def test_a_column_can_be_left_out_of_a_search(table: Path, tmp_path: Path) -> None:
    lines = table.read_text().splitlines()
    named = tmp_path / "named.csv"
    named.write_text("\n".join([f"file,{lines[0]}", *(f"{n}.wav,{line}" for n, line in enumerate(lines[1:]))]))
    words = ["--study", str(tmp_path / "s.sqlite"), "--runs", str(tmp_path / "r"), "--trials", "1", *TINY]
    words += ["--set", "epochs=1", "--set", "threads=1", "--space", "schedules"]
    refused = export("tune", str(named), *words)
    advice = refused.stderr.partition("--set '")[2].partition("'")[0]
    assert refused.exit_code == 64 and advice == 'table.without=["file"]'
    done = export("tune", str(named), *words, "--set", advice)
    assert done.exit_code == 0, done.stderr
    assert read_settings(tmp_path / "r" / "trial-0000" / "settings.toml").table.without == ("file",)


def test_test_rows_are_for_tables(tmp_path: Path) -> None:
    words = ["--study", str(tmp_path / "s"), "--runs", str(tmp_path / "r")]
    result = export("tune", str(tmp_path), *words, "--test")
    assert result.exit_code == 64 and "Traceback" not in result.stderr


def test_settings_are_merged_table_by_table() -> None:
    under: dict[str, Any] = {"a": 1, "b": {"c": 2, "d": {"e": 3}}}
    over: dict[str, Any] = {"b": {"c": 4, "d": {"f": 5}}, "g": 6}
    assert merged(under, over) == {"a": 1, "b": {"c": 4, "d": {"e": 3, "f": 5}}, "g": 6}
    assert merged(under, {"b": 7}) == {"a": 1, "b": 7} and under == {"a": 1, "b": {"c": 2, "d": {"e": 3}}}


def test_spread_is_a_samples() -> None:
    assert spread([1.0, 2.0, 3.0]) == (2.0, 1.0) and spread([0.5]) == (0.5, 0.0)
