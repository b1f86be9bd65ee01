"""The power spectra of blocks' frames in torch: the twin of `power_spectrum` here, without its 1/n_fft**2."""

from torch import Tensor
from torchaudio.functional import spectrogram

from models.front_ends.block_check import check_blocks
from models.front_ends.spec import FrontEnd


def power_spectrum(samples: Tensor, window: Tensor, spec: FrontEnd) -> Tensor:
    """float32 (n_blocks, n_samples) -> float32 (n_blocks, n_frames, n_bins); nothing is padded.

    ValueError for another dtype or rank, or too few samples for one frame.
    """
    check_blocks(samples.dtype, tuple(samples.shape), spec)
    power: Tensor = spectrogram(
        samples,
        pad=0,
        window=window,
        n_fft=spec.n_fft,
        hop_length=spec.frame_hop,
        win_length=spec.n_fft,
        power=2.0,
        normalized=False,
        center=False,
    )
    return power.transpose(1, 2)
