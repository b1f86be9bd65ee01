"""A file's hop blocks and windows, equal (to 1e-4) to what the daemon computes while it listens.

Block b covers seconds [b*hop, (b+1)*hop) of the file; window k is the blocks k, k+1, ... It is resampled and
transformed as a range of source frames of its own, with a margin for the resampler's filter and for the first and last
frame; so it does not matter what came before, nor how the file was read. The unfinished last block is not
used. The daemon's side: daemon/grid.py, windows.py, features.py; a test compares the two.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from export.data.decode import Floats, MonoPiece, UnreadableAudio, positioned_pieces
from export.data.recipe import Recipe
from export.errors import InputUnusable
from models.front_ends.frames import Frames, make_frames
from models.resample import block_margins, resample
from models.whole_times import whole_times

SILENCE_DBFS: Final = -60.0  # the daemon's default

_MAX_FILL_S: Final = 0.05  # missing audio that a block may have filled with silence
_PIECE_S: Final = 10.0
_UNUSABLE: Final = -math.inf  # the power of a block that lacks too much: no window with it is loud

_Cut = tuple[Floats, float]


@dataclass(frozen=True, slots=True)
class Blocks:
    """A file in hop blocks.

    frames: float32 (n_blocks, frames_per_hop, n_features). power: float32 (n_blocks,), the mean square of
    each block at the file's own rate, full scale 1; -inf for a block that must not be used.
    """

    frames: Floats
    power: Floats

    def n_windows(self, recipe: Recipe) -> int:
        """Windows of the file, the silent ones included."""
        return max(0, len(self.power) - recipe.blocks_per_window + 1)

    def windows(self, recipe: Recipe, which: npt.NDArray[np.intp] | None = None) -> Floats:
        """float32 (n_windows, frames, n_features), of all windows or of those numbered in `which`.

        Not yet what a network takes: that is made by `models.front_ends.network_input`.
        """
        first = np.arange(self.n_windows(recipe)) if which is None else which
        blocks = first[:, np.newaxis] + np.arange(recipe.blocks_per_window)
        return cast(Floats, self.frames[blocks].reshape(len(first), *recipe.window_shape))

    def silent(self, recipe: Recipe, silence_dbfs: float = SILENCE_DBFS) -> npt.NDArray[np.bool_]:
        """bool (n_windows,): which windows the daemon would not score."""
        return silent_windows(self.power, recipe, silence_dbfs)


def silent_windows(power: Floats, recipe: Recipe, silence_dbfs: float = SILENCE_DBFS) -> npt.NDArray[np.bool_]:
    """The powers of blocks (n_blocks,) -> bool (n_windows,), the windows whose mean power is below `silence_dbfs`."""
    if len(power) < recipe.blocks_per_window:
        return np.zeros(0, np.bool_)
    runs = np.lib.stride_tricks.sliding_window_view(power.astype(np.float64), recipe.blocks_per_window)
    return cast(npt.NDArray[np.bool_], runs.mean(axis=1) < 10 ** (silence_dbfs / 10))


def check_recipe(recipe: Recipe) -> None:
    """InputUnusable unless windows are whole hops and hops whole frames."""
    rate_hz, frame_hop = recipe.front_end.sample_rate_hz, recipe.front_end.frame_hop
    if whole_times(recipe.window_s, recipe.hop_s) is None:
        raise InputUnusable(f"windows of {recipe.window_s:g} s are not a multiple of their hop of {recipe.hop_s:g} s")
    if whole_times(recipe.hop_s * rate_hz, frame_hop) is None:
        raise InputUnusable(
            f"a hop of {recipe.hop_s:g} s is not a whole number of the front end's frames "
            f"({frame_hop} samples at {rate_hz} Hz)"
        )


def blocks_of(path: Path, recipe: Recipe) -> Blocks:
    """The file in hop blocks; UnreadableAudio when it holds no audio. A file shorter than a hop has no blocks.

    Where the file changes its rate or channels the grid begins anew, behind one block that must not be used.
    """
    shape = (recipe.frames_per_hop, recipe.front_end.n_features)
    cut = list(_cut_file(path, recipe, np.zeros(shape, np.float32)))
    frames = np.stack([block for block, _ in cut]) if cut else np.empty((0, *shape), np.float32)
    return Blocks(frames, np.array([power for _, power in cut], np.float32))


def _cut_file(path: Path, recipe: Recipe, blank: Floats) -> Iterator[_Cut]:
    """Every block of the file, float32 (frames_per_hop, n_features), and its power."""
    frames = make_frames(recipe.front_end)
    cutter: _Cutter | None = None
    for piece in positioned_pieces(path, _PIECE_S):
        if cutter is None or cutter.run != piece.run:
            if cutter is not None:
                yield from cutter.finish()
                yield blank, _UNUSABLE
            cutter = _Cutter(piece.run, _grid(piece.rate_hz, recipe, path), frames)
        yield from cutter.push(piece)
    if cutter is not None:
        yield from cutter.finish()


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where blocks lie in frames of the file, and what is read on either side of one."""

    rate_hz: int
    hop: int
    left: int
    right: int


