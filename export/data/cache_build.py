"""The cache filled ahead of need, by several processes; what is there already is passed over."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

from export.data.cache import FeatureCache
from export.data.clip import Clip
from export.data.decode import Floats
from export.data.features import silent_windows
from export.data.recipe import Recipe
from export.data.worker_pool import Lost, each
from export.errors import InputUnusable
from export.progress import tracked

_ABANDONED_S: Final = 3600.0  # no entry takes as long to write: its writer is dead


@dataclass(slots=True)
class BuildReport:
    """What came of it: entries made, entries that were there, and clips that cannot be used with the reason."""

    built: int = 0
    found: int = 0
    refused: list[tuple[Clip, str]] = field(default_factory=list)

    def usable(self, clips: Sequence[Clip]) -> list[Clip]:
        """`clips` without those that were refused."""
        refused = {clip.path for clip, _ in self.refused}
        return [clip for clip in clips if clip.path not in refused]


def build(cache: FeatureCache, clips: Sequence[Clip], workers: int = 0) -> BuildReport:
    """Make every entry that is missing; 0 workers: one a processor. Begun again after a kill, it goes on.

    Progress goes to standard error where that is a terminal. Refused are clips that cannot be read, that are shorter
    than a window, or silent throughout; the others are built all the same. CannotWrite ends it.
    """
    _remove_abandoned(cache)
    report = BuildReport()
    for clip, outcome in tracked(_outcomes(cache, clips, workers or processors()), len(clips), "listening"):
        report.built += outcome.kind == "built"
        report.found += outcome.kind == "found"
        if outcome.trouble is not None:
            report.refused.append((clip, outcome.trouble))
    report.refused.sort(key=lambda refused: refused[0].path)  # the same list however many workers
    return report


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def trouble_with(power: Floats, recipe: Recipe) -> str | None:
    """Why a clip of these blocks (their powers) gives nothing to learn from; None when it does."""
    silent = silent_windows(power, recipe)
    if not len(silent):
        return f"is shorter than a window of {recipe.window_s:g} s"
    return "is silent throughout" if silent.all() else None


@dataclass(frozen=True, slots=True)
class _Outcome:
    kind: Literal["built", "found", "unreadable"]
    trouble: str | None


def _outcomes(cache: FeatureCache, clips: Sequence[Clip], workers: int) -> Iterator[tuple[Clip, _Outcome]]:
    """What becomes of each clip, those first that were there."""
    missing = []
    for clip in clips:
        power = _kept(cache, clip)
        if power is None:
            missing.append(clip)
        else:
            yield clip, _Outcome("found", trouble_with(power, cache.recipe))
    for clip, outcome in each(partial(_made, cache), missing, workers):
        lost = _Outcome("unreadable", "the process that read it crashed, or was killed")
        yield clip, lost if isinstance(outcome, Lost) else outcome


def _made(cache: FeatureCache, clip: Clip) -> _Outcome:
    """In a worker: the clip's entry."""
    try:
        return _Outcome("built", trouble_with(cache.power(clip), cache.recipe))
    except InputUnusable as error:
        return _Outcome("unreadable", str(error).removeprefix(str(clip.path)).lstrip(": "))


def _kept(cache: FeatureCache, clip: Clip) -> Floats | None:
    try:
        return cache.kept_power(clip)
    except InputUnusable:
        return None  # it will be said when it is to be made


def _remove_abandoned(cache: FeatureCache) -> None:
    """Temporary files of writers that were killed."""
    for path in cache.entries.glob("*/.*.tmp"):
        with suppress(FileNotFoundError):  # another build removes them too
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                path.unlink()
