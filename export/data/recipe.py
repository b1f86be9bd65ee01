"""What a network listens to: how audio becomes the arrays that are cached, trained on and converted."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Final

from models.frontend_spec import FrontEnd

# 128 mels x 128 frames a window, as REFERENCE systems have it, at a rate whose hops are whole frames.
SPECTROGRAM_FRONT_END: Final = FrontEnd(
    sample_rate_hz=16_000,
    n_fft=2048,
    frame_hop=500,
    n_mels=128,
    f_min_hz=0.0,
    f_max_hz=8_000.0,
    scaling="db",
    normalisation="window",
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A front end and the windows it is heard in; seconds."""

    front_end: FrontEnd = SPECTROGRAM_FRONT_END
    window_s: float = 4.0
    hop_s: float = 2.0

    @property
    def frames_per_hop(self) -> int:
        """Spectrogram frames in a hop block."""
        return round(self.hop_s * self.front_end.sample_rate_hz) // self.front_end.frame_hop

    @property
    def blocks_per_window(self) -> int:
        """Hop blocks in a window."""
        return round(self.window_s / self.hop_s)

    @property
    def window_shape(self) -> tuple[int, int]:
        """(frames, mels) of a window."""
        return self.blocks_per_window * self.frames_per_hop, self.front_end.n_mels

    @property
    def features_id(self) -> str:
        """Names what is cached: hop blocks before normalisation. Another id: other cache entries."""
        front_end = asdict(self.front_end)
        del front_end["normalisation"]  # applied to windows when they are read
        text = json.dumps([1, front_end, self.hop_s], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
