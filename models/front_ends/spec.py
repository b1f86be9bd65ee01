"""What a network hears: the parameters of a front end, without any computation.

A front end has two stages. Frames are made of each hop block once (`models.front_ends.frames`); what a network takes is
made of a window's frames (`models.front_ends.network_input`). Kept apart from the implementations so that a card can be
read without loading an FFT.
"""

from dataclasses import asdict, dataclass
from typing import Final, Literal, get_args

Scaling = Literal["log10(10000x+1)", "db", "none"]
Normalisation = Literal["none", "window"]
Kind = Literal["log-mel", "mfcc", "frame33", "track174", "mel-image", "waveform"]

N_CHROMA: Final = 12
N_CONTRAST: Final = 7  # below 200 Hz, five octaves, and all above them
CONTRAST_FROM_HZ: Final = 200.0
N_TONNETZ: Final = 6
HARMONIC_REACH_FRAMES: Final = 15  # of the median over 31 frames that finds what is harmonic
PICTURE_SIZE: Final = 224
PICTURE_CHANNELS: Final = 3

_SCALINGS_OF: Final[dict[Kind, tuple[Scaling, ...]]] = {
    "log-mel": ("log10(10000x+1)", "db"),
    "mfcc": ("db",),
    "frame33": ("db",),
    "track174": ("db", "none"),
    "mel-image": ("db",),
    "waveform": ("none",),
}
_WITH_MFCC: Final = ("mfcc", "frame33", "track174")
_WITH_CONTRAST: Final = ("frame33", "track174")


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """How samples become what a network takes: periodic Hann window, power spectrum, and what `kind` makes of it.

    Frame j is *centred* on sample `frame_hop * j`, i.e. it covers samples
    [frame_hop*j - n_fft/2, frame_hop*j + n_fft/2). Two seconds of frames therefore need `samples_before`
    samples of the past and `samples_after` of the future. (A waveform's frame j is samples [frame_hop*j,
    frame_hop*(j+1)) themselves.)

    kind, with the columns of a frame and what becomes of a window of them:
    - "log-mel": Slaney mels, a logarithm; as it is.
    - "mfcc": the first n_mfcc coefficients of the orthonormal DCT-II of mels in dB; as it is.
    - "frame33": n_mfcc MFCC, spectral centroid in Hz, 12 chroma, 7 spectral contrast; as it is.
    - "track174": onset strength, n_mfcc MFCC, chroma, contrast, 6 tonnetz of the harmonic part, mel power; a vector:
      the tempo in beats a minute, and the mean of each other column.
    - "mel-image": mels in dB; 3 equal pictures of 224 x 224, high mels on top, 0..1 from 80 dB below the maximum.
    - "waveform": samples; one row.
    scaling: "log10(10000x+1)" (musicnn), "db", 10*log10(max(x, 1e-10)), or "none"; of track174: of the mels' means.
    normalisation: "none", or "window": each window minus its mean, over its standard deviation.
    n_mels: 0 for a waveform, whose n_fft is frame_hop and whose frequencies are all. n_mfcc: 0 where there are none.
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
    kind: Kind = "log-mel"
    n_mfcc: int = 0

    def __post_init__(self) -> None:
        for field, value, known in (
            ("kind", self.kind, get_args(Kind)),
            ("mel", self.mel, ("slaney",)),
            ("scaling", self.scaling, _SCALINGS_OF.get(self.kind, ())),
            ("normalisation", self.normalisation, get_args(Normalisation)),
        ):
            if value not in known:
                raise ValueError(f"front end: unknown {field} {value!r}, known: {', '.join(known)}")
        if min(self.sample_rate_hz, self.n_fft, self.frame_hop) < 1:
            raise ValueError("front end: sample_rate_hz, n_fft and frame_hop must be positive")
        if self.n_fft % 2 and self.kind != "waveform":
            raise ValueError(f"front end: n_fft must be even, not {self.n_fft}")
        if not 0 <= self.f_min_hz < self.f_max_hz <= self.sample_rate_hz / 2:
            raise ValueError(
                f"front end: {self.f_min_hz}..{self.f_max_hz} Hz does not lie within 0..{self.sample_rate_hz / 2} Hz"
            )
        self._check_columns()

    def _check_columns(self) -> None:
        if (self.n_mels < 1) != (self.kind == "waveform") or self.n_mels < 0:
            raise ValueError(f"front end: n_mels {self.n_mels} of {self.kind}; it must be positive, 0 for a waveform")
        if self.kind not in _WITH_MFCC:
            if self.n_mfcc:
                raise ValueError(f"front end: {self.kind} has no MFCC, n_mfcc must be 0")
        elif not 1 <= self.n_mfcc <= self.n_mels:
            raise ValueError(f"front end: n_mfcc {self.n_mfcc} must lie in 1..{self.n_mels}, the number of mels")
        last_octave_hz = CONTRAST_FROM_HZ * 2 ** (N_CONTRAST - 2)
        if self.kind in _WITH_CONTRAST and (
            self.sample_rate_hz <= 2 * last_octave_hz or self.n_fft * CONTRAST_FROM_HZ < self.sample_rate_hz
        ):
            raise ValueError(
                f"front end: {self.kind} needs a sample_rate_hz above {2 * last_octave_hz:g} and bins of "
                f"{CONTRAST_FROM_HZ:g} Hz at most, for its spectral contrast"
            )
        if self.kind in _WITH_CONTRAST and self.normalisation != "none":
            raise ValueError(f"front end: {self.kind} has unlike figures side by side, which normalisation would mix")
        if self.kind == "waveform" and (self.n_fft, self.f_min_hz, self.f_max_hz) != (
            self.frame_hop,
            0,
            self.sample_rate_hz / 2,
        ):
            raise ValueError(
                f"front end: a waveform has neither bins nor mels: n_fft must be frame_hop, {self.frame_hop}, "
                f"f_min_hz 0 and f_max_hz {self.sample_rate_hz / 2:g}"
            )

    @property
    def n_bins(self) -> int:
        """Frequencies of the real FFT."""
        return self.n_fft // 2 + 1

    @property
    def n_features(self) -> int:
        """Columns of a frame."""
        tonal = N_CHROMA + N_CONTRAST
        return {
            "log-mel": self.n_mels,
            "mel-image": self.n_mels,
            "mfcc": self.n_mfcc,
            "frame33": self.n_mfcc + 1 + tonal,
            "track174": 1 + self.n_mfcc + tonal + N_TONNETZ + self.n_mels,
            "waveform": self.frame_hop,
        }[self.kind]

    @property
    def reach_frames(self) -> int:
        """Frames on either side of a run of frames that it depends on."""
        return HARMONIC_REACH_FRAMES if self.kind == "track174" else 0

    @property
    def samples_before(self) -> int:
        """Samples needed before the first sample of a run of frames (256 for musicnn)."""
        return 0 if self.kind == "waveform" else self.n_fft // 2 + self.reach_frames * self.frame_hop

    @property
    def samples_after(self) -> int:
        """Samples needed after the last whole hop of a run of frames (0 for musicnn)."""
        if self.kind == "waveform":
            return 0
        return max(0, self.n_fft // 2 + (self.reach_frames - 1) * self.frame_hop)

    @property
    def fewest_samples(self) -> int:
        """Of a block that has one frame: the margins it needs are among them."""
        return self.frame_hop if self.kind == "waveform" else self.n_fft + 2 * self.reach_frames * self.frame_hop

    def as_fields(self) -> dict[str, object]:
        """What a file says of it: every field, n_mfcc only where there are some (older files have no such field)."""
        fields = asdict(self)
        if not self.n_mfcc:
            del fields["n_mfcc"]
        return fields

    def input_shape(self, n_frames: int) -> tuple[int, ...]:
        """Of what the network takes of a window of `n_frames` frames, without the batch."""
        if self.kind == "mel-image":
            return (PICTURE_CHANNELS, PICTURE_SIZE, PICTURE_SIZE)
        if self.kind == "track174":
            return (self.n_features,)
        if self.kind == "waveform":
            return (n_frames * self.frame_hop,)
        return (n_frames, self.n_features)


MUSICNN_FRONT_END: Final = FrontEnd(
    sample_rate_hz=16_000,
    n_fft=512,
    frame_hop=256,
    n_mels=96,
    f_min_hz=0.0,
    f_max_hz=8_000.0,
    scaling="log10(10000x+1)",
)
