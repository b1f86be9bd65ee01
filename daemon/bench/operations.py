"""Multiply-adds of the shipped models, part by part, from the structure in `models/`; a test compares torch's count.

Counted are the products of convolutions and matrices as the graph has them, zeros that pad included. What stands beside
them (maxima, sums, copies) is not: it takes time, and so makes every share of a peak look smaller, not larger.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

N_MELS = 96
BLOCK_FRAMES = 125  # of a hop; a window has two
WINDOW_FRAMES = 2 * BLOCK_FRAMES
TAPS = 7
TIMBRAL = ((38, 96, 1), (67, 64, 2))  # height in mels; points and parts of its transform (models/musicnn/hops.py)
SEAM_FRAMES = 6  # outputs that see both blocks
TEMPORAL_FRAMES = (128, 64, 32)
AT_A_TIME = 16  # filters are computed in sixteens (models/musicnn/packed_conv.py, models/musicnn/middle_layers.py)
EDGE_FRAMES = 16
MID_FILTERS = 64
EMBEDDED, LABELS = 200, 50


@dataclass(frozen=True, slots=True)
class Filters:
    """How many filters a network has: timbral, temporal (each kind), and in its first middle layer."""

    timbral: tuple[int, int]
    temporal: tuple[int, int, int]
    first: int

    @property
    def packs(self) -> list[tuple[int, int]]:
        """Temporal filters that are computed together, filled up, and their frames (models/musicnn/packed_conv.py)."""
        packs, room = [], 0
        for own, frames in zip(self.temporal, TEMPORAL_FRAMES, strict=True):
            size = _filled(max(0, own - room))
            room += size - own
            packs.append((size, frames))
        return packs


PUBLISHED = Filters((204, 204), (51, 51, 51), MID_FILTERS)
MODELS = {  # what of it lives (models/musicnn/living_filters.py)
    "musicnn-msd": Filters((23, 14), (3, 7, 17), 20),
    "musicnn-mtt": Filters((67, 68), (16, 15, 43), 21),
}


def plain_window() -> int:
    """A window of the network as it was published."""
    tall, wide = zip(PUBLISHED.timbral, TIMBRAL, strict=True), zip(PUBLISHED.temporal, TEMPORAL_FRAMES, strict=True)
    timbral = sum(filters * TAPS * high * (N_MELS - high + 1) for filters, (high, _, _) in tall)
    temporal = sum(filters * frames * N_MELS for filters, frames in wide)
    middle = MID_FILTERS * TAPS * (sum(PUBLISHED.timbral + PUBLISHED.temporal) + 2 * MID_FILTERS)
    return WINDOW_FRAMES * (timbral + temporal + middle) + _dense(PUBLISHED)


def carried_window(living: Filters) -> int:
    """A window of the shipped graph whose first block brings its carry: what a stream costs, every hop."""
    temporal = sum(_pack(filters, frames) for filters, frames in living.packs)
    packed = sum(filters for filters, _ in living.packs)
    later = WINDOW_FRAMES * TAPS * (packed * living.first + living.first * MID_FILTERS + MID_FILTERS**2)
    return _block(living) + temporal + later + _dense(living)


def first_window(living: Filters) -> int:
    """A window of the shipped graph with nothing carried: its first block's carry is computed beforehand."""
    carried = sum(
        _stretch(filters, frames, BLOCK_FRAMES, (frames - 1) // 2, BLOCK_FRAMES - frames // 2)
        for filters, frames in living.packs
        if _carries(frames)
    )
    return carried_window(living) + _block(living) + carried


def _filled(n: int) -> int:
    return -(-n // AT_A_TIME) * AT_A_TIME


def _block(living: Filters) -> int:
    """The timbral filters over a block and its seam, and their part in the first middle layer."""
    # models/musicnn/middle_layers.py: four stretches between gaps of six frames, each output from seven frames
    row = (BLOCK_FRAMES - SEAM_FRAMES) + SEAM_FRAMES // 2 * 2 + SEAM_FRAMES + 5 * SEAM_FRAMES
    partial = (row - TAPS + 1) * living.first * _filled(sum(living.timbral)) * TAPS
    return sum(_timbral(n, *shape) for n, shape in zip(living.timbral, TIMBRAL, strict=True)) + partial


def _timbral(n_filters: int, height_mels: int, n_points: int, n_parts: int) -> int:
    """Tall filters by their spectra (models/musicnn/spectral_conv.py): transform, products, half of the way back."""
    bins, inputs = n_points // 2 + 1, 2 * n_parts
    outputs = BLOCK_FRAMES + SEAM_FRAMES
    transform = bins * inputs * N_MELS * (outputs + 2 * SEAM_FRAMES)
    positions = N_MELS - height_mels + 1
    if positions % 2:  # folded: a bin and its partner together, and for half of the positions each
        lower = (bins - 1) // 2 + 1
        spectra, back = 2 * (lower + lower - 1), (positions + 1) // 2 * (lower + lower - 1)
    else:
        spectra, back = 2 * (bins - 1), positions // 2 * 2 * (bins - 1)
    return transform + outputs * n_filters * (spectra * inputs * TAPS + back)


def _carries(frames: int) -> bool:
    """Whether filters so wide have outputs that see nothing beyond their block."""
    return frames <= BLOCK_FRAMES


def _pack(filters: int, frames: int) -> int:
    """Temporal filters over a window, without what the first block carries."""
    before, after = (frames - 1) // 2, frames // 2
    if _carries(frames):
        bounds = [(0, before), (BLOCK_FRAMES - after, WINDOW_FRAMES - after), (WINDOW_FRAMES - after, WINDOW_FRAMES)]
    else:
        near = range(0, before, EDGE_FRAMES)
        bounds = list(pairwise([*near, *(WINDOW_FRAMES - bound for bound in reversed(near))]))
    return sum(_stretch(filters, frames, WINDOW_FRAMES, start, stop) for start, stop in bounds)


def _stretch(filters: int, frames: int, n_frames: int, start: int, stop: int) -> int:
    """Outputs start .. stop - 1, each with the taps that any of them needs."""
    before = (frames - 1) // 2
    taps = min(frames, n_frames + before - start) - max(0, before - (stop - 1))
    return filters * (stop - start) * N_MELS * taps


def _dense(filters: Filters) -> int:
    channels = sum(filters.timbral + filters.temporal) + filters.first + 2 * MID_FILTERS
    return 2 * channels * EMBEDDED + EMBEDDED * LABELS
