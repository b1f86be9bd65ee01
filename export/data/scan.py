"""From what a source lists to a music set: labels mapped, files taken in once, duplicates bound, splits drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from export.data.clip import SPLITS, Clip
from export.data.label_map import LabelMap
from export.data.labelling import check_enough, check_promised, label_notes, labelled, mapped, multi_label
from export.data.leaks import check_leaks, without_leaks
from export.data.listening import Heard, Unreadable, hear, look
from export.data.listing import Listing, Skipped
from export.data.music_set import MusicSet
from export.data.recordings import bound, duplicates, one_of_each
from export.data.scan_report import ScanReport
from export.data.splits import SplitRules, split_clips, with_validation
from export.data.worker_pool import Lost, each
from export.errors import InputUnusable
from export.progress import tracked
from models.card import Label

SplitChoice = Literal["auto", "official", "random"]

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ScanRules:
    """What the user wants of a scan.

    split: "official" as the source says, "random" drawn anew, "auto" official where the source says any. artist_tags:
    artists from the files' own tags. drop_duplicates: one file of each recording. drop_leaks: instead of an error.
    """

    label_map: LabelMap = field(default_factory=LabelMap)
    split: SplitChoice = "auto"
    shares: SplitRules = field(default_factory=SplitRules)
    unlabelled: bool = False
    one_label_ok: bool = False
    artist_tags: bool = False
    ignore_artists: bool = False
    drop_duplicates: bool = False
    drop_leaks: bool = False
    min_duration_s: float = 4.0
    workers: int = 1


def scan(listing: Listing, folder: Path, rules: ScanRules) -> ScanReport:
    """The set, to be written into `folder`, and what there is to say of it. InputUnusable.

    Every file is read once, by `rules.workers` processes; nothing is written.
    """
    skipped = list(listing.skipped)
    named = list(listing.clips)
    if not rules.unlabelled:
        named, nameless = mapped(named, rules.label_map)
        skipped += nameless
    heard = _taken_in(named, listing.pictures, rules, skipped)
    if not heard:
        raise InputUnusable(_nothing(skipped))
    clips = bound([clip for clip, _ in heard], [taken for _, taken in heard])
    if rules.drop_duplicates:
        clips, copies = one_of_each(clips)
        skipped += copies
    labels: tuple[str, ...] = ()
    if not rules.unlabelled:
        check_promised(listing, named, clips, rules.label_map)
        labels, clips, rare = labelled(clips, rules.label_map)
        skipped += rare
        if not rules.one_label_ok:
            check_enough(labels)
    clips, leaking = _split(clips, rules)
    skipped += leaking
    kinds = rules.label_map.kinds
    outputs = tuple(Label(name, kinds.get(name, "genre")) for name in labels)
    music = MusicSet(folder, tuple(clips), outputs, multi_label(clips, rules.label_map))
    check_leaks(music)
    notes = (*listing.notes, *label_notes(labels, rules.label_map), *_absences(music))
    return ScanReport(music, tuple(skipped), duplicates(clips), notes)


def _taken_in(
    clips: Sequence[Clip], pictures: bool, rules: ScanRules, skipped: list[Skipped]
) -> list[tuple[Clip, Heard]]:
    """Every file read once, in the order of the clips; what cannot be used goes to `skipped`."""
    done = each(look if pictures else hear, [clip.path for clip in clips], rules.workers)
    results = dict(tracked(done, len(clips), "looking" if pictures else "listening"))
    heard = []
    for clip in clips:
        result = results[clip.path]
        if isinstance(result, Heard) and (result.duration_s is None or result.duration_s >= rules.min_duration_s):
            duration_s = None if result.duration_s is None else round(result.duration_s, 3)
            artist = result.artist if rules.artist_tags else clip.artist
            known = None if rules.ignore_artists else artist
            heard.append((replace(clip, sha256=result.sha256, duration_s=duration_s, artist=known), result))
        else:
            skipped.append(Skipped(clip.path, _why_not(result, rules)))
    return heard


def _why_not(result: Heard | Unreadable | Lost, rules: ScanRules) -> str:
    if isinstance(result, Unreadable):
        return result.reason
    if isinstance(result, Lost):
        return "the decoder crashed on it, or ran out of memory"
    return f"shorter than {rules.min_duration_s:g} s"


def _nothing(skipped: Sequence[Skipped]) -> str:
    shown = [f"{one.path}: {one.reason}" for one in skipped[:_SHOWN]]
    more = [f"... and {len(skipped) - _SHOWN} more"] if len(skipped) > _SHOWN else []
    return "\n".join([f"none of {len(skipped)} files can be used", *shown, *more])


def _split(clips: list[Clip], rules: ScanRules) -> tuple[list[Clip], list[Skipped]]:
    """The clips with their splits, and those left out because another split has them."""
    official = rules.split == "official" or (rules.split == "auto" and any(clip.split for clip in clips))
    if not official:
        return list(split_clips(clips, rules.shares)), []
    if not any(clip.split for clip in clips):
        raise InputUnusable("the source names no splits: --split random draws them")
    whole = list(with_validation(clips, rules.shares))
    if not rules.drop_leaks:
        return whole, []
    kept, left = without_leaks(whole)
    return kept, [Skipped(clip.path, "its recording or artist is also in a split that judges") for clip in left]


def _absences(music: MusicSet) -> list[str]:
    """Labels that a split lacks, a sentence a split. InputUnusable when the training lacks one."""
    notes = []
    for split in SPLITS:
        held = {label for clip in music.of(split) for label in clip.labels}
        absent = [name for name in music.label_names if name not in held]
        if not absent:
            continue
        said = f"the split {split} has no clip of {', '.join(map(repr, absent))}"
        if split == "train":
            raise InputUnusable(f"{said}: it cannot be learnt. Add music, or leave the label out (drop)")
        notes.append(said)
    return notes
