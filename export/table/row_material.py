"""A table's rows as the material of a training run: what a music set's windows are to other runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from export.data.augment import Augmentation
from export.data.balance import Balance, Ints, epoch_windows
from export.data.clip import Clip
from export.data.music_set import MusicSet
from export.data.window_stream import WindowBatch
from export.table.row_splits import RowSplits
from export.table.vector_table import VectorTable
from export.train.losses import activation_of, label_weights, make_loss
from export.train.material import Material
from export.train.parallel import Team
from export.train.settings import TrainSettings
from export.train.validation import Judge
from models.card import Label

_ROWS = 1024  # that are judged at once


@dataclass(frozen=True, slots=True)
class Rows:
    """features: float32 (n, n_columns). targets: float32 (n, n_labels), a one in each row."""

    features: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.features)


class RowStream:
    """Rows in a new order every epoch, a function of (seed, epoch); each batch as windows of one frame.

    The batches of an epoch differ by one row at most, so that no last one is too small to normalise over. labels: of
    each row, for `balance` (`export.data.balance`). Each rank takes a share, and equally many batches.
    """

    def __init__(
        self,
        rows: Rows,
        labels: Sequence[str],
        batch_size: int,
        seed: int,
        *,
        balance: Balance = "none",
        per_label: int | None = None,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self._rows, self._labels = rows, [(label,) for label in labels]
        self._balance, self._per_label = balance, per_label
        self._seed, self._rank, self._world_size = seed, rank, world_size
        self.windows_per_epoch = len(self._chosen(0))
        most = -(-self.windows_per_epoch // world_size)
        self.batches_per_epoch = min(-(-most // batch_size), max(1, self.windows_per_epoch // world_size))

    def epoch(self, n: int) -> Iterator[WindowBatch]:
        """The batches of epoch `n` (of this rank), `batches_per_epoch` of them."""
        chosen = np.random.default_rng((self._seed, n)).permutation(self._chosen(n))
        for part in np.array_split(chosen[self._rank :: self._world_size], self.batches_per_epoch):
            places = torch.from_numpy(part)
            yield WindowBatch(self._rows.features[places].unsqueeze(1), self._rows.targets[places])

    def _chosen(self, n: int) -> Ints:
        counts = np.ones(len(self._rows), np.int64)
        rng = np.random.default_rng((self._seed, n, 0))
        return epoch_windows(counts, self._labels, rng, self._balance, self._per_label)[:, 0]


@dataclass(frozen=True, slots=True)
class HeldOutRows:
    """Rows that networks are judged on."""

    rows: Rows
    team: Team

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Features and targets of this process's share, on its device."""
        mine = slice(self.team.rank, None, self.team.size)
        features, targets = self.rows.features[mine], self.rows.targets[mine]
        for start in range(0, len(features), _ROWS):
            part = slice(start, start + _ROWS)
            yield features[part].to(self.team.device), targets[part].to(self.team.device)


def rows_of(table: VectorTable, features: np.ndarray[tuple[int, ...], np.dtype[np.float32]], places: Ints) -> Rows:
    """Some rows of a table whose learnable features are `features`."""
    one_hot = torch.eye(len(table.label_names))
    return Rows(torch.from_numpy(features[places]), one_hot[torch.from_numpy(table.labels[places])])


def row_material(
    table: VectorTable, train: Rows, validation: Rows, settings: TrainSettings, places: Ints, team: Team
) -> Material:
    """What the loop works on; places: of the training rows in the table."""
    windows, names = settings.windows, [table.label_names[label] for label in table.labels[places]]
    weights = label_weights(settings.loss, train.targets)
    loss = make_loss(settings.loss, None if weights is None else weights.to(team.device))
    activation = activation_of(settings.loss)
    stream = RowStream(
        train,
        names,
        settings.batch_size,
        settings.seed,
        balance=windows.balance,
        per_label=windows.per_label or None,
        rank=team.rank,
        world_size=team.size,
    )
    judge = Judge(HeldOutRows(validation, team), activation, len(table.label_names), False, loss, team)
    augment = Augmentation(settings.augment, settings.recipe.front_end)
    return Material(stream, judge, loss, activation, augment, inputs=lambda frames: frames.flatten(1))


def as_music_set(table: VectorTable, splits: RowSplits) -> MusicSet:
    """The rows as clips, for what a run notes of its music: where they stand, their label and split."""
    split_of = splits.of_rows()
    clips = tuple(
        Clip(Path(f"{table.path}:{line}"), (table.label_names[label],), split=split_of[row], sha256=content)
        for row, (line, label, content) in enumerate(zip(table.lines, table.labels, table.row_hashes, strict=True))
    )
    return MusicSet(table.path, clips, tuple(Label(name, "genre") for name in table.label_names), False)
