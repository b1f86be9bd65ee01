"""Which clips a rendered set has: their bands, splits and SoundFonts, before a note is written. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from export.data.clip import Split
from export.rendered.style import Style
from export.rendered.synth import FLUID_R3, TIM_GM

PIECES_A_BAND: Final = 2
VALIDATION_SHARE: Final = 0.2
TEST_SHARE: Final = 1 / 3
"""Test clips per clip of training and validation, in either SoundFont."""


@dataclass(frozen=True, slots=True)
class Job:
    """A clip to be made. band: its seed and artist. path: beneath the set's folder."""

    style: str
    band: str
    piece: str
    split: Split
    soundfont: str
    path: PurePosixPath
    seconds: float


def plan(styles: Sequence[Style], clips: int, seconds: float, seed: int) -> Iterator[Job]:
    """For each style `clips` to learn from, a fifth of them for validation, and a third as many for either test.

    No band is in two splits. Both tests play the same pieces, of bands that training never hears: between them only
    the instruments' sound differs.
    """
    for style in styles:
        bands = -(-clips // PIECES_A_BAND)
        to_validate = max(1, round(bands * VALIDATION_SHARE))
        for number in range(clips):
            band = number // PIECES_A_BAND
            split: Split = "validation" if band >= bands - to_validate else "train"
            yield _job(style.name, f"{seed}-{band:03}", number, split, FLUID_R3, seconds)
        for number in range(max(1, round(clips * TEST_SHARE))):
            for soundfont in (TIM_GM, FLUID_R3):
                band_seed = f"{seed}-test-{number // PIECES_A_BAND:03}"
                yield _job(style.name, band_seed, number, "test", soundfont, seconds)


def _job(style: str, band: str, number: int, split: Split, soundfont: str, seconds: float) -> Job:
    piece = number % PIECES_A_BAND
    folder = {"train": "learn", "validation": "learn"}.get(split, "test-" + soundfont.partition("_")[0].split(".")[0])
    path = PurePosixPath("audio", folder.lower(), style, f"{style}-{band}-{piece}.flac")
    return Job(style, f"{style}-{band}", str(piece), split, soundfont, path, seconds)
