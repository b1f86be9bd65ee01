"""The rendered sets as tables that `genred export scan` reads."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from export.rendered.plan import Job
from export.rendered.synth import FLUID_R3, TIM_GM
from models.whole_file import write_text

COLUMNS: Final = ("path", "labels", "artist", "split", "soundfont")
TABLES: Final = {"styles.csv": TIM_GM, "styles-one-soundfont.csv": FLUID_R3}
"""Table -> the SoundFont of its test split; training and validation are the same in both."""


def write_tables(folder: Path, jobs: Sequence[Job]) -> list[Path]:
    """Both tables, each whole or not at all; OSError."""
    for name, soundfont in TABLES.items():
        with io.StringIO(newline="") as text:
            table = csv.writer(text, lineterminator="\n")
            table.writerow(COLUMNS)
            for job in jobs:
                if job.split != "test" or job.soundfont == soundfont:
                    table.writerow((job.path, job.style, job.band, job.split, job.soundfont))
            write_text(folder / name, text.getvalue())
    return [folder / name for name in TABLES]