def _grid(rate_hz: int, recipe: Recipe, path: Path) -> _Grid:
    front_end = recipe.front_end
    hop = whole_times(recipe.hop_s * rate_hz, 1)
    if hop is None:
        raise UnreadableAudio(f"{path}: a hop of {recipe.hop_s:g} s is not a whole number of frames at {rate_hz} Hz")
    left, right = block_margins(rate_hz, front_end)
    return _Grid(rate_hz=rate_hz, hop=hop, left=left, right=right)


class _Cutter:
    """One run of a file into blocks; silence before its first frame, in its holes and behind its last frame."""

    def __init__(self, run: int, grid: _Grid, frames: Frames) -> None:
        self.run = run
        self._grid, self._frames = grid, frames
        self._audio = np.zeros(grid.left, np.float32)
        self._base, self._end = -grid.left, 0  # what _audio covers
        self._block = 0  # the next one to cut
        self._holes: list[tuple[int, int]] = []

    def push(self, piece: MonoPiece) -> Iterator[_Cut]:
        """The blocks that `piece` completes."""
        if piece.position > self._end:
            self._holes.append((self._end, piece.position))
            for start in range(self._end, piece.position, self._grid.hop):
                yield from self._append(np.zeros(min(self._grid.hop, piece.position - start), np.float32))
        yield from self._append(piece.samples)

    def finish(self) -> Iterator[_Cut]:
        """The blocks that wanted only what lies behind the end."""
        yield from self._append(np.zeros(self._grid.right, np.float32))

    def _append(self, samples: Floats) -> Iterator[_Cut]:
        grid = self._grid
        self._audio = np.concatenate([self._audio, samples])
        self._end += len(samples)
        while (self._block + 1) * grid.hop + grid.right <= self._end:
            start = self._block * grid.hop - grid.left - self._base
            yield self._cut(self._audio[start : start + grid.left + grid.hop + grid.right])
            self._block += 1
        needed = self._block * grid.hop - grid.left
        self._audio = self._audio[needed - self._base :]
        self._base = needed

    def _cut(self, audio: Floats) -> _Cut:
        grid, front_end = self._grid, self._frames.spec
        inside = audio[grid.left : grid.left + grid.hop]
        power = float(np.dot(inside, inside)) / grid.hop
        if self._missing() > int(_MAX_FILL_S * grid.rate_hz):
            power = _UNUSABLE
        rate_hz = front_end.sample_rate_hz
        audio = resample(audio, grid.rate_hz, rate_hz)
        first = grid.left * rate_hz // grid.rate_hz
        stop = first + grid.hop * rate_hz // grid.rate_hz
        heard = audio[first - front_end.samples_before : stop + front_end.samples_after]
        return self._frames.frames_of(heard[np.newaxis])[0], power

    def _missing(self) -> int:
        """Frames of the next block that lie in holes; holes behind it are forgotten."""
        start, stop = self._block * self._grid.hop, (self._block + 1) * self._grid.hop
        self._holes = [hole for hole in self._holes if hole[1] > start]
        return sum(max(0, min(stop, end) - max(start, begin)) for begin, end in self._holes)
