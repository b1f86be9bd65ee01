"""What a network listens to: how audio becomes the arrays that are cached, trained on and converted."""

import hashlib
import json
from dataclasses import dataclass

from models.front_ends.named import SPECTROGRAM_FRONT_END
from models.front_ends.spec import FrontEnd


@dataclass(frozen=True, slots=True)
class Recipe:
    """A front end and the windows it is heard in; seconds."""

    front_end: FrontEnd = SPECTROGRAM_FRONT_END
    window_s: float = 4.0
    hop_s: float = 2.0

    @property
    def frames_per_hop(self) -> int:
        """Frames in a hop block."""
        return round(self.hop_s * self.front_end.sample_rate_hz) // self.front_end.frame_hop

    @property
    def blocks_per_window(self) -> int:
        """Hop blocks in a window."""
        return round(self.window_s / self.hop_s)

    @property
    def window_shape(self) -> tuple[int, int]:
        """(frames, features) of a window, before it becomes what the network takes."""
        return self.blocks_per_window * self.frames_per_hop, self.front_end.n_features

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of what the network takes of a window, without the batch."""
        return self.front_end.input_shape(self.window_shape[0])

    @property
    def features_id(self) -> str:
        """Names what is cached: the frames of hop blocks. Another id: other cache entries."""
        front_end = self.front_end.as_fields()
        del front_end["normalisation"]  # of windows, when they are read
        text = json.dumps([2, front_end, self.hop_s], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
