"""ResNet50 (He et al., CVPR 2016), torchvision's, with a first convolution and an output of its own.

23,524,424 parameters at 8 labels on pictures of 3 channels. (No count of the earlier project's is known.) Names inside
`body` are torchvision's, so its published weights fit; reading them is `export.train.resnet50_weights`.
"""

from typing import Final

from torch import Tensor, nn

from models.networks.option_checks import parsed_counts, picture_shape
from models.networks.picture_blocks import as_picture

FIRST_CONVS: Final = ("new", "kept")
_CHANNELS_OF_A_PHOTO: Final = 3
_EMBEDDING: Final = 2048


class ResNet50(nn.Module):
    """Pictures (mel-image, or a spectrogram as one channel) -> logits of `n_labels` labels.

    first_conv: "new", or "kept" as it is in the file `weights` that a run begins with; nothing is read here, for a
    checkpoint has weights of its own. blocks: of each of the four stages; "3,4,6,3" is what makes
    it ResNet50. ValueError for values no network can have; ImportError without torchvision.
    """

    def __init__(
        self,
        n_labels: int,
        input_shape: tuple[int, ...],
        first_conv: str = "new",
        blocks: str = "3,4,6,3",
    ) -> None:
        super().__init__()
        from torchvision.models.resnet import Bottleneck, ResNet  # half a second that the other networks save

        n_channels, _, _ = picture_shape(input_shape)
        _check(first_conv, n_channels)
        self.body = ResNet(Bottleneck, _stages(blocks))
        self.body.conv1 = nn.Conv2d(n_channels, 64, 7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(self.body.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.body.fc = nn.Identity()  # type: ignore[assignment]  # torchvision says Linear
        self.output = nn.Linear(_EMBEDDING, n_labels)

    def logits(self, pictures: Tensor) -> Tensor:
        """float32 (batch, *input_shape) -> (batch, n_labels) before the activation."""
        scores: Tensor = self.output(self.embedding(pictures))
        return scores

    def embedding(self, pictures: Tensor) -> Tensor:
        """float32 (batch, *input_shape) -> channels averaged over the picture, (batch, 2048)."""
        found: Tensor = self.body(as_picture(pictures))
        return found


def _check(first_conv: str, n_channels: int) -> None:
    if first_conv not in FIRST_CONVS:
        raise ValueError(f"first_conv must be {' or '.join(FIRST_CONVS)}, not {first_conv!r}")
    if first_conv == "kept" and n_channels != _CHANNELS_OF_A_PHOTO:
        raise ValueError(f"first_conv = 'kept' takes pictures of 3 channels (mel-image), not of {n_channels}")


def _stages(blocks: str) -> list[int]:
    stages = list(parsed_counts("blocks", blocks))
    if len(stages) != 4:
        raise ValueError(f"blocks must be four counts such as 3,4,6,3, not {blocks!r}")
    return stages
