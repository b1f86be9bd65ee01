"""Progressions that several styles play: what genres share in harmony is written once."""

from typing import Final

from export.rendered.style import Progression

TWELVE_BAR: Final = Progression("blues", "I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7")
QUICK_CHANGE: Final = Progression("blues", "I7 IV7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7,IV7 I7,V7")
MINOR_BLUES: Final = Progression("minor pentatonic", "i7 i7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 V7")
AXIS: Final = Progression("major", "I V vi IV")
AXIS_MINOR: Final = Progression("minor", "i bVI bIII bVII")
DOO_WOP: Final = Progression("major", "I vi IV V")
THREE_CHORDS: Final = Progression("major pentatonic", "I I IV I I V I,V I")
FOUR_BARS: Final = Progression("major", "I IV V IV")
MIXOLYDIAN: Final = Progression("mixolydian", "I bVII IV I")
TWO_FIVE_ONE: Final = Progression("major", "ii7 V7 Imaj7 vi7")
TURNAROUND: Final = Progression("major", "Imaj7,vi7 ii7,V7 iii7,vi7 ii7,V7")
DORIAN_VAMP: Final = Progression("dorian", "i7 IV7")
ANDALUSIAN: Final = Progression("minor", "i bVII bVI V")
MINOR_TURN: Final = Progression("minor", "i iv bVII i")
