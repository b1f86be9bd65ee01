"""What a network hears: the parameters of a log-mel front end, without any computation.

Kept apart from the implementations (`models.frontend`, `models.frontend_torch`) so that a card can be read
without loading an FFT.
"""

from dataclasses import dataclass
from typing import Final, Literal

Scaling = Literal["log10(10000x+1)", "db"]
Normalisation = Literal["none", "window"]

SCALINGS: Final[tuple[Scaling, ...]] = ("log10(10000x+1)", "db")
NORMALISATIONS: Final[tuple[Normalisation, ...]] = ("none", "window")


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """A log-mel spectrogram: periodic Hann window, power spectrum, Slaney mels, a logarithm.

    Frame j is *centred* on sample `frame_hop * j`, i.e. it covers samples
    [frame_hop*j - n_fft/2, frame_hop*j + n_fft/2). Two seconds of frames therefore need `samples_before`
    samples of the past and `samples_after` of the future.

    scaling: "log10(10000x+1)" (musicnn) or "db", 10*log10(max(x, 1e-10)).
    normalisation: "none", or "window": each window minus its mean, over its standard deviation.
    Raises ValueError for values no front end can have.
    """

    sample_rate_hz: int
    n_fft: int
    frame_hop: int
    n_mels: int
    f_min_hz: float
    f_max_hz: float
    scaling: Scaling
    normalisation: Normalisation = "none"
    mel: Literal["slaney"] = "slaney"
    kind: Literal["log-mel"] = "log-mel"

    def __post_init__(self) -> None:
        if min(self.sample_rate_hz, self.n_fft, self.frame_hop, self.n_mels) < 1:
            raise ValueError("front end: sample_rate_hz, n_fft, frame_hop and n_mels must be positive")
        if self.n_fft % 2:
            raise ValueError(f"front end: n_fft must be even, not {self.n_fft}")
        if not 0 <= self.f_min_hz < self.f_max_hz <= self.sample_rate_hz / 2:
            raise ValueError(
                f"front end: {self.f_min_hz}..{self.f_max_hz} Hz does not lie within 0..{self.sample_rate_hz / 2} Hz"
            )
        for field, value, known in (
            ("kind", self.kind, ("log-mel",)),
            ("mel", self.mel, ("slaney",)),
            ("scaling", self.scaling, SCALINGS),
            ("normalisation", self.normalisation, NORMALISATIONS),
        ):
            if value not in known:
                raise ValueError(f"front end: unknown {field} {value!r}, known: {', '.join(known)}")

    @property
    def n_bins(self) -> int:
        """Frequencies of the real FFT."""
        return self.n_fft // 2 + 1

    @property
    def samples_before(self) -> int:
        """Samples needed before the first sample of a run of frames (256 for musicnn)."""
        return self.n_fft // 2

    @property
    def samples_after(self) -> int:
        """Samples needed after the last whole hop of a run of frames (0 for musicnn)."""
        return max(0, self.n_fft // 2 - self.frame_hop)


MUSICNN_FRONT_END: Final = FrontEnd(
    sample_rate_hz=16_000,
    n_fft=512,
    frame_hop=256,
    n_mels=96,
    f_min_hz=0.0,
    f_max_hz=8_000.0,
    scaling="log10(10000x+1)",
)
