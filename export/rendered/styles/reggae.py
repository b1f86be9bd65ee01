"""Reggae: the skank off the beat, the bubble of an organ, little on the one, much bass."""

from typing import Final

from export.rendered.chords_shared import AXIS, AXIS_MINOR, FOUR_BARS, MINOR_TURN
from export.rendered.style import Part, Progression, Style

REGGAE: Final = Style(
    name="reggae",
    tempo=(66, 104),
    swing_eighths=(0.0, 0.5),
    swing_sixteenths=(0.0, 0.4),
    progressions=(
        Progression("minor pentatonic", "i bVII i bVII"),
        MINOR_TURN,
        FOUR_BARS,
        AXIS,
        AXIS_MINOR,
        Progression("major", "I ii IV I"),
    ),
    grooves=(
        # One drop: nothing on the one.
        """
        kick  ........x.......
        rim   ........x.....?.
        hat   x.o.x.o.x.o.x.o.
        """,
        # Steppers.
        """
        kick  x...x...x...x...
        rim   ........x..?..?.
        hat   ..x...x...x...x.
        """,
        # Rockers.
        """
        kick  x.......x.......
        snare ....x.......x.?.
        open  ..x...x...x...x.
        """,
    ),
    kits=("standard", "room"),
    parts=(
        Part(
            instruments=("finger bass", "fretless bass", "synth bass", "acoustic bass"),
            bars="1-1-..5-8---..5- ..1-1-..5-3-1-.. 1--1..3-5---.... 1-......1-1-3-5-",
            lowest=28,
            level=108,
        ),
        # The skank, on every off-beat.
        Part(
            instruments=("clean guitar", "muted guitar", "steel guitar", "piano"),
            bars="....x.......x... ..x...x...x...x. ....x.......x.x. ....x-......x-..",
            lowest=55,
            level=92,
            gate=0.5,
        ),
        Part(
            instruments=("drawbar organ", "rock organ", "drawbar organ", "piano"),
            bars="..oo..oo..oo..oo .o.o.o.o.o.o.o.o ....x-x.....x-x. o---------------",
            lowest=55,
            presence=0.75,
            level=74,
        ),
        Part(
            instruments=("trumpet", "trombone", "tenor sax", "harmonica", "flute", "drawbar organ"),
            bars="m---m-m-........ ..m-m-m-m---.... m-------m---m--- m-m-....m-m-....",
            lowest=62,
            presence=0.5,
            level=86,
        ),
    ),
)
