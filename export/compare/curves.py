"""How the networks that are compared have learnt, where their runs' folders are at hand."""

import math
from pathlib import Path

from export.compare.side_by_side import CurvePoint
from export.train.learnt import run_folder_of
from export.train.run_folder import RunFolder, read_metrics


def curve_of(model: Path) -> tuple[CurvePoint, ...]:
    """Of a run's folder, or of a checkpoint in one; empty of all else, and where no macro F1 was measured."""
    if model.suffix == ".onnx":
        return ()
    history = read_metrics(RunFolder(model if model.is_dir() else run_folder_of(model)))
    points = [(epoch.epoch, epoch.figures.get("macro_f1", math.nan), epoch.best) for epoch in history]
    return tuple(CurvePoint(epoch, macro_f1, best) for epoch, macro_f1, best in points if math.isfinite(macro_f1))
