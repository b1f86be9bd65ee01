"""Training on a table of vectors: the one loop of `export.train.training`, with rows for its material."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from export.data.augment import check_allowed
from export.errors import SettingsUnusable
from export.table.columns import VECTOR_NETWORKS, can_be_heard, front_end, in_order, learnable
from export.table.row_material import as_music_set, row_material, rows_of
from export.table.row_splits import RowSplits, split_rows
from export.table.vector_table import Ints, VectorTable, read_vector_table
from export.train.losses import activated
from export.train.material import Lesson, Material
from export.train.outcome import OnEpoch, Outcome
from export.train.parallel import Team
from export.train.run_folder import RunFolder, begun_with
from export.train.settings import SOFTMAX_LOSSES, TrainSettings
from export.train.starting import resolved
from export.train.trained import checkpoint_of, read_network
from export.train.training import learn
from export.train.validation import check_watch

_HEARING: Final = "track174"  # of networks that take a vector
_USUAL: Final = "vector-dense"


@dataclass(frozen=True, slots=True, eq=False)
class TableLesson:
    """A table, how it is split, and whether its mel columns stay powers instead of decibels."""

    table: VectorTable
    splits: RowSplits
    raw_mels: bool = False

    @property
    def features(self) -> npt.NDArray[np.float32]:
        """float32 (n_rows, n_columns): what networks take."""
        return learnable(in_order(self.table), self.raw_mels)


def open_lesson(path: Path, settings: TrainSettings) -> TableLesson:
    """The table of a file, read as `settings.table` says, its rows split by their seed. InputUnusable."""
    table = read_vector_table(path, settings.table.label, settings.table.without)
    return TableLesson(table, split_rows(table, settings.seed), settings.table.raw_mels)


def train_on_table(
    lesson: TableLesson,
    settings: TrainSettings,
    run: Path,
    *,
    resume: bool = False,
    on_epoch: OnEpoch | None = None,
    shown: bool = True,
) -> Outcome:
    """Learn from the rows of "train", judge every epoch on those of "validation", keep the best in `run`.

    A table with just the columns of the front end track174 makes a network that can hear, for its checkpoint says that
    front end; a network of other columns knows nothing but tables. Raises as `export.train.training.train`.
    """
    table = in_order(lesson.table)
    heard = can_be_heard(table)
    music = as_music_set(table, lesson.splits)
    before = begun_with(RunFolder(run)) if resume else None
    settings = resolved(_for_rows(settings, lesson.raw_mels), music, before)
    _check_network(settings.network)
    if settings.front_end != front_end(lesson.raw_mels):
        raise SettingsUnusable(f"initial: {settings.initial} took mel columns otherwise; change table.raw_mels")
    features = lesson.features
    train, validation = (rows_of(table, features, places) for places in (lesson.splits.train, lesson.splits.validation))

    def gather(team: Team, network: nn.Module) -> Material:
        return row_material(table, train, validation, settings, lesson.splits.train, team)

    columns = () if heard else table.columns
    return learn(Lesson(music, gather, columns), settings, run, resume=resume, on_epoch=on_epoch, shown=shown)


def scores_of(run: Path, lesson: TableLesson, places: Ints) -> npt.NDArray[np.float32]:
    """float32 (n, n_labels): what the best network of a run says of some rows. InputUnusable."""
    spec, network = read_network(checkpoint_of(run))
    with torch.inference_mode():
        logits = network.logits(torch.from_numpy(lesson.features[places]))  # type: ignore[operator]
        scores: npt.NDArray[np.float32] = activated(logits, spec.activation).numpy()
    return scores


def _for_rows(settings: TrainSettings, raw_mels: bool) -> TrainSettings:
    """With the front end of tables; SettingsUnusable for what rows cannot be used with."""
    if not settings.initial:
        settings = settings.model_copy(update={"network": _USUAL if settings.network == "auto" else settings.network})
        _check_network(settings.network)
    if settings.front_end not in ("auto", front_end(raw_mels)):
        raise SettingsUnusable("front_end: a table's columns say what is heard; leave it out")
    check_allowed(settings.augment, _HEARING)
    check_watch(settings.early_stop.watch, False, False)
    if settings.loss.kind not in ("auto", "bce", "asymmetric-focal", "asl", *SOFTMAX_LOSSES):
        raise SettingsUnusable(f"loss.kind: {settings.loss.kind} learns from a teacher; a table has none")
    return settings if settings.initial else settings.model_copy(update={"front_end": front_end(raw_mels)})


def _check_network(network: str) -> None:
    if network not in VECTOR_NETWORKS:
        raise SettingsUnusable(
            f"network: {network} does not take a table's rows; {', '.join(sorted(VECTOR_NETWORKS))} do"
        )
