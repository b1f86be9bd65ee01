"""A model that is to be judged, and what it says of clips: offline, or through the daemon."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.data.cache import FeatureCache
from export.data.cache_build import build
from export.data.clip import SPLITS, Clip, Split
from export.data.media import is_picture
from export.data.music_set import MusicSet
from export.errors import InputUnusable
from export.evaluate.alignment import Alignment, align
from export.evaluate.comparison import Judged
from export.evaluate.evaluation import ModelFacts
from export.evaluate.learnt_note import learnt_note
from export.evaluate.onnx_scorer import OnnxScorer
from export.evaluate.rows import Rows, rows_of
from export.evaluate.scoring import ClipScores, Scorer, score_clips
from export.evaluate.streaming import StreamingCheck, check_streamed, stream_clips
from export.evaluate.thresholds import best_thresholds, threshold_array
from export.progress import tracked


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A model, the labels of it that are judged, and where its features are kept."""

    scorer: Scorer
    alignment: Alignment
    music: MusicSet
    cache: FeatureCache

    @property
    def model_labels(self) -> tuple[str, ...]:
        """All of the model's labels, in the order of its scores."""
        return tuple(label.name for label in self.scorer.labels)

    def facts(self) -> ModelFacts:
        """Which model it is; reads its whole file."""
        scorer = self.scorer
        with scorer.path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        recipe = scorer.recipe
        return ModelFacts(scorer.name, scorer.path, sha256, scorer.activation, recipe.window_s, recipe.hop_s)

    def learnt_note(self, split: Split, name: str | None = None) -> str | None:
        """What it has heard in training of the clips of `split`, in a sentence, where there is something to say.

        name: what to call it; None: as it calls itself.
        """
        scorer = self.scorer
        return learnt_note(name or scorer.name, scorer.path, scorer.labels, scorer.origin, self.music, split)

    def readable(self, clips: Sequence[Clip], workers: int) -> tuple[list[Clip], dict[Path, str]]:
        """Fills the cache; the clips that can be heard, and why the others cannot."""
        report = build(self.cache, clips, workers)
        return report.usable(clips), {clip.path: reason for clip, reason in report.refused}

    def scored(self, clips: Sequence[Clip], what: str) -> list[ClipScores]:
        """The scores of readable clips; `what` is what the progress says."""
        return list(tracked(score_clips(self.scorer, clips, self.cache), len(clips), what))

    def streamed(self, offline: Sequence[ClipScores]) -> tuple[list[ClipScores], StreamingCheck]:
        """The same clips through the daemon, and how far its scores are from those computed offline."""
        clips = [each.clip for each in offline]
        if any(is_picture(clip.path) for clip in clips):
            raise InputUnusable("--streaming needs audio: the daemon does not listen to pictures")
        with tempfile.TemporaryDirectory(prefix="genred-streaming-") as folder:
            model = self._served(Path(folder))
            found = list(tracked(stream_clips(model, self.model_labels, clips), len(clips), "streaming"))
        return found, check_streamed(found, offline)

    def rows(self, scored: Sequence[ClipScores], labels: Sequence[str]) -> Rows:
        """Side by side with the truth."""
        return rows_of(scored, self.model_labels, labels, self.music.multi_label)

    def validation(self, split: Split, workers: int) -> Rows | None:
        """Rows of the validation clips, which temperature and thresholds are fitted on; None when `split` is theirs."""
        clips = self.music.of("validation")
        if split == "validation" or not clips:
            return None
        readable, _ = self.readable(clips, workers)
        return self.rows(self.scored(readable, "scoring validation"), self.alignment.labels)

    def judged(self, rows: Rows, validation: Rows | None) -> tuple[Judged, str | None]:
        """With the thresholds of the card, or else the best ones on validation windows; and which of them, in words."""
        if not self.music.multi_label:
            return Judged(rows, threshold_array({}, rows.labels)), None
        thresholds = self.scorer.card.thresholds if isinstance(self.scorer, OnnxScorer) else {}
        origin = "the model's card"
        if not thresholds and validation is not None and len(validation.windows):
            thresholds = best_thresholds(validation.window_truth, validation.windows, validation.labels)
            origin = "best F1 on the validation windows"
        if not thresholds:
            origin = ".5 for every label: the model brings none, and no validation clips beside these could give them"
        return Judged(rows, threshold_array(thresholds, rows.labels)), origin

    def _served(self, folder: Path) -> Path:
        """The ONNX file that the daemon runs: the model itself, or the checkpoint converted."""
        if isinstance(self.scorer, OnnxScorer):
            return self.scorer.path
        from export.convert.conversion import Wishes, convert
        from export.convert.made_card import Naming

        model = folder / "checkpoint.onnx"
        convert(self.scorer.path, model, None, None, Wishes(Naming("checkpoint")))
        return model


def candidate_of(scorer: Scorer, music: MusicSet, cache: Path, common_labels: bool) -> Candidate:
    """The model on this music; `cache`: the folder. InputUnusable where their labels differ: see `align`."""
    names = [label.name for label in scorer.labels]
    alignment = align(scorer.name, names, music.label_names, common_labels)
    return Candidate(scorer, alignment, music, FeatureCache(cache, scorer.recipe))


def clips_of(music: MusicSet, split: Split) -> tuple[Clip, ...]:
    """The clips of a split; InputUnusable when there are none."""
    found = music.of(split)
    if not found:
        there = [name for name in SPLITS if music.of(name)]
        advice = f"it has {', '.join(there)}" if there else "scan it again with splits"
        raise InputUnusable(f"{music.folder} has no clips of split {split!r}; {advice}")
    return found


def same_tracks(*rows: Rows) -> tuple[Rows, ...]:
    """The tracks that are in all of them, in the order of the first."""
    first, *others = rows
    there = [{clip.path for clip in other.clips} for other in others]
    common = [clip for clip in first.clips if all(clip.path in paths for paths in there)]
    same = tuple(each.of(common) for each in rows)
    assert all(np.array_equal(each.truth, same[0].truth) for each in same)
    return same
