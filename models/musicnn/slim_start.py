"""A slim musicnn from trained ones: what lives of them, arranged as `models.musicnn.slim` has it.

Of each kind of filters those are kept that move the network most: the norm of their weights, times what their
normalisation makes of it, times the norm of the weights that read them. The rest answer a constant, nearly all of them
for any input (their weights are nought), and it goes into the biases of what reads them; so do the normalisations'
shifts.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.musicnn.folding import dense_after, folded_norm, upward_sign
from models.musicnn.living import at_rest
from models.musicnn.network import FrontBlock, MidBlock, Musicnn
from models.musicnn.slim import CENTRE, MID_STEPS, STEP_FRAMES, TIMBRAL_MELS, Shared, SlimMusicnn, Tower

_EVEN: float = 1e-4  # of the mean variance, added to every direction: no music has just 0 anywhere


@torch.no_grad()
def start_from(slim: SlimMusicnn, trained: Sequence[Musicnn], merge: Tensor, patches: Sequence[Tensor]) -> None:
    """Give `slim` what `trained`, one for each of its towers, have learnt.

    merge: (n_before, n_labels), the weights with which their labels, side by side, make the student's; what they are
    before the sigmoid is merged. patches: of each timbral kind, what is heard under a filter less `CENTRE`, as the
    second moments (7 * mels, 7 * mels): the shared patterns are those that keep most of what the filters make of it.
    ValueError when there are not as many networks as towers, or one has fewer filters of a kind than its tower.
    """
    if len(trained) != len(slim.towers):
        raise ValueError(f"filters: of {len(slim.towers)} towers, and there are {len(trained)} to learn from")
    weights: list[list[Tensor]] = [[] for _ in slim.by_kind]
    pulls: list[list[Tensor]] = [[] for _ in slim.by_kind]
    answers: list[list[Tensor]] = [[] for _ in slim.by_kind]
    for tower, network in zip(slim.towers, trained, strict=True):
        assert isinstance(tower, Tower)
        kept = [_strongest(network, kind, n) for kind, n in enumerate(tower.filters)]
        for kind, filters in enumerate(kept):
            weights[kind].append(_upward_weight(network, kind)[filters])
            pulls[kind].append(_pull(network, kind)[filters])
            answers[kind].append(_answer(network, kind)[:, filters])
        _start_tower(tower, network, kept)
    _start_output(slim.output, trained, merge)
    for kind, shared in enumerate(slim.timbral):
        assert isinstance(shared, Shared)
        _share(shared, torch.cat(weights[kind]), torch.cat(pulls[kind]), patches[kind])
    for conv, own in zip(slim.temporal, weights[len(TIMBRAL_MELS) :], strict=True):
        conv.get_parameter("weight").copy_(torch.cat(own))
    columns = torch.cat([of_tower for of_kind in answers for of_tower in of_kind], dim=1)
    for parameter, column in zip((slim.gain, slim.bias, slim.scale), columns, strict=True):
        parameter.copy_(column[:, None])


def _share(shared: Shared, weight: Tensor, pull: Tensor, patches: Tensor) -> None:
    """The best `rank` patterns for filters (n, 1, 7, mels), by what they answer to patches, each times its pull."""
    moments = patches.double()
    values, vectors = torch.linalg.eigh(moments + _EVEN * moments.diagonal().mean() * torch.eye(len(moments)))
    root, inverse = (vectors * values.sqrt()) @ vectors.T, (vectors / values.sqrt()) @ vectors.T
    weighed = (pull / pull.mean() + 0.05).double()[:, None]
    left, strength, right = torch.linalg.svd(weighed * weight.flatten(1).double() @ root, full_matrices=False)
    rank = shared.patterns.out_channels
    patterns = right[:rank] @ inverse
    size = patterns.norm(dim=1, keepdim=True)
    shared.patterns.weight.zero_()
    shared.mixtures.weight.zero_()
    shared.patterns.weight[: len(patterns)] = (patterns / size).reshape(-1, *weight.shape[1:]).float()
    mixed = left[:, :rank] * strength[:rank] * size.T / weighed
    shared.mixtures.weight[:, : len(patterns)] = mixed[:, :, None, None].float()


def _start_tower(tower: Tower, network: Musicnn, kept: list[Tensor]) -> None:
    blocks, middle = _blocks(network), [block for block in network.mid if isinstance(block, MidBlock)]
    starts = [sum(len(block.norm.weight) for block in blocks[:kind]) for kind in range(len(blocks))]
    places = torch.cat([start + own for start, own in zip(starts, kept, strict=True)])
    dropped = torch.ones(middle[0].conv.in_channels, dtype=torch.bool)
    dropped[places] = False
    # what every channel is above what it is here
    constant = torch.cat([folded_norm(block.norm)[1] for block in blocks]).float()
    constant[dropped] = torch.cat([at_rest(block) for block in blocks])[dropped].float()
    constants = [constant]
    read = places
    for number, (conv, block) in enumerate(zip(tower.mid, middle, strict=True)):
        assert block.conv.bias is not None
        weight = block.conv.weight
        conv.get_parameter("weight").copy_(_at_steps(weight[:, read])[:, :, None])
        conv.get_parameter("bias").copy_(block.conv.bias + weight.sum(dim=2) @ constants[-1])
        scale, shift = folded_norm(block.norm)
        tower.mid_scale[number].copy_(scale.float()[:, None, None])
        constants.append(shift.float() + (constants[-1] if number else 0))
        read = torch.arange(weight.shape[0])
    dense = dense_after(network.pooled_norm, network.dense)
    maxima, means = dense.weight[:, 0::2], dense.weight[:, 1::2]
    columns = torch.cat([places, torch.arange(len(dropped), maxima.shape[1])])
    spread = _spread(network)
    tower.dense.weight.copy_(torch.cat([maxima[:, columns], means[:, columns]], dim=1) / spread[:, None])
    tower.dense.bias.copy_((dense.bias + (maxima + means) @ torch.cat(constants)) / spread)


def _start_output(output: nn.Linear, trained: Sequence[Musicnn], merge: Tensor) -> None:
    columns, bias = [], torch.zeros_like(output.bias)
    for network, share in zip(trained, torch.split(merge, [own.output.out_features for own in trained]), strict=True):
        learnt = dense_after(network.dense_norm, network.output)
        columns.append(share.T @ (learnt.weight * _spread(network)))
        bias += share.T @ learnt.bias
    output.weight.copy_(torch.cat(columns, dim=1))
    output.bias.copy_(bias)


def _spread(network: Musicnn) -> Tensor:
    """How much the penultimate layer's units move, (200,): here they move by one, as a fresh output layer wants it."""
    assert network.dense_norm.running_var is not None
    return (network.dense_norm.running_var + network.dense_norm.eps).sqrt()


