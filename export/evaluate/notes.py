"""What a reader must know of an evaluation, a sentence each, and why there is nothing to judge."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from export.data.clip import Split
from export.evaluate.alignment import Alignment, listed
from export.evaluate.rows import Rows

_FEW_TRACKS: Final = 50
_OPTIMISTIC: Final[Mapping[Split, str]] = {
    "train": "The network may have learnt these very clips: the figures say how well it remembers them.",
    "validation": "Thresholds, temperature and the best epoch were chosen on these clips: the figures flatter.",
}


def notes(
    alignment: Alignment, rows: Rows, refused: Mapping[Path, str], split: Split, learnt: Sequence[str | None]
) -> tuple[str, ...]:
    """`refused`: clips that could not be heard, and why. learnt: `learnt_note` of this model, and of others."""
    found = [_OPTIMISTIC[split]] if split in _OPTIMISTIC and learnt[0] is None else []
    found += [note for note in learnt if note is not None]
    if not alignment.is_whole:
        found.append(f"Only labels that model and set share are judged: {alignment.said}.")
    if refused:
        reasons = listed([f"{path.name} {reason}" for path, reason in refused.items()])
        count = (
            "1 clip cannot be heard and is" if len(refused) == 1 else f"{len(refused)} clips cannot be heard and are"
        )
        found.append(f"{count} left out: {reasons}.")
    for left_out, why in ((rows.unlabelled, "without any of the labels"), (rows.unheard, "silent or too short")):
        if left_out:
            names = listed([clip.path.name for clip in left_out])
            found.append(f"{_clips(len(left_out))} {why} and left out: {names}.")
    absent = [name for place, name in enumerate(rows.labels) if not rows.truth[:, place].any()]
    if absent:
        found.append(f"No clip of this split has {listed(absent)}: means over labels leave out what has no clip.")
    if len(rows.clips) < _FEW_TRACKS:
        found.append(f"{len(rows.clips)} tracks are few: look at the intervals before the figures.")
    return tuple(found)


def why_nothing(rows: Rows, refused: Mapping[Path, str]) -> str:
    """Of a split that has clips, but none that can be judged."""
    counts = (
        (len(refused) + len(rows.unheard), "unreadable, silent or too short"),
        (len(rows.unlabelled) + len(rows.clips), "without any of the labels that are judged"),
    )
    return ", ".join(f"{count} {what}" for count, what in counts if count)


def _clips(count: int) -> str:
    return "1 clip is" if count == 1 else f"{count} clips are"
