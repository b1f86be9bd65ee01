"""Jazz: a walking bass, a ride cymbal, chords with sevenths off the beat."""

from typing import Final

from export.rendered.chords_shared import DORIAN_VAMP, TURNAROUND, TWO_FIVE_ONE
from export.rendered.style import Part, Progression, Style

JAZZ: Final = Style(
    name="jazz",
    tempo=(96, 216),
    swing_eighths=(0.6, 1.0),
    progressions=(
        TWO_FIVE_ONE,
        TURNAROUND,
        Progression("major", "Imaj7 vi7 ii7 V7 iii7 VI7 ii7 V7"),
        Progression("harmonic minor", "iim7b5 V7 i7 i7 iv7 bVII7 bIIImaj7 V7"),
        Progression("mixolydian", "I7 IV7 I7 I7 IV7 #ivdim7 I7 VI7 ii7 V7 iii7,VI7 ii7,V7"),
        DORIAN_VAMP,
    ),
    grooves=(
        """
        ride  x...x.x.x...x.x.
        pedal ....x.......x...
        snare ..?...?...?...?.
        kick  o...o...o...o...
        """,
        """
        ride  x...x.x.x...x.x.
        pedal ....x.......x...
        kick  ?.......?...?...
        """,
        """
        ride  x...x.x.x.x.
        pedal ....x.......
        kick  o...........
        """,
        "kick ................",
    ),
    kits=("jazz", "brush", "standard"),
    parts=(
        Part(
            instruments=("acoustic bass", "acoustic bass", "finger bass", "fretless bass"),
            bars="w---w---w---w--- w---w---w---w--- 1-------5------- w---w---w---",
            lowest=28,
            level=98,
        ),
        Part(
            instruments=("piano", "piano", "jazz guitar", "electric piano", "vibraphone"),
            bars="x-....x......... ......x-......x. ..x.......x-.... x.............x- x-....x..... ......x-....",
            lowest=52,
            presence=0.9,
            level=80,
        ),
        Part(
            instruments=("tenor sax", "alto sax", "trumpet", "muted trumpet", "piano", "jazz guitar", "vibraphone"),
            bars="m-mmm-m-m-m-m--- ..m-m-m-m-m-m-m- m---..m-m-m-.... m-m-m---....m-m- m-m-m-m-m---",
            lowest=60,
            presence=0.85,
            level=96,
        ),
        Part(
            instruments=("brass", "tenor sax", "trombone", "drawbar organ"),
            bars="......x-........ x---------...... ..x.....x....... ......x-....",
            lowest=53,
            presence=0.2,
            level=74,
        ),
    ),
    looseness_ms=14,
    fills=0.3,
)