def _strongest(network: Musicnn, kind: int, n: int) -> Tensor:
    """Which `n` filters of a kind do most, in their order. ValueError when there are fewer."""
    weight = _blocks(network)[kind].conv.weight
    if n > len(weight):
        raise ValueError(f"filters: {n} of {len(weight)}")
    strongest: Tensor = (weight.flatten(1).norm(dim=1) * _pull(network, kind)).topk(n).indices
    return strongest.sort().values


def _pull(network: Musicnn, kind: int) -> Tensor:
    """How much the filters' answers weigh with the dense layer: (n,)."""
    blocks = _blocks(network)
    start = sum(len(block.norm.weight) for block in blocks[:kind])
    own = slice(start, start + len(blocks[kind].norm.weight))
    dense = dense_after(network.pooled_norm, network.dense).weight
    read: Tensor = dense[:, 0::2][:, own].norm(dim=0) + dense[:, 1::2][:, own].norm(dim=0)
    return folded_norm(blocks[kind].norm)[0].abs().float() * read


def _blocks(network: Musicnn) -> list[FrontBlock]:
    return [block for block in network.front if isinstance(block, FrontBlock)]


def _upward_weight(network: Musicnn, kind: int) -> Tensor:
    """Weights for log-mel that is not normalised, with the sign for which the maximum is right."""
    block = _blocks(network)[kind]
    scale, _ = folded_norm(network.input_norm)
    return block.conv.weight * (scale * upward_sign(block.norm)).float()[:, None, None, None]


def _answer(network: Musicnn, kind: int) -> Tensor:
    """What filters make of their maxima over log-mel less `CENTRE`: gain, bias and scale, (3, n)."""
    block = _blocks(network)[kind]
    return torch.stack([upward_sign(block.norm), _bias(network, block), folded_norm(block.norm)[0]]).float()


def _bias(network: Musicnn, block: FrontBlock) -> Tensor:
    assert block.conv.bias is not None
    scale, shift = folded_norm(network.input_norm)
    offset: Tensor = block.conv.bias + (shift + CENTRE * scale).float() * block.conv.weight.sum(dim=(1, 2, 3))
    return offset


def _at_steps(weight: Tensor) -> Tensor:
    """A filter over frames (n, channels, 7) as one over steps, for channels that move slowly.

    Each tap goes to the two steps beside its frame, the nearer one more; one beyond the last step goes to that.
    """
    found = weight.new_zeros(*weight.shape[:2], MID_STEPS)
    for tap in range(weight.shape[2]):
        place = min(max((tap - weight.shape[2] // 2) / STEP_FRAMES + MID_STEPS // 2, 0), MID_STEPS - 1)
        below = min(int(place), MID_STEPS - 2)
        found[:, :, below] += (1 - (place - below)) * weight[:, :, tap]
        found[:, :, below + 1] += (place - below) * weight[:, :, tap]
    return found
