"""Multiply-adds of the default model, part by part, from the structure in `models/`; a test compares torch's count.

Counted are the products of convolutions and matrices as the graph has them, zeros that pad included. What stands beside
them (maxima, sums, copies) is not: it takes time, and so makes every share of a peak look smaller, not larger.
"""

from __future__ import annotations

from itertools import pairwise

N_MELS = 96
BLOCK_FRAMES = 125  # of a hop; a window has two
WINDOW_FRAMES = 2 * BLOCK_FRAMES
TIMBRAL_FILTERS, TAPS = 204, 7
TIMBRAL = ((38, 96, 1), (67, 64, 2))  # height in mels; points and parts of its transform (models/musicnn_hops.py)
SEAM_FRAMES = 6  # outputs that see both blocks
PACKS = ((64, 128), (48, 64), (48, 32))  # temporal filters and their frames (models/packed_conv.py)
EDGE_FRAMES = 16
MID_FILTERS = 64
TIMBRAL_CHANNELS = 416  # 2 x 204, filled up to blocks of sixteen (models/middle_layers.py)
PACKED_CHANNELS = sum(filters for filters, _ in PACKS)
POOLED, EMBEDDED, LABELS = 1506, 200, 50

MODELS = ("musicnn-msd", "musicnn-mtt")  # of this structure


def plain_window() -> int:
    """A window of the network as it was published."""
    timbral = sum(TIMBRAL_FILTERS * TAPS * high * (N_MELS - high + 1) for high, _, _ in TIMBRAL)
    temporal = sum(51 * frames * N_MELS for _, frames in PACKS)
    middle = MID_FILTERS * TAPS * (2 * TIMBRAL_FILTERS + 3 * 51 + 2 * MID_FILTERS)
    return WINDOW_FRAMES * (timbral + temporal + middle) + _dense()


def carried_window() -> int:
    """A window of the shipped graph whose first block brings its carry: what a stream costs, every hop."""
    temporal = sum(_pack(filters, frames) for filters, frames in PACKS)
    later = WINDOW_FRAMES * MID_FILTERS * TAPS * (PACKED_CHANNELS + 2 * MID_FILTERS)
    return _block() + temporal + later + _dense()


def first_window() -> int:
    """A window of the shipped graph with nothing carried: its first block's carry is computed beforehand."""
    carried = sum(
        _stretch(filters, frames, BLOCK_FRAMES, (frames - 1) // 2, BLOCK_FRAMES - frames // 2)
        for filters, frames in PACKS
        if _carries(frames)
    )
    return carried_window() + _block() + carried


def _block() -> int:
    """The timbral filters over a block and its seam, and their part in the first middle layer."""
    # models/middle_layers.py: four stretches between gaps of six frames, each output from seven frames
    row = (BLOCK_FRAMES - SEAM_FRAMES) + SEAM_FRAMES // 2 * 2 + SEAM_FRAMES + 5 * SEAM_FRAMES
    partial = (row - TAPS + 1) * MID_FILTERS * TIMBRAL_CHANNELS * TAPS
    return sum(_timbral(*filters) for filters in TIMBRAL) + partial


def _timbral(height_mels: int, n_points: int, n_parts: int) -> int:
    """Tall filters by way of their spectra (models/spectral_conv.py): transform, products, half of the way back."""
    bins, inputs = n_points // 2 + 1, 2 * n_parts
    outputs = BLOCK_FRAMES + SEAM_FRAMES
    transform = bins * inputs * N_MELS * (outputs + 2 * SEAM_FRAMES)
    positions = N_MELS - height_mels + 1
    if positions % 2:  # folded: a bin and its partner together, and for half of the positions each
        lower = (bins - 1) // 2 + 1
        spectra, back = 2 * (lower + lower - 1), (positions + 1) // 2 * (lower + lower - 1)
    else:
        spectra, back = 2 * (bins - 1), positions // 2 * 2 * (bins - 1)
    return transform + outputs * TIMBRAL_FILTERS * (spectra * inputs * TAPS + back)


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


def _dense() -> int:
    return POOLED * EMBEDDED + EMBEDDED * LABELS
