"""What figures are called where people read them, and how they are written."""

from typing import Final

from export.evaluate.bootstrap import Interval

# key of `metrics.figures` -> (name, whether more is better, what it is), in the order in which they are shown.
FIGURES: Final = {
    "accuracy": ("accuracy", True, "share of decisions that are right"),
    "subset_accuracy": ("subset accuracy", True, "share of tracks of which every label is decided rightly"),
    "macro_f1": ("macro F1", True, "mean of the labels' F1: every label counts the same"),
    "weighted_f1": ("weighted F1", True, "mean of the labels' F1, each by how often it occurs"),
    "recall_positives": ("recall on positives", True, "of all labels that are there, the share that was found"),
    "macro_precision": ("macro precision", True, "mean over labels: of what was called so, the share that is"),
    "macro_recall": ("macro recall", True, "mean over labels: of what is so, the share that was found"),
    "roc_auc": ("ROC-AUC", True, "chance that a clip with a label scores above one without it, mean over labels"),
    "pr_auc": ("PR-AUC", True, "average precision as the threshold falls, mean over labels"),
    "ece": ("calibration error", False, "how far scores are from the share of times they are right (ECE)"),
    "brier": ("Brier score", False, "mean squared distance of scores from the truth"),
}


def figure(value: float | None, decimals: int = 3) -> str:
    """.123, without the zero before it; a dash for None."""
    if value is None:
        return "–"
    text = f"{value:.{decimals}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def span(interval: Interval | None) -> str:
    """.81 to .97."""
    return "–" if interval is None else f"{figure(interval.low)} to {figure(interval.high)}"


def short_span(interval: Interval | None) -> str:
    """.81–.98, for narrow columns."""
    return "–" if interval is None else f"{figure(interval.low, 2)}–{figure(interval.high, 2)}"


def signed(value: float) -> str:
    """A difference with its sign."""
    return f"{'+' if value >= 0 else ''}{figure(value)}"


def chance(p: float) -> str:
    """A p value."""
    return "< .001" if p < 0.001 else figure(p)
