"""The front ends that have a name, each with the window it is usually heard in.

Those of the five earlier systems are here with their own sizes; only the hop between frames was moved, from 512 samples
to the nearest number that goes into a second, so that hop blocks hold whole frames.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from models.front_ends.spec import MUSICNN_FRONT_END, FrontEnd

HearingName = Literal["spectrogram", "musicnn", "mfcc", "frame33", "track174", "mel-image", "waveform", "waveform-10s"]


@dataclass(frozen=True, slots=True)
class Hearing:
    """A front end and the windows it is heard in; seconds."""

    front_end: FrontEnd
    window_s: float = 4.0
    hop_s: float = 2.0


# 128 mels x 128 frames a window of 4 s, at a rate whose hops are whole frames.
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
# 252 frames a window of 6 s: a track in five segments.
MFCC_FRONT_END: Final = FrontEnd(
    sample_rate_hz=22_050,
    n_fft=2048,
    frame_hop=525,
    n_mels=128,
    f_min_hz=0.0,
    f_max_hz=11_025.0,
    scaling="db",
    kind="mfcc",
    n_mfcc=13,
)
# 126 frames a window of 3 s.
FRAME33_FRONT_END: Final = replace(MFCC_FRONT_END, kind="frame33")
TRACK174_FRONT_END: Final = replace(MFCC_FRONT_END, kind="track174", n_mfcc=20)
MEL_IMAGE_FRONT_END: Final = replace(MFCC_FRONT_END, kind="mel-image", n_mfcc=0)
WAVEFORM_FRONT_END: Final = FrontEnd(
    sample_rate_hz=16_000,
    n_fft=400,
    frame_hop=400,
    n_mels=0,
    f_min_hz=0.0,
    f_max_hz=8_000.0,
    scaling="none",
    normalisation="window",
    kind="waveform",
)

HEARINGS: Final[Mapping[HearingName, Hearing]] = {
    "spectrogram": Hearing(SPECTROGRAM_FRONT_END),
    "musicnn": Hearing(MUSICNN_FRONT_END),
    "mfcc": Hearing(MFCC_FRONT_END, 6.0, 2.0),
    "frame33": Hearing(FRAME33_FRONT_END, 3.0, 1.0),
    "track174": Hearing(TRACK174_FRONT_END, 10.0, 2.0),
    "mel-image": Hearing(MEL_IMAGE_FRONT_END, 10.0, 5.0),
    "waveform": Hearing(WAVEFORM_FRONT_END, 5.0, 2.5),
    "waveform-10s": Hearing(WAVEFORM_FRONT_END, 10.0, 5.0),
}
