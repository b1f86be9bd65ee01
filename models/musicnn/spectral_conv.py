"""The maximum over frequency of a tall convolution, by way of its discrete Fourier transform over frequency.

musicnn's timbral filters are 38 and 67 mels tall and slide over 96. Their convolution is a product in the Fourier
domain; what is expensive there is to come back. Two symmetries make that cheap. Measured from the middle of the
P positions, y[+q] = E[q] + O[q] and y[-q] = E[q] - O[q], with E from the real parts of the spectrum alone and O from
the imaginary: so max(y[q], y[-q]) = E[q] + |O[q]|, half the products and no second sum. And for whole q the cosines
and sines of bin f and bin N/2 - f differ only in sign, by the parity of q: half the products again, for one sum
and one difference of spectra (`FoldedMaximum`, when P is odd).

    musicnn, multiply-adds a (frame, filter):  38 mels: 15694 -> 2814;  67 mels: 14070 -> 2752

All steps are plain matrix products, exact to float32 rounding. Frames are taken in small chunks, so that the spectra
of a chunk stay within a second-level cache.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.musicnn.folding import MaximumActivation, upward_sign
from models.musicnn.network import N_MELS, FrontBlock

CHUNK_FRAMES: Final = 48  # three AVX-512 registers wide; 32, 44, 66 and 131 measured slower on 131 frames


class HalfMaximum(nn.Module):
    """Spectra -> the largest E[q] + |O[q]|, for an even number of positions (q = 1/2, 3/2, ...)."""

    real: Tensor
    imag: Tensor
    cosines: Tensor
    sines: Tensor

    def __init__(self, real: Tensor, imag: Tensor, cosines: Tensor, sines: Tensor) -> None:
        """real, imag: filters' spectra (bins, 1, filters, taps); cosines, sines: (positions, bins)."""
        super().__init__()
        # half a position off the grid, the last bin has no cosine and the first no sine
        for name, values in (
            ("real", real[:-1]),
            ("imag", imag[1:]),
            ("cosines", cosines[:, :-1]),
            ("sines", sines[:, 1:]),
        ):
            self.register_buffer(name, values.float().contiguous())

    def sources(self, taps: Tensor) -> list[Tensor]:
        """The runs of bins that `forward` multiplies, cut once for all chunks."""
        return [taps[1:], taps[:-1]]

    def forward(self, for_odd: Tensor, for_even: Tensor) -> Tensor:
        """`sources` of a chunk, (bins, batch, taps, frames) -> maxima (batch * filters * frames,)."""
        odd = (self.sines @ (self.imag @ for_odd).flatten(1)).abs()
        return (self.cosines @ (self.real @ for_even).flatten(1) + odd).amax(0)


class FoldedMaximum(nn.Module):
    """The same for an odd number of positions (q = 0, 1, ...), bins f and N/2 - f taken together.

    The lower bins 0..N/4 meet the upper N/2..N/4 in reverse; the middle bin N/4 has no partner but zeros.
    """

    real_lower: Tensor
    real_upper: Tensor
    imag_lower: Tensor
    imag_upper: Tensor
    cosines_even: Tensor
    cosines_odd: Tensor
    sines_even: Tensor
    sines_odd: Tensor

    def __init__(self, real: Tensor, imag: Tensor, cosines: Tensor, sines: Tensor) -> None:
        """As `HalfMaximum`; the number of bins less one must be even."""
        super().__init__()
        self.middle = middle = (len(real) - 1) // 2
        no_partner = torch.zeros_like(real[:1])
        lower, reversed_upper = slice(0, middle + 1), slice(0, middle)
        whole = slice(1, middle + 1)  # bin 0 has no sine
        for name, values in (
            ("real_lower", real[lower]),
            ("real_upper", torch.cat([real.flip(0)[reversed_upper], no_partner])),
            ("imag_lower", imag[whole]),
            ("imag_upper", torch.cat([imag.flip(0)[1:middle], no_partner])),
            ("cosines_even", cosines[0::2, lower]),
            ("cosines_odd", cosines[1::2, lower]),
            ("sines_even", sines[0::2, whole]),
            ("sines_odd", sines[1::2, whole]),
        ):
            self.register_buffer(name, values.float().contiguous())

    def sources(self, taps: Tensor) -> list[Tensor]:
        """The runs of bins that `forward` multiplies, cut once for all chunks."""
        upper = torch.index_select(taps, 0, torch.arange(len(taps) - 1, -1, -1))
        whole, lower = slice(1, self.middle + 1), slice(0, self.middle + 1)
        return [taps[whole], upper[whole], taps[lower], upper[lower]]

    def forward(self, imag_lower: Tensor, imag_upper: Tensor, real_lower: Tensor, real_upper: Tensor) -> Tensor:
        """`sources` of a chunk, (bins, batch, taps, frames) -> maxima (batch * filters * frames,)."""
        lower, upper = (self.imag_lower @ imag_lower).flatten(1), (self.imag_upper @ imag_upper).flatten(1)
        odd_of_even = (self.sines_even @ (lower - upper)).abs()
        odd_of_odd = (self.sines_odd @ (lower + upper)).abs()
        lower, upper = (self.real_lower @ real_lower).flatten(1), (self.real_upper @ real_upper).flatten(1)
        at_even = self.cosines_even @ (lower + upper) + odd_of_even
        at_odd = self.cosines_odd @ (lower - upper) + odd_of_odd
        return torch.maximum(at_even, at_odd).amax(0)


