"""Disco: four to the floor, the hat between, a bass in octaves, strings and brass."""

from typing import Final

from export.rendered.chords_shared import ANDALUSIAN, AXIS_MINOR, DORIAN_VAMP, TWO_FIVE_ONE
from export.rendered.style import Part, Progression, Style

DISCO: Final = Style(
    name="disco",
    tempo=(104, 134),
    progressions=(
        DORIAN_VAMP,
        AXIS_MINOR,
        Progression("minor", "i7 bVII bVImaj7 V7"),
        Progression("minor", "i7 iv7 bVII bIIImaj7"),
        TWO_FIVE_ONE,
        ANDALUSIAN,
    ),
    grooves=(
        """
        kick  x...x...x...x...
        clap  ....x.......x...
        open  ..x...x...x...x.
        hat   x..xx..xx..xx..x
        """,
        """
        kick  x...x...x...x...
        snare ....x.......x...
        open  ..x...x...x...x.
        tambourine xoxoxoxoxoxoxoxo
        """,
        """
        kick  x...x...x...x...
        snare ....x.......x..?
        hat   xoxoxoxoxoxoxoxo
        conga-high ..x..o.x..x..o.x
        """,
    ),
    kits=("standard", "electronic", "TR-808"),
    parts=(
        # Octaves, off the beat.
        Part(
            instruments=("slap bass", "finger bass", "synth bass", "synth bass 2"),
            bars="1.8.1.8.1.8.1.8. ..1...1...1...1. 1..81.8.1..85.8. 1-.1..8-7-.5..7-",
            lowest=28,
            level=100,
        ),
        Part(
            instruments=("muted guitar", "clean guitar", "clavinet", "electric piano"),
            bars="x.xx.xx.x.xx.xx. ..xx..x...xx..x. xoxxoxxoxoxxoxxo ....x..x....x..x",
            lowest=55,
            presence=0.9,
            level=84,
            gate=0.45,
        ),
        Part(
            instruments=("strings", "synth strings", "slow strings", "brass"),
            bars="o--------------- x-......x.x..... ..x-......x-x-x- 8-------9-------",
            lowest=60,
            presence=0.7,
            level=78,
        ),
        Part(
            instruments=("piano", "electric piano", "saw lead", "polysynth"),
            bars="x..x..x.x..x..x. ..x...x...x...x. x-----x---------",
            lowest=55,
            presence=0.6,
            level=78,
        ),
        Part(
            instruments=("brass", "alto sax", "strings", "saw lead", "flute"),
            bars="m-m-m---........ ..m-m-m-m---.... mmm-m---....m-m- m---m---m-m-m---",
            lowest=65,
            presence=0.5,
            level=86,
        ),
    ),
    looseness_ms=4,
    fills=0.5,
)
