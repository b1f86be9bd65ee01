"""A comparison as one page, with its pictures inside it."""

from pathlib import Path
from typing import Final

from export.compare import wording
from export.compare.pictures import curves_picture, forest_picture, labels_picture, speed_picture
from export.compare.side_by_side import SideBySide
from export.evaluate.html_page import inline, page_template
from export.evaluate.wording import FIGURES

_TEMPLATE: Final = Path(__file__).parent / "compare.html.j2"


def page_text(found: SideBySide) -> str:
    """The HTML."""
    curves = curves_picture(found.models)
    return page_template(_TEMPLATE).render(
        found=found,
        figures={key: FIGURES[key][0] for key in wording.SHOWN if key in found.models[0].tracks.values},
        say=wording,
        pictures={
            "forest": inline(forest_picture(found)),
            "speed": inline(speed_picture(found.models)),
            "curves": "" if curves is None else inline(curves),
            "labels": inline(labels_picture(found.models)),
        },
    )
