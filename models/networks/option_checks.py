"""What networks ask of their options and inputs before they are built: ValueError that says which and why."""

from collections.abc import Mapping
from typing import Final

CHANNELS_OF_A_SPECTROGRAM: Final = 1


def check_counts(counts: Mapping[str, object]) -> None:
    """Each a whole number from 1 up."""
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a whole number from 1 up, not {value!r}")


def check_dropouts(dropouts: Mapping[str, object]) -> None:
    """Each a share from 0 to under 1."""
    for name, value in dropouts.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
            raise ValueError(f"{name} must be from 0 to under 1, not {value!r}")


def check_flags(flags: Mapping[str, object]) -> None:
    """Each true or false; a word such as "no" would be taken for true."""
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, not {value!r}")


def parsed_counts(name: str, text: object) -> tuple[int, ...]:
    """ "32,64,128" -> (32, 64, 128), and 32 -> (32,): whole numbers from 1 up."""
    parts = str(text).split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise ValueError(f"{name} must be counts with commas between them, such as 32,64,128, not {text!r}")
    return tuple(int(part) for part in parts)


def vector_length(input_shape: tuple[int, ...]) -> int:
    """Of a network that takes one vector a window."""
    if len(input_shape) != 1:
        raise ValueError(f"it takes one vector a window (front end track174), not an array of shape {input_shape}")
    return input_shape[0]


def frames_and_features(input_shape: tuple[int, ...]) -> tuple[int, int]:
    """(n_frames, n_features) of a network that takes a window frame by frame."""
    if len(input_shape) != 2:
        raise ValueError(f"it takes frames of features (frame33, mfcc, a spectrogram), not shape {input_shape}")
    return input_shape[0], input_shape[1]


def mel_frames(input_shape: tuple[int, ...], n_mels: int) -> int:
    """Frames of a network that takes spectrograms of just so many mels."""
    if len(input_shape) != 2 or input_shape[1] != n_mels:
        raise ValueError(f"it takes frames of {n_mels} mels (front end musicnn), not an array of shape {input_shape}")
    return input_shape[0]


def waveform_length(input_shape: tuple[int, ...], fewest: int) -> int:
    """Samples of a network that takes a waveform of `fewest` or more."""
    if len(input_shape) != 1 or input_shape[0] < fewest:
        raise ValueError(
            f"it takes waveforms of {fewest} samples or more (front end waveform), not an array of shape {input_shape}"
        )
    return input_shape[0]


def picture_shape(input_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(channels, height, width) of a network that takes pictures; a spectrogram is one of one channel."""
    if len(input_shape) == 2:
        return CHANNELS_OF_A_SPECTROGRAM, input_shape[0], input_shape[1]
    if len(input_shape) == 3:
        return input_shape[0], input_shape[1], input_shape[2]
    raise ValueError(f"it takes pictures (front end mel-image, a spectrogram), not an array of shape {input_shape}")
