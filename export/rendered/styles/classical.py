"""Classical: no drummer; broken chords under a tune, strings, woodwind, keyboards; in four or in three."""

from typing import Final

from export.rendered.chords_shared import ANDALUSIAN, DOO_WOP
from export.rendered.style import Part, Progression, Style

CLASSICAL: Final = Style(
    name="classical",
    tempo=(60, 144),
    progressions=(
        Progression("major", "I V I IV I,IV V7 I V7"),
        Progression("major", "I vi ii V7 I IV,V7 I I"),
        Progression("major", "I V vi iii IV I IV V"),
        Progression("harmonic minor", "i iv V7 i bVI iv V V7"),
        Progression("harmonic minor", "i V7 i iv i,iv V7 i i"),
        DOO_WOP,
        ANDALUSIAN,
    ),
    grooves=(
        "kick ................",
        "kick ............",
    ),
    parts=(
        # A bass line: cello, bassoon or a left hand.
        Part(
            instruments=("cello", "piano", "bassoon", "contrabass", "harpsichord"),
            bars="1-------5------- 1---3---5---3--- 1--------------- 1---....5---.... 1----------- 1---3---5---",
            lowest=36,
        ),
        # Broken chords.
        Part(
            instruments=("piano", "pizzicato", "harp", "strings", "harpsichord"),
            bars="1.5.3.5.1.5.3.5. 1-3-5-8-9-8-5-3- 1598598515985985 x---x---x---x--- "
            "1.5.3.5.1.5. ....x...x... 1-3-5-8-5-3-",
            lowest=55,
            presence=0.9,
            level=78,
        ),
        Part(
            instruments=("viola", "strings", "slow strings", "clarinet", "horn"),
            bars="o--------------- o-------o------- 1-------3------- o----------- 5---3---1---",
            lowest=53,
            presence=0.75,
            level=70,
        ),
        Part(
            instruments=("violin", "violin", "flute", "oboe", "clarinet", "piano", "harpsichord"),
            bars="m---m-m-m---m--- m-mmm-mmm-m-m--- m-------m---m-m- mmmmm-m-m---m-m- m---m-m-m--- m-mmm-m-m-m-",
            lowest=64,
            presence=0.95,
            level=94,
        ),
        Part(
            instruments=("violin", "oboe", "flute", "clarinet"),
            bars="m-------m------- ....m---m---m--- m---m-----m- m-----------",
            lowest=60,
            presence=0.35,
            level=78,
        ),
    ),
    looseness_ms=16,
)
