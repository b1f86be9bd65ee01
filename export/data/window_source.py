"""Where a training's windows come from: a cache of features, or of what a frozen body says of them."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from export.data.clip import Clip
from export.data.decode import Floats
from export.data.features import SILENCE_DBFS
from export.data.recipe import Recipe


class HeardClip(Protocol):
    """A clip's windows; `export.data.features.Blocks` is one."""

    def n_windows(self, recipe: Recipe) -> int:
        """Windows of the clip, the silent ones included."""
        ...

    def windows(self, recipe: Recipe, which: npt.NDArray[np.intp]) -> Floats:
        """float32 (n_windows, ...), of those numbered in `which`."""
        ...

    def silent(self, recipe: Recipe, silence_dbfs: float = SILENCE_DBFS) -> npt.NDArray[np.bool_]:
        """bool (n_windows,): which windows the daemon would not score."""
        ...


class WindowSource(Protocol):
    """The windows of clips, of `recipe`. `blocks` and `power` raise UnreadableAudio and CannotWrite."""

    @property
    def recipe(self) -> Recipe:
        """How windows are cut."""
        ...

    @property
    def window_bytes(self) -> int:
        """How large a window is."""
        ...

    def blocks(self, clip: Clip) -> HeardClip:
        """The clip's windows."""
        ...

    def power(self, clip: Clip) -> Floats:
        """The power of each of the clip's hop blocks, as `Blocks.power`."""
        ...
