"""A front end in words: what a network hears, and of what sizes its frames are."""

from models.front_ends.spec import FrontEnd


def hears(spec: FrontEnd, window_s: float, hop_s: float) -> str:
    """What the network takes of which windows: "log-mel 250x96, 4 s every 2 s at 16 kHz"."""
    shape = spec.input_shape(round(window_s * spec.sample_rate_hz) // spec.frame_hop)
    rate_khz = spec.sample_rate_hz / 1000
    return f"{spec.kind} {'x'.join(map(str, shape))}, {window_s:g} s every {hop_s:g} s at {rate_khz:g} kHz"


def frames_in_words(spec: FrontEnd) -> str:
    """What the kind has and nothing else: "n_fft 512, hop 256, 96 mels within 0..8000 Hz, scaling db"."""
    if spec.kind == "waveform":
        parts = [f"{spec.frame_hop} samples a frame"]
    else:
        mels = f"{spec.n_mels} mels within {spec.f_min_hz:g}..{spec.f_max_hz:g} Hz"
        mfcc = [f"{spec.n_mfcc} MFCC"] if spec.n_mfcc else []
        parts = [f"n_fft {spec.n_fft}", f"hop {spec.frame_hop}", mels, *mfcc, f"scaling {spec.scaling}"]
    if spec.normalisation == "window":
        parts.append("each window at mean 0 and deviation 1")
    return ", ".join(parts)