class SpectralFrontBlock(nn.Module):
    """A tall `FrontBlock` in evaluation, computed in the Fourier domain."""

    transform: Tensor

    def __init__(self, block: FrontBlock, n_points: int, n_parts: int) -> None:
        """n_points: length of the transform; n_parts: the filters are cut across into so many, which share it.

        More parts allow a shorter transform: it must hold the positions plus a part's height, less one.
        """
        super().__init__()
        assert block.conv.bias is not None
        weight = block.conv.weight.detach().double()[:, 0] * upward_sign(block.norm)[:, None, None]
        self.n_filters, self.n_taps, height = weight.shape
        n_positions = N_MELS - height + 1
        transform, real, imag = _filter_spectra(weight, n_points, n_parts)
        self.n_bins, self.n_inputs = len(real), 2 * n_parts
        self.register_buffer("transform", transform.float())
        offsets = torch.arange(n_positions, dtype=torch.float64) - (n_positions - 1) / 2
        angles = torch.outer(offsets[offsets >= 0], _frequencies(n_points))
        maximum = FoldedMaximum if n_positions % 2 else HalfMaximum
        self.maximum = maximum(real[:, None], imag[:, None], torch.cos(angles), -torch.sin(angles))
        self.activation = MaximumActivation([block.conv.bias], [block.norm], self.n_filters)

    def forward(self, normalised: Tensor) -> Tensor:
        """(batch, frames, 96) after the input's normalisation -> (batch, n_filters, frames), 'same' in time."""
        reach = self.n_taps // 2
        return self.over([functional.pad(normalised, (0, 0, reach, reach))])

    def over(self, stretches: list[Tensor]) -> Tensor:
        """Stretches of frames, (batch, n, 96) each -> (batch, n_filters, sum of n - n_taps + 1): 'valid' in time."""
        taps = torch.cat([self._taps(stretch) for stretch in stretches], dim=3)
        sources = [torch.split(source, CHUNK_FRAMES, dim=3) for source in self.maximum.sources(taps)]
        maxima = [
            self.maximum(*chunk).reshape(-1, self.n_filters, chunk[0].shape[3]) for chunk in zip(*sources, strict=True)
        ]
        activated: Tensor = self.activation(torch.cat(maxima, dim=2))
        return activated

    def _taps(self, stretch: Tensor) -> Tensor:
        """The spectra each output is made of: (bins, batch, parts x real/imaginary x 7 taps, outputs)."""
        n_outputs = stretch.shape[1] - self.n_taps + 1
        spectra = self.transform @ stretch.transpose(1, 2)
        by_bin = spectra.reshape(-1, self.n_bins, self.n_inputs, stretch.shape[1]).transpose(0, 1)
        return torch.stack([by_bin[..., tap : tap + n_outputs] for tap in range(self.n_taps)], dim=3).flatten(2, 3)


def _frequencies(n_points: int) -> Tensor:
    """Angular frequency of each bin, radians a mel: float64 (n_points//2 + 1,)."""
    return 2 * math.pi * torch.arange(n_points // 2 + 1, dtype=torch.float64) / n_points


def _filter_spectra(weight: Tensor, n_points: int, n_parts: int) -> tuple[Tensor, Tensor, Tensor]:
    """Filters (filters, taps, height) -> (transform of the mels, real and imaginary parts of the filters' spectra).

    transform: (bins * parts * 2, 96), for each bin and part the real row and the imaginary one.
    real, imag: (bins, filters, parts * 2 * taps), so that either times the taps is that part of the output's
    spectrum, already shifted to the middle position and weighted for the inverse transform.
    """
    height = weight.shape[2]
    n_positions, part_height = N_MELS - height + 1, -(-height // n_parts)
    assert n_positions + part_height - 1 <= n_points, "the transform is too short: outputs would wrap around"
    frequencies = _frequencies(n_points)
    fold = torch.full_like(frequencies, 2 / n_points)  # a bin stands for itself and its mirror image
    fold[0] = fold[-1] = 1 / n_points
    to_middle = fold * torch.exp(1j * frequencies * (n_positions - 1) / 2)
    transforms, real, imag = [], [], []
    for first in range(0, height, part_height):
        part = weight[:, :, first : first + part_height]
        rows = torch.arange(part.shape[2], dtype=torch.float64)
        spectrum = (part.to(torch.complex128) @ torch.exp(1j * torch.outer(rows, frequencies)) * to_middle).permute(
            2, 0, 1
        )
        real.append(torch.cat([spectrum.real, -spectrum.imag], dim=2))
        imag.append(torch.cat([spectrum.imag, spectrum.real], dim=2))
        mels = torch.arange(N_MELS, dtype=torch.float64) - first
        under_the_part = (mels >= 0) & (mels < n_positions + part.shape[2] - 1)
        waves = torch.exp(-1j * torch.outer(frequencies, mels)) * under_the_part
        transforms.append(torch.stack([waves.real, waves.imag], dim=1))
    transform = torch.stack(transforms, dim=1).flatten(0, 2)
    return transform, torch.cat(real, dim=2), torch.cat(imag, dim=2)
