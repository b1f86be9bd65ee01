"""What `genred export compare` computes of figures: paired leads, corrected chances, windows drawn, weights counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import settings as few
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from export.compare.leads import Drawn, holm, leads
from export.compare.parameters import graph_parameters
from export.evaluate.comparison import compare
from export.evaluate.measuring import resampled, resampled_windows
from export.evaluate.metrics import figures
from tests.test_export_evaluate_statistics import judged, made_rows


def test_windows_are_drawn_with_their_tracks() -> None:
    """Of tracks whose windows are all alike, figures of drawn windows are those of drawn tracks."""
    rows = made_rows(12, seed=3)
    alike = replace(rows, windows=rows.tracks[rows.owner])
    drawn = resampled_windows(judged(alike), False, 30)
    assert drawn["accuracy"] == pytest.approx(resampled(judged(rows), False, 30)["accuracy"])
    turned = replace(alike, owner=alike.owner[::-1], windows=alike.windows[::-1])  # rows may stand in any order
    assert resampled_windows(judged(turned), False, 30)["macro_f1"] == pytest.approx(drawn["macro_f1"])


@given(st.integers(0, 50), st.booleans())
@few(max_examples=20)
def test_leads_are_those_of_two_models_compared(seed: int, multi_label: bool) -> None:
    """Whatever figures a drawing lacks, both models lack it."""
    one, two = (judged(made_rows(5, seed + 7 * k, 0.3 + 0.2 * k, multi_label)) for k in range(2))
    first, second = (
        Drawn(figures(j.rows.truth, j.rows.tracks, multi_label, j.thresholds), resampled(j, multi_label, 10))
        for j in (one, two)
    )
    (found,) = leads(first, [second])
    wanted = compare(one, two, "two", multi_label, 10).differences
    assert found.keys() == wanted.keys()
    for key, lead in found.items():
        assert (lead.value, lead.interval, lead.p, lead.p_holm) == (
            wanted[key].value,
            wanted[key].interval,
            wanted[key].p,
            wanted[key].p,
        )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_correction_and_bonferroni(chances: list[float]) -> None:
    found = holm(chances)
    for p, corrected in zip(chances, found, strict=True):
        assert p <= corrected <= min(1, len(chances) * p) + 1e-12 or corrected == max(found)
        assert corrected >= p
    order = np.argsort(chances, kind="stable")
    assert np.all(np.diff(np.array(found)[order]) >= 0)
    # Where Benjamini and Hochberg, who ask for less, see nothing, Holm sees nothing either.
    assert np.all(np.array(found) >= false_discovery_control(chances) - 1e-12)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1.0, 1.0] and holm([0.2]) == [0.2] and holm([]) == []


def test_parameters_of_a_graph_are_its_weights_of_any_precision(tmp_path: Path) -> None:
    def constant(name: str, values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> onnx.TensorProto:
        return onnx.numpy_helper.from_array(values, name)

    inner = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["d"], ["y"])], "inner", [], [], [constant("d", np.zeros(5, np.float32))]
    )
    outer = onnx.helper.make_graph(
        [onnx.helper.make_node("If", ["c"], ["x"], then_branch=inner, else_branch=inner)],
        "outer",
        [],
        [],
        [
            constant("a", np.zeros((2, 3), np.float16)),
            constant("b", np.zeros((4, 5), np.int8)),  # quantised
            constant("zero", np.zeros(4, np.int8)),
            constant("shape", np.zeros(7, np.int64)),
        ],
    )
    onnx.save(onnx.helper.make_model(outer), tmp_path / "graph.onnx")
    assert graph_parameters(tmp_path / "graph.onnx") == 6 + 20 + 2 * 5
