"""Features of unlike units brought to mean 0 and deviation 1, by the figures of the training set itself."""

from torch import Tensor, nn


class InputScale(nn.Module):
    """Standardises the last axis; no parameters.

    In training each batch by its own mean and variance; in evaluation by the mean of those of every batch it was ever
    trained on: validation and test are never looked at. Its figures are part of the network's state, so a model file
    takes raw features.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__()
        # momentum=None: a running mean in which every batch counts the same.
        self.norm = nn.BatchNorm1d(n_features, affine=False, momentum=None)

    def forward(self, features: Tensor) -> Tensor:
        """float32 (batch, n_features) or (batch, n_frames, n_features) -> the same shape."""
        if features.ndim == 2:
            of_vector: Tensor = self.norm(features)
            return of_vector
        scaled: Tensor = self.norm(features.transpose(1, 2)).transpose(1, 2)
        return scaled
