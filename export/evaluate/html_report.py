"""An evaluation as a page: `index.html` in a folder, the pictures inside it, the sounds in `clips/` beside it."""

import hashlib
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from export.data.media import is_picture
from export.errors import InputUnusable
from export.evaluate.clip_cutting import cut
from export.evaluate.confusion import Example
from export.evaluate.evaluation import Evaluation
from export.evaluate.html_page import inline, page_template
from export.evaluate.pictures import confusion_picture, differences_picture, labels_picture, reliability_picture
from export.evaluate.wording import FIGURES
from export.progress import tracked
from models.whole_file import write_text

PAGE: Final = "index.html"
CLIPS: Final = "clips"
_AROUND_S: Final = 2.0  # heard before and after the window
_TILES: Final = ("accuracy", "macro_f1", "roc_auc", "pr_auc")
_OWN_NAME: Final = re.compile(r"[0-9a-f]{16}\.mp3")  # see `_shown`


@dataclass(frozen=True, slots=True)
class Shown:
    """An example as the page shows it. sound: relative to the page, or None where there is none to hear."""

    name: str
    true_score: float
    heard_score: float
    at: str
    sound: str | None


def write_report(evaluation: Evaluation, folder: Path) -> Path:
    """Write the page into `folder`, which is made if need be; the page's path. OSError."""
    examples = [example for pair in evaluation.pairs for example in pair.examples]
    shown = {
        example: _shown(example, evaluation, folder) for example in tracked(examples, len(examples), "cutting examples")
    }
    page = folder / PAGE
    write_text(page, _page(evaluation, shown))  # the sounds are there before the page that plays them
    _clear(folder / CLIPS, {Path(one.sound).name for one in shown.values() if one.sound})
    return page


def _clear(clips: Path, named: Set[str]) -> None:
    """Away with the sounds of a report that was here before; what has another's name stays."""
    for path in clips.glob("*.mp3"):
        if _OWN_NAME.fullmatch(path.name) and path.name not in named:
            path.unlink(missing_ok=True)


def _page(evaluation: Evaluation, shown: Mapping[Example, Shown]) -> str:
    comparison = evaluation.comparison
    compared = (
        [] if comparison is None else [(k, comparison.differences[k]) for k in FIGURES if k in comparison.differences]
    )
    names = [line.name for line in evaluation.labels]
    return page_template(Path(__file__).parent / "report.html.j2").render(
        found=evaluation,
        figures=FIGURES,
        tiles=[key for key in _TILES if key in evaluation.tracks],
        shown=shown,
        compared=compared,
        pictures={
            "labels": inline(labels_picture(evaluation.labels)),
            "confusion": inline(confusion_picture(evaluation.confusion, names)),
            "reliability": inline(reliability_picture(evaluation.calibration)),
            "differences": inline(differences_picture(compared)) if compared else "",
        },
    )


def _shown(example: Example, evaluation: Evaluation, folder: Path) -> Shown:
    model = evaluation.model
    start_s = example.window * model.hop_s
    name = hashlib.sha256(f"{example.path}:{start_s}".encode()).hexdigest()[:16] + ".mp3"
    sound: str | None = f"{CLIPS}/{name}"
    if is_picture(example.path):
        sound = None
    else:
        try:
            cut(
                example.path, max(0.0, start_s - _AROUND_S), start_s + model.window_s + _AROUND_S, folder / CLIPS / name
            )
        except InputUnusable:  # it went away since it was scored
            sound = None
    minutes, seconds = divmod(int(start_s), 60)
    at = f"{minutes}:{seconds:02}"
    return Shown(example.path.name, example.true_score, example.heard_score, at, sound)
