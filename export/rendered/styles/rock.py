"""Rock: eighths on an overdriven guitar and a bass, a backbeat."""

from typing import Final

from export.rendered.chords_shared import AXIS, FOUR_BARS, MIXOLYDIAN, TWELVE_BAR
from export.rendered.style import Part, Progression, Style

ROCK: Final = Style(
    name="rock",
    tempo=(92, 172),
    swing_eighths=(0.0, 0.2),
    progressions=(
        MIXOLYDIAN,
        AXIS,
        FOUR_BARS,
        TWELVE_BAR,
        Progression("minor pentatonic", "i bVII IV i"),
        Progression("minor pentatonic", "i5 bIII5 IV5 bVII5"),
    ),
    grooves=(
        """
        kick  x.......x.......
        snare ....x.......x...
        hat   x.o.x.o.x.o.x.o.
        """,
        """
        kick  x.....x.x.x.....
        snare ....x.......x..?
        open  x...x...x...x...
        """,
        """
        kick  x..x....x.x.....
        snare ....x.......x...
        ride  x.x.x.x.x.x.x.x.
        """,
        """
        kick  x.x...x.x.x...x.
        snare ....x.......x...
        crash x...............
        hat   x.x.x.x.x.x.x.x.
        """,
    ),
    kits=("standard", "room", "power"),
    parts=(
        Part(
            instruments=("finger bass", "pick bass"),
            bars="1-1-1-1-1-1-1-1- 1--11-1-1--11-5- 1---1-1-5---3-1- 1-------1-1-5-5-",
            lowest=28,
            level=96,
        ),
        Part(
            instruments=("overdriven guitar", "overdriven guitar", "distorted guitar", "clean guitar"),
            bars="x-x-x-x-x-x-x-x- x--x--x-x--x--x- x-----x-x------- x-..x-.xx-..x-.x",
            lowest=45,
            level=82,
        ),
        Part(
            instruments=("overdriven guitar", "steel guitar", "clean guitar", "rock organ"),
            bars="x-------x------- x-o-x-oox-o-x-oo 1-5-8-5-1-5-8-5- x---------------",
            lowest=52,
            presence=0.7,
            level=74,
            strum_ms=8,
        ),
        Part(
            instruments=("overdriven guitar", "distorted guitar", "clean guitar", "rock organ"),
            bars="m-m-m---m-m-m--- m---m-mmm------- m-m-m-m-m---.... mmm-m-m-....m-m-",
            lowest=64,
            presence=0.55,
            level=92,
        ),
    ),
)
