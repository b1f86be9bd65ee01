"""ConvNetIMPROV: ConvNet with a third block and a hidden layer of 1024.

103,028,744 parameters at 8 labels on 3 x 224 x 224: convolutions of 5 x 5 with bias, padded by 2, and 128 x 28 x 28 =
100,352 inputs of the hidden layer. (No count of the earlier project's is known.)
"""

from typing import Final

from models.networks.picture_cnn import PictureCnn

_KERNEL: Final = 5


def convnet_improv(
    n_labels: int,
    input_shape: tuple[int, ...],
    widths: str = "32,64,128",
    hidden: int = 1024,
    dropout: float = 0.5,
    block_dropout: float = 0.25,
) -> PictureCnn:
    """Blocks as ConvNet's. ValueError for values no network can have."""
    return PictureCnn(
        n_labels,
        input_shape,
        widths=widths,
        kernel=_KERNEL,
        normed=True,
        hidden=hidden,
        dropout=dropout,
        block_dropout=block_dropout,
    )
