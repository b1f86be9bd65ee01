"""What the medley is: its styles in order, each with the tags that would be right for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from medley import chamber, folk, house, jazz, metal
from medley.smf import Score, smf_bytes

DEFAULT_SEED: Final = 7


@dataclass(frozen=True)
class Style:
    """One segment: who composes it, and which genre tags of musicnn-msd name it rightly."""

    name: str
    compose: Callable[[Random], Score]
    expect: tuple[str, ...]


# Each is 16 s long, a whole number of the tagger's 2 s hops, so that only one window straddles a change.
# The tags of musicnn-msd have no "classical"; music for strings without drums is "ambient" in its words.
PROGRAMME: Final = (
    Style("jazz", jazz.compose, ("jazz",)),
    Style("house", house.compose, ("electronic", "electronica", "dance", "House", "electro")),
    Style("chamber strings", chamber.compose, ("ambient",)),
    Style("metal", metal.compose, ("metal", "heavy metal", "hard rock")),
    Style("folk", folk.compose, ("folk", "country")),
)


def scores(seed: int) -> list[tuple[Style, Score]]:
    """Every style composed with a generator of its own, so that changing one leaves the others as they were."""
    return [(style, style.compose(Random(f"{seed} {style.name}"))) for style in PROGRAMME]


def midi_sha256(score: Score) -> str:
    """The fingerprint of a composed segment: of its MIDI file's bytes."""
    return hashlib.sha256(smf_bytes(score)).hexdigest()
