"""A window of audio everybody can make again: what a model is asked before it may serve."""

import numpy as np
import numpy.typing as npt

from models.front_ends.frames import make_frames
from models.front_ends.network_input import network_input
from models.front_ends.spec import FrontEnd

_CHORD_HZ = (110.0, 220.0, 277.18, 329.63, 440.0)  # A major, spread
_BEAT_S = 0.5


def golden_audio(sample_rate_hz: int, n_samples: int) -> npt.NDArray[np.float32]:
    """A struck chord with overtones, twice a second, over steady noise: float32 (n_samples,), peak about 0.5."""
    time_s = np.arange(n_samples) / sample_rate_hz
    strike = np.exp(-5 * (time_s % _BEAT_S))
    chord = sum(
        np.sin(2 * np.pi * hz * overtone * time_s) / overtone**1.5 for hz in _CHORD_HZ for overtone in range(1, 8)
    )
    noise = np.random.Generator(np.random.PCG64(2019)).standard_normal(n_samples)
    samples: npt.NDArray[np.float32] = (0.06 * strike * chord + 0.01 * noise).astype(np.float32)
    return samples


def golden_window(front_end: FrontEnd, n_frames: int) -> npt.NDArray[np.float32]:
    """The network's input for `golden_audio` between silences: float32 `front_end.input_shape(n_frames)`."""
    samples = golden_audio(front_end.sample_rate_hz, n_frames * front_end.frame_hop)
    heard = np.pad(samples, (front_end.samples_before, front_end.samples_after))
    frames = make_frames(front_end).frames_of(heard[np.newaxis])
    window: npt.NDArray[np.float32] = network_input(frames[:, :n_frames], front_end)[0]
    return window
