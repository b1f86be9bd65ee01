"""MusicGenreCNN and ImprovedMusicGenreCNN: 3x3 convolutions, and a hidden layer of 512 on all that is left.

At 8 labels on 3 x 224 x 224, convolutions with bias and padded by 1: 51,478,088 parameters in three blocks without
batch normalisation (128 x 28 x 28 inputs of the hidden layer), 26,084,104 in four with it (256 x 14 x 14).
"""

from typing import Final

from models.networks.picture_cnn import PictureCnn

_KERNEL: Final = 3


def music_genre_cnn(
    n_labels: int, input_shape: tuple[int, ...], widths: str = "32,64,128", hidden: int = 512, dropout: float = 0.5
) -> PictureCnn:
    """Three blocks without batch normalisation. ValueError for values no network can have."""
    return PictureCnn(
        n_labels, input_shape, widths=widths, kernel=_KERNEL, normed=False, hidden=hidden, dropout=dropout
    )


def improved_music_genre_cnn(
    n_labels: int, input_shape: tuple[int, ...], widths: str = "32,64,128,256", hidden: int = 512, dropout: float = 0.5
) -> PictureCnn:
    """Four blocks with batch normalisation. ValueError for values no network can have."""
    return PictureCnn(n_labels, input_shape, widths=widths, kernel=_KERNEL, normed=True, hidden=hidden, dropout=dropout)
