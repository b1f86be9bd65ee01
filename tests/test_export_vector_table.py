"""Tables of vectors as files: what is read, what is refused with its line and column, how rows are split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.errors import InputUnusable
from export.table.columns import TRACK174_COLUMNS, can_be_heard, in_order, learnable
from export.table.row_splits import split_rows
from export.table.vector_table import VectorTable, read_vector_table
from models.front_ends.named import TRACK174_FRONT_END
from tests.vector_tables import EIGHT, LABELS, write_rows, write_table, write_tracks


def test_numbers_labels_and_lines_are_read(tmp_path: Path) -> None:
    text = "Filename;A;b;Genre\nx.wav;1.5;-2e3;rock\n\ny.wav;0;4;jazz\n"
    (tmp_path / "t.csv").write_text(text, encoding="utf-8-sig")
    table = read_vector_table(tmp_path / "t.csv", "genre", ["filename"])
    assert table.columns == ("a", "b") and table.label_names == ("jazz", "rock")
    assert table.features.tolist() == [[1.5, -2000.0], [0.0, 4.0]]
    assert table.labels.tolist() == [1, 0] and table.lines == (2, 4)


def test_a_carriage_return_ends_a_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a;b;label\r1;2;x,,,,,\r3;4;y\r")
    table = read_vector_table(tmp_path / "t.csv")
    assert table.columns == ("a", "b") and table.features.tolist() == [[1, 2], [3, 4]] and table.lines == (2, 3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column label .* the file is empty"),
        ("a,b\n1,2\n", r"no column label \(table.label names the labels' column\); it has a, b"),
        ("a,label\n", "no rows: nothing to tell apart"),
        ("a,label\n1,x\n2,x\n", "one label alone, x: nothing to tell apart"),
        ("label\nx\ny\n", "no columns beside label"),
        ("a,a,label\n1,2,x\n", "a is the name of several columns"),
        ("a,label\n1,x\nyes,y\n", r"t.csv:3: column a: 'yes' is no number; --set 'table.without=\[\"a\"\]' leaves"),
        ("a,label\n1,x\n,y\n", "t.csv:3: column a: the cell is empty"),
        ("a,label\n1,x\nnan,y\n", "t.csv:3: column a: nan is no number that can be learnt from"),
        ("a,label\n1,x\n-inf,y\n", "t.csv:3: column a: -inf is no number that can be learnt from"),
        ("a,label\n1,x\n1e300,y\n", "t.csv:3: column a: 1e300 is no number that can be learnt from"),
        ("a,label\n1,x\n2\n", "t.csv:3: column label: the row has no label"),
        ("a,label\n1,x\n2,y,3\n", "t.csv:3: more columns than the header has"),
        ("a,label\r1,x\r2\r", "t.csv:3: column label: the row has no label"),
        (f"{'a' * 131_073},label\n1,x\n", "t.csv:1: not CSV: field larger than field limit"),
        ('label,"a\nb"\nx,one\n', r"t.csv:3: column a\nb: 'one' is no number"),
    ],
)
def test_what_is_no_table_of_vectors_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputUnusable, match=said):
        read_vector_table(tmp_path / "t.csv")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputUnusable, match="cannot be read: No such file"):
        read_vector_table(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_bytes(b"a,label\n1,\xff\n")
    with pytest.raises(InputUnusable, match="not UTF-8"):
        read_vector_table(tmp_path / "t.csv")


def test_rows_with_the_same_numbers_are_counted_and_left_out(tmp_path: Path) -> None:
    rows = [[1, 2, "x"], [1, 3, "y"], [1, 2, "x"], [1, 2, "y"]]
    table = read_vector_table(write_rows(tmp_path / "t.csv", ["a", "b", "label"], rows))
    assert table.repeated == 2
    once = table.without_repeats()
    assert once.features.tolist() == [[1, 2], [1, 3]] and once.lines == (2, 3) and once.repeated == 0


def test_columns_of_the_front_end_are_found_by_name_in_any_order(tmp_path: Path) -> None:
    order = list(TRACK174_COLUMNS)
    assert len(order) == TRACK174_FRONT_END.n_features == 174
    np.random.default_rng(1).shuffle(order)
    table = read_vector_table(write_tracks(tmp_path / "t.csv", order))
    assert can_be_heard(table) and table.columns == tuple(order)
    tidy = in_order(table)
    assert tidy.columns == TRACK174_COLUMNS
    for name in ("tempo", "mfcc_20", "tonnetz_1", "mel_spectrogram_128"):
        column = tidy.features[:, TRACK174_COLUMNS.index(name)]
        assert np.array_equal(column, table.features[:, order.index(name)])
    other = read_vector_table(write_table(tmp_path / "o.csv", [*TRACK174_COLUMNS[:-1], "loudness"]))
    assert not can_be_heard(other) and in_order(other) is other


def test_mel_columns_become_decibels_and_nothing_else_does(tmp_path: Path) -> None:
    rows = [[5.0, 100.0, 0.0, "x"], [7.0, 1e-3, -1.0, "y"]]
    path = write_rows(tmp_path / "t.csv", ["tempo", "mel_spectrogram_1", "mel_spectrogram_2", "label"], rows)
    table = read_vector_table(path)
    assert learnable(table, raw_mels=False) == pytest.approx(np.array([[5, 20, -100], [7, -30, -100]]))
    assert learnable(table, raw_mels=True) == pytest.approx(np.array([[5, 100, 0], [7, 1e-3, -1]]))


@given(st.lists(st.integers(12, 60), min_size=2, max_size=5), st.integers(0, 1000))
def test_each_label_has_its_share_of_every_split(counts: list[int], seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    names = tuple("abcde"[: len(counts)])
    table = VectorTable(Path("t"), ("x",), np.zeros((len(labels), 1)), names, labels, tuple(range(len(labels))))
    splits = split_rows(table, seed)
    together = np.concatenate([splits.train, splits.validation, splits.test])
    assert sorted(together.tolist()) == list(range(len(labels)))
    for label, count in enumerate(counts):
        assert abs((labels[splits.test] == label).sum() - 0.2 * count) <= 1
        assert abs((labels[splits.validation] == label).sum() - 0.1 * count) <= 1.5
    again, other = split_rows(table, seed), split_rows(table, seed + 1)
    assert np.array_equal(again.test, splits.test) and not np.array_equal(other.train, splits.train)


def test_a_label_with_too_few_rows_is_said(tmp_path: Path) -> None:
    rows: list[list[object]] = [[n, "often"] for n in range(20)] + [[1, "once"]]
    table = read_vector_table(write_rows(tmp_path / "t.csv", ["a", "label"], rows))
    with pytest.raises(InputUnusable, match=r"too few rows of once \(1\): a label needs 3"):
        split_rows(table, 0)
    small = read_vector_table(write_table(tmp_path / "s.csv", EIGHT, rows_per_label=3))
    with pytest.raises(InputUnusable, match=r"s\.csv: "):
        split_rows(small, 0)
    assert small.label_names == LABELS
    with pytest.raises(InputUnusable, match="must be between 0 and 1"):
        split_rows(small, 0, test=1.5)
