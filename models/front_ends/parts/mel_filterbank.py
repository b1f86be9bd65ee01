"""Slaney's mel scale and the triangular filters on it: the one definition both front ends multiply by.

Source: M. Slaney, Auditory Toolbox, Interval Research TR 1998-010 (linear below 1 kHz, logarithmic above), with
filters of equal area, as in librosa's defaults (htk=False, norm="slaney").
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from models.front_ends.spec import FrontEnd

_HZ_PER_MEL: Final = 200.0 / 3
_BREAK_HZ: Final = 1000.0
_BREAK_MEL: Final = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP: Final = np.log(6.4) / 27  # 27 mels from 1 kHz to 6.4 kHz


def hz_to_mel(hz: float) -> float:
    """Slaney mels of a frequency."""
    if hz < _BREAK_HZ:
        return hz / _HZ_PER_MEL
    return _BREAK_MEL + float(np.log(hz / _BREAK_HZ) / _LOG_STEP)


def mel_to_hz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Frequencies in Hz of Slaney mels, any shape."""
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mels, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mels < _BREAK_MEL, mels * _HZ_PER_MEL, above)


def mel_filterbank(spec: FrontEnd) -> npt.NDArray[np.float32]:
    """Power spectrum -> mels: float32 (n_fft//2 + 1, n_mels), to be multiplied from the right."""
    edges_mel = np.linspace(hz_to_mel(spec.f_min_hz), hz_to_mel(spec.f_max_hz), spec.n_mels + 2)
    edges_hz = mel_to_hz(edges_mel)
    low, centre, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    bins_hz = np.linspace(0, spec.sample_rate_hz / 2, spec.n_bins)[:, np.newaxis]
    rising = (bins_hz - low) / (centre - low)
    falling = (high - bins_hz) / (high - centre)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * (2 / (high - low))).astype(np.float32)


def periodic_hann(n_samples: int) -> npt.NDArray[np.float32]:
    """The periodic Hann window, float32 (n_samples,): 0.5 - 0.5 cos(2 pi n / n_samples)."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_samples) / n_samples)).astype(np.float32)
