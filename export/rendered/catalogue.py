"""The ten styles, by name. They bear the names of GTZAN's genres; none of its music is in them."""

from collections.abc import Mapping, Sequence
from typing import Final

from export.errors import InputUnusable
from export.rendered.style import Style
from export.rendered.styles.blues import BLUES
from export.rendered.styles.classical import CLASSICAL
from export.rendered.styles.country import COUNTRY
from export.rendered.styles.disco import DISCO
from export.rendered.styles.hiphop import HIPHOP
from export.rendered.styles.jazz import JAZZ
from export.rendered.styles.metal import METAL
from export.rendered.styles.pop import POP
from export.rendered.styles.reggae import REGGAE
from export.rendered.styles.rock import ROCK

STYLES: Final[Mapping[str, Style]] = {
    style.name: style for style in (BLUES, CLASSICAL, COUNTRY, DISCO, HIPHOP, JAZZ, METAL, POP, REGGAE, ROCK)
}


def chosen(names: Sequence[str]) -> list[Style]:
    """The styles of these names, all of them when there are none; InputUnusable."""
    unknown = [name for name in names if name not in STYLES]
    if unknown:
        raise InputUnusable(f"no style {unknown[0]!r}: there are {', '.join(STYLES)}")
    return [STYLES[name] for name in dict.fromkeys(names)] or list(STYLES.values())
