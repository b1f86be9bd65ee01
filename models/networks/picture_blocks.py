"""What the networks that look at spectrograms as pictures are made of."""

from torch import Tensor, nn

from models.networks.option_checks import picture_shape


def as_picture(inputs: Tensor) -> Tensor:
    """(batch, channels, height, width) as it is; a spectrogram, (batch, frames, mels), with one channel."""
    return inputs.unsqueeze(1) if inputs.ndim == 3 else inputs


def halved_places(input_shape: tuple[int, ...], times: int) -> int:
    """Places of a picture after `times` poolings of 2; ValueError where nothing is left."""
    _, height, width = picture_shape(input_shape)
    places = (height >> times) * (width >> times)
    if not places:
        raise ValueError(f"widths: {times} blocks halve a picture of {height} x {width} to nothing")
    return places


def pooled_block(n_in: int, n_out: int, kernel: int, *, normed: bool, dropout: float = 0.0) -> nn.Sequential:
    """Convolution with bias that keeps the size, batch normalisation if `normed`, ReLU, maximum of 2 x 2, Dropout."""
    norm = [nn.BatchNorm2d(n_out)] if normed else []
    conv = nn.Conv2d(n_in, n_out, kernel, padding=kernel // 2)
    return nn.Sequential(conv, *norm, nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(dropout))


def pooled_blocks(
    input_shape: tuple[int, ...], widths: tuple[int, ...], kernel: int, *, normed: bool, dropout: float = 0.0
) -> nn.Sequential:
    """A `pooled_block` for each of `widths`, the first on the picture."""
    before = (picture_shape(input_shape)[0], *widths[:-1])
    sizes = zip(before, widths, strict=True)
    return nn.Sequential(*(pooled_block(n_in, n_out, kernel, normed=normed, dropout=dropout) for n_in, n_out in sizes))
