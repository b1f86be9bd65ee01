"""Metal: power chords in sixteenths, two bass drums, minor and phrygian."""

from typing import Final

from export.rendered.style import Part, Progression, Style

METAL: Final = Style(
    name="metal",
    tempo=(96, 192),
    progressions=(
        Progression("minor", "i5 bVI5 bVII5 i5"),
        Progression("phrygian", "i5 bII5 i5 bVII5"),
        Progression("minor", "i5 i5 bIII5 bVI5"),
        Progression("harmonic minor", "i5 iv5 bVI5 V5"),
        Progression("minor", "i5 bVII5 bVI5 bVII5"),
    ),
    grooves=(
        """
        kick  x.x.x.x.x.x.x.x.
        snare ....x.......x...
        hat   x...x...x...x...
        """,
        """
        kick  xxxxxxxxxxxxxxxx
        snare ....x.......x...
        ride  x...x...x...x...
        """,
        """
        kick  x..xx..xx..xx..x
        snare ....x.......x...
        crash x.......x.......
        """,
        """
        kick  x...x...x...x...
        snare ..x...x...x...x.
        hat   x.x.x.x.x.x.x.x.
        """,
        """
        kick  x..x..x.........
        snare ........x.......
        crash x...x...x...x...
        """,
    ),
    kits=("power", "room", "standard"),
    parts=(
        Part(
            instruments=("distorted guitar", "distorted guitar", "overdriven guitar"),
            bars="x.xxx.xxx.xxx.xx xxxxxxxxxxxxxxxx x..xx..xx..xx.x. x-------x------- x-x-..xxx-x-..xx",
            lowest=40,
            level=84,
            gate=0.85,
        ),
        Part(
            instruments=("pick bass", "finger bass"),
            bars="1.111.111.111.11 1111111111111111 1-1-1-1-1-1-1-1- 1--11--11--11-1-",
            lowest=28,
            level=96,
        ),
        Part(
            instruments=("distorted guitar", "overdriven guitar"),
            bars="x.xxx.xxx.xxx.xx x-------x------- x--------------- xxxxxxxxxxxxxxxx",
            lowest=47,
            presence=0.75,
            level=72,
        ),
        Part(
            instruments=("distorted guitar", "overdriven guitar"),
            bars="mmmmmmmmmmmmmmmm m-m-m-m-m---m--- m-------m-m-mmmm m-mmm-mmm-mmm---",
            lowest=64,
            presence=0.4,
            level=84,
        ),
    ),
    looseness_ms=5,
    fills=0.8,
    drum_level=108,
)
