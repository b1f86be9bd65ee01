"""Clips made by a pool of processes; one that is there is not made again."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from export.data.worker_pool import Lost, each
from export.errors import ExportError
from export.progress import tracked
from export.rendered.catalogue import STYLES
from export.rendered.compose import compose
from export.rendered.midi_file import midi_bytes
from export.rendered.plan import Job
from export.rendered.sound import clip_of, flac_frames, write_flac
from export.rendered.synth import RATE_HZ, Synth

LEAD_S: Final = 2.0
"""Composed beyond the clip's end, so that what is cut off the start is not missing there."""
LEVELS_DBFS: Final = (-23.0, -15.0)
"""Each piece's own level (RMS), whatever its style: loudness tells nothing."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """made: clips rendered now. found: those that were there."""

    made: int
    found: int


def render_all(jobs: Sequence[Job], synths: Mapping[str, Synth], folder: Path, workers: int | None) -> Rendered:
    """All clips that are not there yet. The first error ends it: OSError, InputUnusable, ExportError."""
    # Files are whole or absent; those of another length are of a run with other --seconds, or --quick.
    missing = [job for job in jobs if flac_frames(folder / job.path) != round(job.seconds * RATE_HZ)]
    done = each(partial(_render, dict(synths), folder), missing, workers or os.cpu_count() or 1)
    for job, result in tracked(done, len(missing), "rendering"):
        if isinstance(result, Lost):
            raise ExportError(f"{job.path}: the process that rendered it was killed; run the command again to go on")
    return Rendered(len(missing), len(jobs) - len(missing))


def _render(synths: Mapping[str, Synth], folder: Path, job: Job) -> None:
    """One clip: composed, played, levelled, written whole."""
    midi = midi_bytes(compose(STYLES[job.style], job.band, job.piece, job.seconds + LEAD_S))
    level_dbfs = Random(f"level/{job.band}/{job.piece}").uniform(*LEVELS_DBFS)
    stereo = synths[job.soundfont].render(midi)
    write_flac(folder / job.path, clip_of(stereo, RATE_HZ, job.seconds, level_dbfs), RATE_HZ)
