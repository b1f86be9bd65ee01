"""Pop: four chords, a backbeat, keyboards and pads, a synthesiser's tune."""

from typing import Final

from export.rendered.chords_shared import AXIS, AXIS_MINOR, DOO_WOP
from export.rendered.style import Part, Progression, Style

POP: Final = Style(
    name="pop",
    tempo=(84, 130),
    swing_sixteenths=(0.0, 0.3),
    progressions=(
        AXIS,
        AXIS_MINOR,
        DOO_WOP,
        Progression("major", "vi IV I V"),
        Progression("major", "Imaj7 iii7 IV V"),
    ),
    grooves=(
        """
        kick  x.....x.x.......
        snare ....x.......x...
        hat   xoxoxoxoxoxoxoxo
        """,
        """
        kick  x..x..x...x.....
        clap  ....x.......x...
        shaker xoxoxoxoxoxoxoxo
        """,
        """
        kick  x.......x.x.....
        rim   ....x.......x...
        hat   x.x.x.x.x.x.x.x.
        tambourine ....x.......x...
        """,
        """
        kick  x...x...x...x...
        clap  ....x.......x...
        hat   ..x...x...x...x.
        """,
    ),
    kits=("standard", "electronic", "room", "TR-808"),
    parts=(
        Part(
            instruments=("finger bass", "synth bass", "synth bass 2", "fretless bass"),
            bars="1-----1-1------- 1--1--1-1--1--1- 1-------5---1--- 1-1-1-1-1-1-1-1-",
            lowest=28,
            level=94,
        ),
        Part(
            instruments=("piano", "electric piano", "FM piano", "steel guitar", "clean guitar"),
            bars="x---x---x---x--- x-----x-----x--- 1-5-8-5-9-8-5-3- x-------x-----x-",
            lowest=52,
            presence=0.95,
            level=86,
            strum_ms=4,
        ),
        Part(
            instruments=("warm pad", "synth strings", "strings", "new age pad", "polysynth"),
            bars="o--------------- o-------o-------",
            lowest=57,
            presence=0.75,
            level=66,
        ),
        Part(
            instruments=("saw lead", "square lead", "flute", "piano", "steel guitar", "synth voice"),
            bars="m-m-m-m-m---.... m--m--m-m------- ..m-m-m-m-m-m--- m-mmm---m---....",
            lowest=64,
            presence=0.75,
            level=92,
        ),
    ),
    looseness_ms=5,
    fills=0.4,
)
