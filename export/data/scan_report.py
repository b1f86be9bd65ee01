"""What a scan found, for people (a terminal) and for programs (report.json)."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from export.data.clip import SPLITS, Clip
from export.data.listing import Skipped
from export.data.music_set import MusicSet
from models.whole_file import write_text

REPORT: Final = "report.json"
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class ScanReport:
    """Beside the set itself: what was left out and why, and what is in it more than once.

    duplicates: groups of clips that hold the same audio. notes: what the user should know, a sentence each.
    """

    music: MusicSet
    skipped: tuple[Skipped, ...]
    duplicates: tuple[tuple[Clip, ...], ...]
    notes: tuple[str, ...]

    @property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Clips of each label in each split; of all labels under ""."""
        counts: dict[str, Counter[str]] = {name: Counter() for name in ("", *self.music.label_names)}
        for clip in self.music.clips:
            for name in ("", *clip.labels):
                counts[name][clip.split or ""] += 1
        return counts

    @property
    def contradictions(self) -> tuple[tuple[Clip, ...], ...]:
        """Duplicates whose labels differ."""
        return tuple(group for group in self.duplicates if len({frozenset(clip.labels) for clip in group}) > 1)


def write_report(report: ScanReport) -> None:
    """`report.json` in the set's folder, whole or not at all; OSError."""
    music = report.music
    fields: dict[str, Any] = {
        "clips": len(music.clips),
        "duration_s": round(sum(clip.duration_s or 0.0 for clip in music.clips), 3),
        "multi_label": music.multi_label,
        "splits": {split: report.counts[""][split] for split in SPLITS},
        "labels": {name: {split: report.counts[name][split] for split in SPLITS} for name in music.label_names},
        "skipped": [{"path": _printable(one.path), "reason": one.reason} for one in report.skipped],
        "duplicates": [
            [{"path": str(clip.path), "labels": list(clip.labels), "split": clip.split} for clip in group]
            for group in report.duplicates
        ],
        "notes": list(report.notes),
    }
    write_text(music.folder / REPORT, json.dumps(fields, ensure_ascii=False, indent=2) + "\n")


def show_report(report: ScanReport, console: Console) -> None:
    """Counts, what was skipped, duplicates and notes; long lists are cut, report.json has them whole."""
    console.print(_counts_table(report))
    _show_skipped(report.skipped, console)
    if report.duplicates:
        console.print(
            f"[bold]{len(report.duplicates)} recordings are there more than once[/bold]; each is in one split"
        )
    for group in (*report.contradictions, *(g for g in report.duplicates if g not in report.contradictions))[:_SHOWN]:
        differ = " [yellow](labels differ)[/yellow]" if group in report.contradictions else ""
        console.print("  " + " = ".join(escape(_named(clip)) for clip in group) + differ, soft_wrap=True)
    _show_more(len(report.duplicates), console)
    for note in report.notes:
        console.print(f"[yellow]note[/yellow]: {escape(note)}", soft_wrap=True)
    hours = sum(clip.duration_s or 0.0 for clip in report.music.clips) / 3600
    length = f", {hours:.2f} hours" if hours else ""
    console.print(f"{report.music.folder}: {len(report.music.clips)} clips{length}", soft_wrap=True, markup=False)


def _counts_table(report: ScanReport) -> Table:
    table = Table("label", box=None, pad_edge=False)
    for heading in (*SPLITS, "all"):
        table.add_column(heading, justify="right")
    for name in (*report.music.label_names, ""):
        counts = report.counts[name]
        numbers = [str(counts[split]) for split in SPLITS]
        table.add_row(escape(name) or "[bold]clips[/bold]", *numbers, str(sum(counts.values())))
    return table


def _show_skipped(skipped: Sequence[Skipped], console: Console) -> None:
    """The reasons, the commonest first, each with some of its files."""
    reasons: dict[str, list[Path]] = {}
    for one in skipped:
        reasons.setdefault(one.reason, []).append(one.path)
    if skipped:
        console.print(f"[bold]{len(skipped)} files skipped[/bold]")
    for reason, paths in sorted(reasons.items(), key=lambda item: -len(item[1])):
        console.print(f"  {len(paths)}: {escape(reason)}", soft_wrap=True)
        for path in paths[:_SHOWN]:
            console.print(f"    {escape(_printable(path))}", soft_wrap=True)
        _show_more(len(paths), console)


def _show_more(n: int, console: Console) -> None:
    if n > _SHOWN:
        console.print(f"    ... and {n - _SHOWN} more, all in {REPORT}")


def _named(clip: Clip) -> str:
    return f"{clip.path} ({', '.join(clip.labels)})" if clip.labels else str(clip.path)


def _printable(path: Path) -> str:
    """The path, with what is not UTF-8 written as escapes."""
    return str(path).encode("utf-8", "backslashreplace").decode()
