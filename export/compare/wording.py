"""How a comparison is put into words, on the screen and on the page."""

from typing import Final

from export.compare.side_by_side import Lead, ModelLine, SideBySide

# Those that tables have room for, of `export.evaluate.wording.FIGURES`, by names as short as columns are narrow.
SHOWN: Final = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "ece": "ECE",
}


def count(number: int) -> str:
    """12,345."""
    return f"{number:,}"


def size(line: ModelLine) -> str:
    """Of its file, and of what kind that is."""
    return f"{line.file_bytes / 1e6:.2f} MB {line.facts.path.suffix.removeprefix('.')}"


def milliseconds(value: float) -> str:
    """Three digits of it."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def streams(value: float) -> str:
    """Whole ones; below ten, tenths."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def share(value: float) -> str:
    """Percent."""
    return f"{100 * value:.0f} %"


def tells(lead: Lead) -> bool:
    """Whether the tracks tell the two apart, with all the models that are compared taken into account."""
    return lead.p_holm < 0.05


def held_against(found: SideBySide) -> str:
    """Which model, and why that one."""
    why = "the best by macro F1" if found.chosen else "as asked for"
    return f"{found.against} ({why})"


def correction(found: SideBySide) -> str:
    """What p values are corrected for."""
    n = len(found.versus)
    if n == 1:
        return "one pair: p needs no correction"
    return f"p corrected for {n} models held against one (Holm), of each figure by itself"


def choosing(found: SideBySide) -> str | None:
    """What to mind where the best of them was taken."""
    if not found.chosen:
        return None
    return "The best was chosen by these very tracks, which flatters it: name a model beforehand with --against."
