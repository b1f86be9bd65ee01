"""Training on a table of vectors: the one loop, on rows; what of it can hear, and what cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from export.cli import app
from export.errors import ExportError, InputUnusable, SettingsUnusable
from export.table.baseline import svm_answers
from export.table.columns import TRACK174_COLUMNS, learnable
from export.table.row_material import Rows, RowStream
from export.table.row_splits import RowSplits, split_rows
from export.table.table_training import TableLesson, open_lesson, scores_of, train_on_table
from export.table.vector_table import read_vector_table
from export.train.outcome import EpochFigures, StopTraining
from export.train.run_folder import RunFolder
from export.train.settings import TrainSettings
from export.train.settings_file import read_settings
from export.train.trained import load_network, read_network
from models.card_file import read_card
from models.front_ends.named import TRACK174_FRONT_END
from tests.reference_data import VECTOR_TABLE, needs_vector_table
from tests.vector_tables import EIGHT, LABELS, write_table, write_tracks

torch.set_num_threads(1)

SMALL: dict[str, Any] = {
    "network": "vector-dense",
    "network_options": {"hidden": 16, "layers": 1},
    "epochs": 12,
    "device": "cpu",
    "threads": 1,
    "optimiser": {"learning_rate": 0.01},
}


def settings(**changes: Any) -> TrainSettings:
    """SMALL with some of them changed."""
    return TrainSettings.model_validate({**SMALL, **changes})


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> TableLesson:
    """90 rows of 8 columns, of three labels."""
    return open_lesson(write_table(tmp_path_factory.mktemp("table") / "table.csv"), settings())


@pytest.mark.parametrize("network", ["vector-rnn", "vector-dense", "vector-cnn"])
def test_every_network_of_vectors_learns_rows_it_has_not_seen(
    lesson: TableLesson, tmp_path: Path, network: str
) -> None:
    outcome = train_on_table(lesson, settings(network=network), tmp_path / "run", shown=False)
    assert outcome.figures["accuracy"] > 0.8 and outcome.epochs <= 12
    scores = scores_of(tmp_path / "run", lesson, lesson.splits.test)
    truth = lesson.table.labels[lesson.splits.test]
    assert scores.sum(axis=1) == pytest.approx(np.ones(len(truth)), abs=1e-5)
    assert (scores.argmax(axis=1) == truth).mean() > 0.8


def test_nothing_of_the_other_splits_reaches_the_network(lesson: TableLesson, tmp_path: Path) -> None:
    """Test rows of another world change nothing; neither scaling nor training has looked."""
    spoilt = lesson.table.features.copy()
    spoilt[lesson.splits.test] = 1e6
    other = TableLesson(type(lesson.table)(**_fields(lesson, features=spoilt)), lesson.splits)
    for name, each in (("one", lesson), ("other", other)):
        train_on_table(each, settings(epochs=3), tmp_path / name, shown=False)
    one, two = (read_network(RunFolder(tmp_path / name).best)[1].state_dict() for name in ("one", "other"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_run_that_is_stopped_goes_on_to_the_same_end(lesson: TableLesson, tmp_path: Path) -> None:
    def stop(figures: EpochFigures) -> None:
        if figures.epoch == 2:
            raise KeyboardInterrupt

    whole = train_on_table(lesson, settings(epochs=5), tmp_path / "whole", shown=False)
    with pytest.raises(KeyboardInterrupt):
        train_on_table(lesson, settings(epochs=5), tmp_path / "cut", on_epoch=stop, shown=False)
    resumed = train_on_table(lesson, settings(epochs=5), tmp_path / "cut", resume=True, shown=False)
    assert resumed == whole


def test_on_epoch_may_end_it(lesson: TableLesson, tmp_path: Path) -> None:
    def stop(_: EpochFigures) -> None:
        raise StopTraining

    assert train_on_table(lesson, settings(), tmp_path / "run", on_epoch=stop, shown=False).ended == "stopped"


def test_a_table_of_other_columns_makes_no_network_that_hears(lesson: TableLesson, tmp_path: Path) -> None:
    train_on_table(lesson, settings(epochs=1), tmp_path / "run", shown=False)
    best = RunFolder(tmp_path / "run").best
    assert read_network(best)[0].columns == EIGHT
    with pytest.raises(InputUnusable, match=r"columns no front end computes \(feature_1, ...\): it cannot hear"):
        load_network(best)
    done = CliRunner().invoke(app, ["onnx", str(tmp_path / "run"), "--output", str(tmp_path / "m.onnx")])
    assert done.exit_code == 64 and "it cannot hear music" in done.stderr


def test_a_run_on_a_table_is_judged_on_its_test_rows(tmp_path: Path) -> None:
    table, run = write_table(tmp_path / "table.csv"), tmp_path / "run"
    words = ["--network", "vector-dense", "--set", "network_options.hidden=16", "--epochs", "2", "--set", "seed=3"]
    done = _export("train", str(table), "--run", str(run), *words, "--set", "device=cpu")
    assert done.exit_code == 0 and done.stdout.endswith(f"next: genred export evaluate {run} {table}\n"), done.stderr
    found = _export("evaluate", str(run), str(table))
    lesson = open_lesson(table, settings(seed=3))
    right = scores_of(run, lesson, lesson.splits.test).argmax(axis=1) == lesson.table.labels[lesson.splits.test]
    assert found.stdout.startswith(f"on 18 test rows: accuracy {right.mean():.4f}, macro_f1 "), found.stderr
    other = write_table(tmp_path / "other.csv", seed=1)
    for model, rows, said in ((run, other, "learnt from something else than"), (table, table, "is no run folder")):
        refused = _export("evaluate", str(model), str(rows))
        assert refused.exit_code == 64 and said in refused.stderr
    assert _export("evaluate", str(run), str(table), "--report", str(tmp_path)).exit_code == 64


@pytest.mark.parametrize(("raw_mels", "scaling"), [(False, "db"), (True, "none")])
def test_a_table_of_the_front_ends_columns_makes_one_that_does(tmp_path: Path, raw_mels: bool, scaling: str) -> None:
    table = read_vector_table(write_tracks(tmp_path / "tracks.csv", TRACK174_COLUMNS[::-1]))
    lesson = TableLesson(table, split_rows(table, 0), raw_mels)
    train_on_table(lesson, settings(epochs=2), tmp_path / "run", shown=False)
    spec, network = load_network(RunFolder(tmp_path / "run").best)
    heard = spec.recipe.front_end
    assert (heard.kind, heard.scaling, spec.recipe.input_shape) == ("track174", scaling, (174,))
    assert raw_mels or heard == TRACK174_FRONT_END
    train_on_table(lesson, _begun(tmp_path / "run"), tmp_path / "next", shown=False)
    with pytest.raises(SettingsUnusable, match=r"took mel columns otherwise; change table\.raw_mels"):
        other = TableLesson(table, lesson.splits, not raw_mels)
        train_on_table(other, _begun(tmp_path / "run"), tmp_path / "other", shown=False)
    named = read_vector_table(write_tracks(tmp_path / "named.csv"))
    with torch.inference_mode():
        logits = network.logits(torch.from_numpy(learnable(named, raw_mels)))  # type: ignore[operator]
    assert torch.softmax(logits, 1).numpy()[:5] == pytest.approx(scores_of(tmp_path / "run", lesson, np.arange(5)))


def test_the_command_trains_on_a_table_and_its_network_becomes_a_model(tmp_path: Path) -> None:
    table = write_tracks(tmp_path / "tracks.csv")
    table.write_text(table.read_text().replace("label", "genre", 1))
    said = ["--set", "table.raw_mels=true", "--set", "table.label=genre"]
    words = [*said, "--set", "network_options.hidden=16", "--set", "device=cpu", "--set", "threads=1", "--epochs", "2"]
    done = _export("train", str(table), "--run", str(tmp_path / "run"), "--network", "vector-rnn", *words)
    assert done.exit_code == 0 and "of its rows: validation loss" in done.stdout, done.stderr
    assert "; genred export onnx " in done.stdout
    again = _export("train", str(table), "--run", str(tmp_path / "run"), "--resume")
    assert again.exit_code == 0, again.stderr
    assert read_settings(tmp_path / "run" / "settings.toml").table.raw_mels
    made = _export("onnx", str(tmp_path / "run"), "--output", str(tmp_path / "model.onnx"))
    assert made.exit_code == 0, made.stderr
    card = read_card(tmp_path / "model.onnx")
    assert (
        card.front_end.scaling == "none"
        and card.front_end.kind == "track174"
        and [label.name for label in card.labels] == list(LABELS)
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"network": "spectrogram-cnn", "network_options": {}},
            "network: spectrogram-cnn does not take a table's",
        ),
        (
            {"network": "auto", "network_options": {}, "initial": "musicnn-msd"},
            "network: musicnn does not take a table's rows; vector-cnn, vector-dense, vector-rnn do",
        ),
        ({"front_end": "mfcc"}, "front_end: a table's columns say what is heard"),
        ({"augment": {"mask": 0.5}}, "augment.mask: frames of track174 can only have mixup"),
        ({"early_stop": {"watch": "f1"}}, "early_stop.watch: 'f1' is none of loss, "),
        ({"loss": {"kind": "soft-bce"}}, "loss.kind: soft-bce learns from a teacher"),
        ({"network_options": {"hidden": 0}}, "network_options: vector-dense cannot be made with them"),
    ],
)
def test_settings_that_do_not_fit_rows_are_said(
    lesson: TableLesson, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(SettingsUnusable) as error:
        train_on_table(lesson, settings(**changes), tmp_path / "run", shown=False)
    assert said in str(error.value) and not (tmp_path / "run").exists()


def test_mixup_balance_and_class_weights_work_on_rows(lesson: TableLesson, tmp_path: Path) -> None:
    changes = {
        "augment": {"mixup": 0.5},
        "windows": {"balance": "labels"},
        "loss": {"kind": "ce", "class_weights": True},
    }
    outcome = train_on_table(lesson, settings(**changes), tmp_path / "run", shown=False)
    assert outcome.figures["accuracy"] > 0.8


def test_an_epoch_has_each_row_once_in_an_order_of_its_own() -> None:
    rows = Rows(torch.arange(23.0)[:, None], torch.eye(2)[torch.arange(23) % 2])
    labels = ["ab"[n % 2] for n in range(23)]
    stream = RowStream(rows, labels, 8, seed=3)
    first, again, second = (list(stream.epoch(n)) for n in (1, 1, 2))
    assert [len(batch.targets) for batch in first] == [8, 8, 7] and stream.batches_per_epoch == 3
    orders = [torch.cat([batch.frames.flatten() for batch in epoch]).tolist() for epoch in (first, again, second)]
    assert sorted(orders[0]) == list(range(23)) and orders[0] == orders[1] != orders[2]
    ranks = [RowStream(rows, labels, 8, seed=3, rank=rank, world_size=2) for rank in range(2)]
    assert {rank.batches_per_epoch for rank in ranks} == {2}
    both = [batch.frames.flatten() for rank in ranks for batch in rank.epoch(1)]
    assert sorted(torch.cat(both).tolist()) == list(range(23))


def test_the_support_vector_machine_learns_from_training_and_validation(lesson: TableLesson) -> None:
    splits = lesson.splits
    truth = lesson.table.labels[splits.test]
    assert (svm_answers(lesson) == truth).mean() > 0.8
    swapped = TableLesson(lesson.table, RowSplits(splits.validation, splits.train, splits.test))
    assert np.array_equal(svm_answers(lesson), svm_answers(swapped))


@needs_vector_table
def test_the_reference_table_gives_the_support_vector_machine_its_known_figure() -> None:
    lesson = open_lesson(VECTOR_TABLE, settings())
    assert (svm_answers(lesson) == lesson.table.labels[lesson.splits.test]).mean() == pytest.approx(0.76)


def _begun(run: Path) -> TrainSettings:
    return TrainSettings.model_validate({"initial": str(run), "epochs": 1, "device": "cpu", "threads": 1})


def _fields(lesson: TableLesson, **changes: object) -> dict[str, Any]:
    names = ("path", "columns", "features", "label_names", "labels", "lines")
    return {name: getattr(lesson.table, name) for name in names} | changes


def _export(*words: str) -> Result:
    threads = torch.get_num_threads()
    try:
        return CliRunner().invoke(app, words)
    finally:
        torch.set_num_threads(threads)


def test_notes_of_a_run_name_the_table_and_its_splits(lesson: TableLesson, tmp_path: Path) -> None:
    train_on_table(lesson, settings(epochs=1), tmp_path / "run", shown=False)
    noted = json.loads(RunFolder(tmp_path / "run").environment.read_text())["music_set"]
    assert noted["folder"] == str(lesson.table.path) and noted["labels"] == list(LABELS)
    assert noted["clips"] == {"train": 63, "validation": 9, "test": 18}
    other = TableLesson(lesson.table, split_rows(lesson.table, 1))
    with pytest.raises(ExportError, match="begun on other music"):
        train_on_table(other, settings(epochs=1), tmp_path / "run", resume=True, shown=False)
