"""A trained network as it is served hop by hop: what neighbouring windows share is computed once and handed on."""

from typing import Final

import onnx
from torch import Tensor, nn

from export.convert.onnx_carry import optional_carry
from export.convert.onnx_graph import to_onnx
from export.convert.serving import INPUT, OUTPUT, Served, on_musicnn
from export.data.recipe import Recipe
from models.card import Carry
from models.musicnn.hops import FRAMES_PER_BLOCK, FirstCarry, HopMusicnn
from models.musicnn.living_filters import living
from models.musicnn.network import Musicnn
from models.musicnn.slim import SlimMusicnn
from models.musicnn.slim_hops import HopSlimMusicnn
from models.networks.living_mlp import LivingMlp

CARRY: Final = Carry(input_name="carried", output_name="carry")


def can_carry(served: Served, recipe: Recipe) -> bool:
    """Whether the network has an arrangement in which neighbouring windows share work."""
    of_two_blocks = (recipe.frames_per_hop, recipe.blocks_per_window) == (FRAMES_PER_BLOCK, 2)
    return of_two_blocks and (
        isinstance(served.network, Musicnn | SlimMusicnn) or on_musicnn(served.network) is not None
    )


def carrying_graph(served: Served, input_shape: tuple[int, ...]) -> onnx.ModelProto:
    """The shared-overlap arrangement, its carry optional; only where `can_carry`."""
    hops = HopServed(served).eval()
    window = {INPUT: input_shape}
    whole = to_onnx(hops, {**window, CARRY.input_name: (hops.carry_size,)}, [OUTPUT, CARRY.output_name])
    first = to_onnx(FirstCarry(hops), window, ["first_carry"])
    return optional_carry(whole, first, CARRY.input_name)


class HopServed(nn.Module):
    """`served` hop by hop, without its dead filters; only where `can_carry`."""

    def __init__(self, served: Served) -> None:
        super().__init__()
        network = served.network
        self.behind: nn.Module = nn.Identity()  # between what is heard hop by hop and the logits
        if isinstance(network, SlimMusicnn):
            self.hops: HopMusicnn | HopSlimMusicnn = HopSlimMusicnn(network)
        elif isinstance(network, Musicnn):
            self.hops = HopMusicnn(living(network))
        else:
            mlp = on_musicnn(network)
            assert mlp is not None
            lean = LivingMlp(mlp)
            self.hops, self.behind = HopMusicnn(lean.first), nn.Sequential(nn.ReLU(), lean.output)
        self.scores_of = served.scores_of

    @property
    def carry_size(self) -> int:
        """Numbers in a block's carry."""
        return self.hops.carry_size

    def forward(self, log_mel: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        """float32 (batch, 250, 96), carry of the first blocks (batch, carry_size) -> scores in 0..1, and the carry."""
        logits, carry = self.hops(log_mel, carried)
        return self.scores_of(self.behind(logits)), carry

    def first_carry(self, log_mel: Tensor) -> Tensor:
        """float32 (batch, 250, 96) -> the carry of the first blocks (batch, carry_size), for whoever has none."""
        return self.hops.first_carry(log_mel)
