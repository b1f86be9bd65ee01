"""Blues: twelve bars, a shuffle, a guitar or a harmonica that answers."""

from typing import Final

from export.rendered.chords_shared import MINOR_BLUES, QUICK_CHANGE, TWELVE_BAR
from export.rendered.style import Part, Style

BLUES: Final = Style(
    name="blues",
    tempo=(66, 132),
    swing_eighths=(0.75, 1.0),
    progressions=(
        TWELVE_BAR,
        QUICK_CHANGE,
        TWELVE_BAR,
        MINOR_BLUES,
    ),
    grooves=(
        """
        kick  x.....o.x.......
        snare ....x.......x...
        hat   x.o.x.o.x.o.x.o.
        """,
        """
        kick  x.......x.x.....
        snare ....x.......x..?
        ride  x.o.x.o.x.o.x.o.
        """,
        "kick ................",
    ),
    kits=("standard", "room", "brush"),
    parts=(
        Part(
            instruments=("finger bass", "acoustic bass", "pick bass"),
            bars="1-1-5-5-7-7-5-5- 1---3---5---7--- w---w---w---w--- 1-.13-.35-.57-.5",
            lowest=28,
        ),
        # The shuffle of root with fifth, sixth and seventh on a guitar's low strings, or a piano's left hand.
        Part(
            instruments=("clean guitar", "steel guitar", "overdriven guitar", "piano"),
            bars="x.o.x.o.x.o.x.o. x-.ox-.ox-.ox-.o ....x.......x... 1.5.7.5.1.5.7.5.",
            lowest=45,
        ),
        Part(
            instruments=("overdriven guitar", "harmonica", "tenor sax", "jazz guitar", "clean guitar"),
            bars="m-m-m---....m-m- m-----m-m-m-.... ..m-m-m-m------- m-mmm---........",
            lowest=62,
            presence=0.75,
        ),
        Part(
            instruments=("piano", "honky-tonk", "drawbar organ", "rock organ"),
            bars="o-------....o-.. ..x...x.......x. ....x-x-....x-x- o---------------",
            lowest=55,
            presence=0.6,
            level=76,
        ),
    ),
)
