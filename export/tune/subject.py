"""What trials learn from: a music set, or a table of vectors."""

from dataclasses import dataclass
from pathlib import Path

from export.data.music_set import MusicSet, read_music_set
from export.table.row_material import as_music_set
from export.table.table_training import TableLesson, open_lesson, train_on_table
from export.train.outcome import OnEpoch, Outcome
from export.train.settings import TrainSettings
from export.train.starting import resolved
from export.train.training import train
from export.tune.applied import Hearer, hearer_of
from export.tune.objective import Trainer


@dataclass(frozen=True, slots=True)
class Subject:
    """trainer: trains on it. table: where it is one."""

    fingerprint: str
    multi_label: bool
    trainer: Trainer
    music: MusicSet
    table: TableLesson | None = None

    def hearer(self, base: TrainSettings) -> Hearer | None:
        """Of trials that begin with `base`, where their settings alone do not say it. InputUnusable."""
        if self.table is not None:
            return Hearer(base.network, "track174")
        return hearer_of(resolved(base, self.music)) if base.initial else None


def open_subject(path: Path, cache: Path | None, workers: int, base: TrainSettings) -> Subject:
    """A folder is a music set, a file a table, read and split as `base` says. InputUnusable."""
    if path.is_file():
        return _table(path, base)
    music = read_music_set(path)

    def on_music(settings: TrainSettings, run: Path, resume: bool, on_epoch: OnEpoch) -> Outcome:
        return train(music, settings, run, resume=resume, on_epoch=on_epoch, cache=cache, workers=workers)

    return Subject(music.fingerprint, music.multi_label, on_music, music)


def _table(path: Path, base: TrainSettings) -> Subject:
    lesson = open_lesson(path, base)

    def on_rows(settings: TrainSettings, run: Path, resume: bool, on_epoch: OnEpoch) -> Outcome:
        return train_on_table(lesson, settings, run, resume=resume, on_epoch=on_epoch, shown=False)

    music = as_music_set(lesson.table, lesson.splits)
    return Subject(music.fingerprint, False, on_rows, music, lesson)
