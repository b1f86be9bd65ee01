"""Which of a musicnn's filters are alive: the fewest with which no score moves, as measured.

A filter's pull is how far its answer could move with a window, times the weights that read it. Those of the least pull
go first, in steps; the first step whose scores on the probes are within `TOLERANCE` is taken. A network whose filters
all matter keeps them.
"""

from typing import Final

import torch
from torch import Tensor

from models.musicnn.folding import dense_after, folded_norm
from models.musicnn.living import Kept, LivingMusicnn, all_kept
from models.musicnn.network import FrontBlock, MidBlock, Musicnn

TOLERANCE: Final = 2e-6  # of a score on the probes; on real windows at most some times as much was seen
_STEPS: Final = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5, 1e-7, 1e-9)  # of pull, below which filters go
_LOUDEST: Final = 8.0  # log-mel, about
_SEED: Final = 7


def living(network: Musicnn) -> LivingMusicnn:
    """`network` without the filters that do nothing; the rest as they are.

    It puts `network` itself into evaluation, and leaves it there: the two share their first normalisation.
    """
    network.eval()
    heard = probes()
    pulls, row_pulls = _front_pulls(network), _first_pulls(network)
    with torch.inference_mode():
        wanted = network(heard)
    tried = all_kept(network)
    for step in _STEPS:
        kept = Kept(tuple(_above(pull, step) for pull in pulls), _above(row_pulls, step))
        if _count(kept) == _count(tried):
            continue  # no other filters than at the step before, which moved the scores, or than all
        tried, found = kept, LivingMusicnn(network, kept).eval()
        with torch.inference_mode():
            moved = float((found(heard) - wanted).abs().max())
        if moved <= TOLERANCE:
            return found
    return LivingMusicnn(network, all_kept(network)).eval()


def probes() -> Tensor:
    """Windows of many kinds, float32 (5, 250, 96): noise, silence, a pulsing one, one steady sound."""
    random = torch.Generator().manual_seed(_SEED)
    noise = 4 * torch.rand(2, 250, 96, generator=random) ** 2
    spectrum = torch.rand(1, 1, 96, generator=random)
    pulsing = 6 * torch.rand(1, 250, 1, generator=random) * spectrum
    steady = 5 * spectrum.expand(1, 250, 96)
    return torch.cat([noise, torch.zeros(1, 250, 96), pulsing, steady])


def _front_pulls(network: Musicnn) -> list[Tensor]:
    """Of each front block, what each of its filters can do at most, roughly: (filters,)."""
    blocks = [block for block in network.front if isinstance(block, FrontBlock)]
    first = network.mid[0]
    assert isinstance(first, MidBlock)
    n_front = first.conv.in_channels
    pooled = dense_after(network.pooled_norm, network.dense).weight.detach().abs().sum(dim=0)
    read = first.conv.weight.detach().abs().sum(dim=(0, 2)) + pooled[0 : 2 * n_front : 2] + pooled[1 : 2 * n_front : 2]
    input_scale = float(folded_norm(network.input_norm)[0].abs())
    pulls = []
    for block, by in zip(blocks, torch.split(read, [block.conv.out_channels for block in blocks]), strict=True):
        pulls.append(_reach(block) * input_scale * _LOUDEST * by)
    return pulls


def _first_pulls(network: Musicnn) -> Tensor:
    """The same of the first middle layer's filters."""
    first, second = network.mid[0], network.mid[1]
    assert isinstance(first, MidBlock) and isinstance(second, MidBlock)
    return _reach(first) * second.conv.weight.detach().abs().sum(dim=(0, 2))


def _reach(block: FrontBlock | MidBlock) -> Tensor:
    """How far each filter's answer moves at most when no input moves by more than one: (filters,)."""
    return block.conv.weight.detach().abs().flatten(1).sum(dim=1) * folded_norm(block.norm)[0].abs().float()


def _above(pull: Tensor, least: float) -> Tensor:
    """The filters whose pull is `least` or more; the one with the most where there is none."""
    above = (pull >= least).nonzero()[:, 0]
    return above if len(above) else pull.argmax()[None]


def _count(kept: Kept) -> list[int]:
    return [len(each) for each in (*kept.front, kept.first)]
