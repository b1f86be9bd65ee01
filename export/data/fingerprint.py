"""What a recording sounds like in a few bits a frame, the same for another encoding, loudness or cut of it. Pure.

After Haitsma and Kalker, "A Highly Robust Audio Fingerprinting System" (ISMIR 2002): the sign of how the difference
of neighbouring frequency bands changes in time. Differences here from the paper: frames four to five times as far apart
(a trim never falls onto the grid, but windows overlap by 7/8), a change over four frames rather than one, and frames in
which nothing changes are marked, because their bits are chance.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

RATE_HZ: Final = 8_000
FRAME_S: Final = 0.064
LONGEST_S: Final = 120.0  # what comes after does not count
SHORT_FRAMES: Final = 160  # some 10 s

_HOP: Final = round(FRAME_S * RATE_HZ)
_WINDOW: Final = 8 * _HOP
_LAG: Final = 4  # frames over which a change is taken
_BITS: Final = 32
_LOWEST_HZ: Final = 300.0
_HIGHEST_HZ: Final = 2_000.0
_DOUBTFUL: Final = 3
_FLOOR: Final = 1e-6  # of the loudest band's energy; what lies below is what encoders add
_MOVES_DB: Final = 1.0  # mean change of a frame that says something


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """words: uint32 (n_frames,), one bit a pair of bands. moves: bool (n_frames,), whether the frame's bits count.

    doubtful: uint32 (n_frames, 3), the three bits that were decided most narrowly, one a word; (n_frames, 0) where
    there are more than SHORT_FRAMES, and words enough.
    """

    words: npt.NDArray[np.uint32]
    moves: npt.NDArray[np.bool_]
    doubtful: npt.NDArray[np.uint32]


def fingerprint(samples: npt.NDArray[np.float32]) -> Fingerprint:
    """Of mono samples float32 (n,) at RATE_HZ, at most LONGEST_S of them; loudness does not matter.

    Frames are FRAME_S apart. Less than about three quarters of a second gives none.
    """
    energies = _band_energies(samples[: round(LONGEST_S * RATE_HZ)])
    if len(energies) <= _LAG or not energies.any():
        return Fingerprint(np.empty(0, np.uint32), np.empty(0, np.bool_), np.empty((0, _DOUBTFUL), np.uint32))
    level_db = 10 * np.log10(np.maximum(energies, energies.max() * _FLOOR))
    slope_db = level_db[:, :-1] - level_db[:, 1:]
    change_db = slope_db[_LAG:] - slope_db[:-_LAG]
    certainty = np.abs(change_db)
    narrowest = np.argpartition(certainty, _DOUBTFUL, axis=1)[:, :_DOUBTFUL]
    doubtful = np.empty((len(certainty), _DOUBTFUL if len(certainty) <= SHORT_FRAMES else 0), np.uint32)
    for n in range(doubtful.shape[1]):
        doubtful[:, n] = _words(np.arange(_BITS) == narrowest[:, [n]])
    return Fingerprint(_words(change_db > 0), certainty.mean(axis=1) > _MOVES_DB, doubtful)


def bit_errors(left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]) -> float:
    """The share of bits in which two aligned runs of words differ: 0 for the same, about 0.5 for strangers."""
    return float(np.bitwise_count(left ^ right).mean()) / _BITS if len(left) else 1.0


def _words(bits: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint32]:
    """bool (n_frames, 32) -> uint32 (n_frames,)."""
    return np.packbits(bits, axis=1).view(np.uint32)[:, 0]


def _band_energies(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """float32 (n_frames, 33): the energy of each logarithmic band."""
    if len(samples) < _WINDOW:
        return np.empty((0, _BITS + 1), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    hann = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    edges_hz = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _BITS + 2)
    edges = np.round(edges_hz * _WINDOW / RATE_HZ).astype(int)
    energies = np.empty((len(frames), _BITS + 1), np.float32)
    for start in range(0, len(frames), 64):  # few frames at once: little memory
        spectrum = np.fft.rfft(frames[start : start + 64] * hann)[:, : edges[-1]]
        power = spectrum.real**2 + spectrum.imag**2
        energies[start : start + 64] = np.add.reduceat(power, edges[:-1], axis=1)
    return energies
