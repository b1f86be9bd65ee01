"""Country: bass and strum in turn, picked strings, a fiddle; in four or in three."""

from typing import Final

from export.rendered.chords_shared import AXIS, DOO_WOP, FOUR_BARS, THREE_CHORDS
from export.rendered.style import Part, Progression, Style

COUNTRY: Final = Style(
    name="country",
    tempo=(88, 176),
    swing_eighths=(0.0, 0.5),
    progressions=(
        THREE_CHORDS,
        FOUR_BARS,
        DOO_WOP,
        AXIS,
        Progression("major pentatonic", "I IV I V7 I IV V7 I"),
    ),
    grooves=(
        """
        kick  x.......x.......
        rim   ....x.......x...
        hat   x.x.x.x.x.x.x.x.
        """,
        """
        kick  x.......x.......
        snare o.ooxo.oo.ooxo.o
        """,
        """
        kick  x...........
        rim   ....x...x...
        hat   x...x...x...
        """,
        "kick ................",
    ),
    kits=("standard", "brush", "room"),
    parts=(
        Part(
            instruments=("acoustic bass", "finger bass"),
            bars="1---....5---.... 1-------5------- 1---5---3---5--- 1----------- 1-------5---",
            lowest=28,
        ),
        # Boom-chick: the strum answers the bass.
        Part(
            instruments=("steel guitar", "steel guitar", "nylon guitar", "clean guitar"),
            bars="..x...xo..x...xo ....x-o-....x-o- ..x...x...x...x. ....x-o-x-o- ....x...x-o-",
            lowest=50,
            strum_ms=12,
        ),
        Part(
            instruments=("banjo", "steel guitar", "steel guitar", "clean guitar"),
            bars="1.5.8.5.3.5.8.5. 1.5.9.8.3.5.9.8. 8.951.958.951.95 1.5.8.9.8.5.",
            lowest=52,
            presence=0.6,
            level=82,
        ),
        Part(
            instruments=("fiddle", "harmonica", "violin", "clean guitar", "steel guitar"),
            bars="m-m-m---m---.... m-m-m-m-m---m--- m-------m-m-m--- m---m---m-m-",
            lowest=64,
            presence=0.7,
        ),
    ),
)
