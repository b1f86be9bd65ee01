"""musicnn as one of the networks that can be trained: `models.musicnn.network`, for the inputs it can take."""

from models.musicnn.network import N_MELS, Musicnn
from models.networks.option_checks import mel_frames


def musicnn(n_labels: int, input_shape: tuple[int, ...]) -> Musicnn:
    """As published. ValueError for an input that has not its 96 mels a frame."""
    mel_frames(input_shape, N_MELS)
    return Musicnn(n_labels)
