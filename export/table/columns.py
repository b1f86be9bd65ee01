"""Which columns of a table a front end computes: what a network that learnt from them can hear."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from export.data.recipe import Recipe
from export.table.vector_table import VectorTable
from models.front_ends.named import HEARINGS
from models.front_ends.spec import N_CHROMA, N_CONTRAST, N_TONNETZ, FrontEnd
from models.networks.registry import NETWORKS

_HEARING: Final = HEARINGS["track174"]
# Those that take a vector; the order is that of the published grid, whose shuffled sample depends on it.
VECTOR_NETWORKS: Final = tuple(
    sorted((name for name, kind in NETWORKS.items() if kind.hearing == "track174"), reverse=True)
)
# As they were trained first, but for the size of a batch and what stops them: validation, not the test.
AS_PUBLISHED: Final[Mapping[str, Any]] = {
    "batch_size": 64,
    "optimiser": {"kind": "adam", "weight_decay": 1e-5},
    "schedule": {"kind": "constant"},
    "loss": {"kind": "ce"},
    "early_stop": {"watch": "loss", "patience": 10},
}
_MELS: Final = "mel_spectrogram_"
_LEAST_POWER: Final = 1e-10


def _numbered(name: str, count: int) -> list[str]:
    return [f"{name}_{number}" for number in range(1, count + 1)]


# In the order of the front end's columns.
TRACK174_COLUMNS: Final = (
    "tempo",
    *_numbered("mfcc", _HEARING.front_end.n_mfcc),
    *_numbered("chroma", N_CHROMA),
    *_numbered("spectral_contrast", N_CONTRAST),
    *_numbered("tonnetz", N_TONNETZ),
    *_numbered(_MELS.removesuffix("_"), _HEARING.front_end.n_mels),
)


def can_be_heard(table: VectorTable) -> bool:
    """Whether the front end track174 computes just the table's columns."""
    return sorted(table.columns) == sorted(TRACK174_COLUMNS)


def in_order(table: VectorTable) -> VectorTable:
    """The table with its columns in the front end's order where it has them, whatever the order of the file."""
    if not can_be_heard(table):
        return table
    order = [table.columns.index(name) for name in TRACK174_COLUMNS]
    return replace(table, columns=TRACK174_COLUMNS, features=table.features[:, order])


def mel_columns(table: VectorTable) -> npt.NDArray[np.int64]:
    """The places of the mels' mean powers."""
    return np.array([place for place, name in enumerate(table.columns) if name.startswith(_MELS)], np.int64)


def front_end(raw_mels: bool) -> FrontEnd:
    """That of tables that can be heard."""
    return replace(_HEARING.front_end, scaling="none") if raw_mels else _HEARING.front_end


def hearing(raw_mels: bool, window_s: float = 0.0, hop_s: float = 0.0) -> Recipe:
    """What a network of such a table listens to; 0: what is usual."""
    return Recipe(front_end(raw_mels), window_s or _HEARING.window_s, hop_s or _HEARING.hop_s)


def learnable(table: VectorTable, raw_mels: bool) -> npt.NDArray[np.float32]:
    """float32 (n_rows, n_columns): the features, the mels' powers as 10 log10(max(power, 1e-10)) unless `raw_mels`.

    Powers span many orders of magnitude: as they are, one loud track sets the scale of all others.
    """
    features = table.features.copy()
    mels = mel_columns(table)
    if not raw_mels and len(mels):
        features[:, mels] = 10 * np.log10(np.maximum(features[:, mels], _LEAST_POWER))
    return features.astype(np.float32)
