"""Hip-hop: a low bass and hard drums, late sixteenths, two bars out of an old record again and again."""

from typing import Final

from export.rendered.chords_shared import AXIS_MINOR, DORIAN_VAMP, MINOR_TURN, TWO_FIVE_ONE
from export.rendered.style import Part, Progression, Style

HIPHOP: Final = Style(
    name="hiphop",
    tempo=(76, 108),
    swing_sixteenths=(0.2, 0.9),
    progressions=(
        DORIAN_VAMP,
        MINOR_TURN,
        AXIS_MINOR,
        TWO_FIVE_ONE,
        Progression("minor pentatonic", "i7 i7 bVImaj7 V7"),
        Progression("minor", "i7 i7 i7 i7"),
    ),
    grooves=(
        """
        kick  x..x......xx....
        snare ....x.......x..?
        hat   x.o.x.o.x.o.x.o.
        """,
        """
        kick  x.x....x..x..?..
        snare ....x..?....x...
        hat   xoxoxoxoxoxoxoxo
        """,
        """
        kick  x......x..x.....
        clap  ....x.......x...
        hat   x.xxx.x.xxx.x.xx
        open  ..............?.
        """,
        """
        kick  x.....x...x..x..
        rim   ........x.......
        hat   xoxxxoxoxxxoxoxx
        """,
    ),
    kits=("TR-808", "electronic", "standard", "room"),
    parts=(
        Part(
            instruments=("synth bass", "finger bass", "synth bass 2", "fretless bass", "acoustic bass"),
            bars="1--1......1-.... 1-----.1..5-..1- 1-------..1-..3- 1--5..8-..1.....",
            lowest=26,
            level=110,
        ),
        # What was cut from an old record.
        Part(
            instruments=("electric piano", "FM piano", "piano", "vibraphone", "jazz guitar", "clavinet"),
            bars="x-----x---...... o-----..o---.... x---......x-x-.. 8-5-7-....5-3-1-",
            lowest=55,
            presence=0.85,
            level=84,
        ),
        Part(
            instruments=("strings", "warm pad", "pizzicato", "synth strings", "flute"),
            bars="o--------------- 1-.5-.8-.5-.7-.. m-m-m---........",
            lowest=60,
            presence=0.55,
            level=68,
        ),
        Part(
            instruments=("saw lead", "square lead", "muted trumpet", "vibraphone", "flute", "piano"),
            bars="m-..m-m-........ ..m-m-......m--- m-----m-m-......",
            lowest=66,
            presence=0.35,
            level=78,
        ),
    ),
    looseness_ms=12,
    fills=0.15,
    drum_level=110,
)
