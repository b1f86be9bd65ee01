"""The front end: librosa is the oracle, and the numpy and torch implementations pass the same tests."""

import dataclasses
from collections.abc import Callable

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.front_ends.frames import whole_frames
from models.front_ends.kinds.log_mel import LogMel
from models.front_ends.kinds.log_mel_torch import TorchLogMel
from models.front_ends.network_input import network_input
from models.front_ends.network_input_torch import network_input as network_input_in_torch
from models.front_ends.parts.mel_filterbank import mel_filterbank, periodic_hann
from models.front_ends.spec import MUSICNN_FRONT_END, FrontEnd

Floats = npt.NDArray[np.float32]
Transform = Callable[[FrontEnd, Floats], Floats]

WIDE = FrontEnd(
    sample_rate_hz=32_000, n_fft=1024, frame_hop=320, n_mels=64, f_min_hz=50.0, f_max_hz=14_000.0, scaling="db"
)
SPECS = pytest.mark.parametrize("spec", [MUSICNN_FRONT_END, WIDE], ids=["musicnn", "wide"])


def numpy_whole(spec: FrontEnd, samples: Floats) -> Floats:
    return whole_frames(samples, spec)


def torch_whole(spec: FrontEnd, samples: Floats) -> Floats:
    return torch_whole_on("cpu", spec, samples)


def cuda_whole(spec: FrontEnd, samples: Floats) -> Floats:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return torch_whole_on("cuda", spec, samples)


def torch_whole_on(device: str, spec: FrontEnd, samples: Floats) -> Floats:
    padded = torch.from_numpy(np.pad(samples, spec.n_fft // 2)[np.newaxis]).to(device)
    found: Floats = TorchLogMel(spec).to(device).frames_of(padded)[0].cpu().numpy()
    return found


def numpy_frames(spec: FrontEnd, samples: Floats) -> Floats:
    return LogMel(spec).frames_of(samples)


def torch_frames(spec: FrontEnd, samples: Floats) -> Floats:
    found: Floats = TorchLogMel(spec).frames_of(torch.from_numpy(samples)).numpy()
    return found


WHOLE = pytest.mark.parametrize("whole", [numpy_whole, torch_whole, cuda_whole])
FRAMES = pytest.mark.parametrize("frames_of", [numpy_frames, torch_frames])


def music(n_samples: int, seed: int = 0) -> Floats:
    """Partials over noise, float32 (n_samples,), within -1..1."""
    rng = np.random.default_rng(seed)
    phase = 2 * np.pi * np.arange(n_samples) / 16_000
    tones = sum(np.sin(phase * hz) / (1 + hz / 500) for hz in (110.0, 220.0, 277.2, 329.6, 1318.5, 5000.0))
    return (0.1 * tones + 0.02 * rng.standard_normal(n_samples)).astype(np.float32)


def oracle(spec: FrontEnd, samples: Floats) -> npt.NDArray[np.float64]:
    """librosa's log-mel in double precision, (n_frames, n_mels)."""
    power = librosa.feature.melspectrogram(
        y=samples.astype(np.float64),
        sr=spec.sample_rate_hz,
        n_fft=spec.n_fft,
        hop_length=spec.frame_hop,
        n_mels=spec.n_mels,
        fmin=spec.f_min_hz,
        fmax=spec.f_max_hz,
        dtype=np.float64,
    ).T
    decibels: npt.NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-10))
    compressed: npt.NDArray[np.float64] = np.log10(10_000 * power + 1)
    return decibels if spec.scaling == "db" else compressed


@SPECS
def test_filterbank_is_librosas(spec: FrontEnd) -> None:
    found = mel_filterbank(spec)
    wanted = librosa.filters.mel(
        sr=spec.sample_rate_hz, n_fft=spec.n_fft, n_mels=spec.n_mels, fmin=spec.f_min_hz, fmax=spec.f_max_hz
    ).T
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6 * wanted.max())


def test_window_is_periodic_hann() -> None:
    np.testing.assert_allclose(periodic_hann(512), librosa.filters.get_window("hann", 512), atol=1e-7)


@SPECS
@WHOLE
def test_whole_recording_is_librosas(whole: Transform, spec: FrontEnd) -> None:
    samples = music(40_000)
    np.testing.assert_allclose(whole(spec, samples), oracle(spec, samples), rtol=0, atol=1e-4)


@pytest.mark.filterwarnings("ignore:n_fft=512 is too large")
@WHOLE
@settings(max_examples=25, deadline=None)
@given(n_samples=st.integers(1, 3_000), seed=st.integers(0, 9))
def test_any_length_is_librosas(whole: Transform, n_samples: int, seed: int) -> None:
    samples = music(n_samples, seed)
    found = whole(MUSICNN_FRONT_END, samples)
    assert found.shape == (1 + n_samples // 256, 96)
    np.testing.assert_allclose(found, oracle(MUSICNN_FRONT_END, samples), rtol=0, atol=1e-4)


@SPECS
@FRAMES
def test_silence_and_full_scale_stay_finite(frames_of: Transform, spec: FrontEnd) -> None:
    samples = np.stack([np.zeros(4_096, np.float32), np.ones(4_096, np.float32), -np.ones(4_096, np.float32)])
    found = frames_of(spec, samples)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[0], -100.0 if spec.scaling == "db" else 0.0, atol=1e-4)


@FRAMES
@settings(max_examples=20, deadline=None)
@given(n_blocks=st.integers(1, 4), seed=st.integers(0, 9))
def test_blocks_with_margins_are_the_whole(frames_of: Transform, n_blocks: int, seed: int) -> None:
    """Blocks of 2 s, each with 256 samples of its past, are exactly the centred frames of the recording."""
    spec = MUSICNN_FRONT_END
    samples = music(32_000 * n_blocks, seed)
    padded = np.pad(samples, (spec.samples_before, spec.samples_after))
    blocks = np.stack([padded[32_000 * b : 32_000 * (b + 1) + 256] for b in range(n_blocks)])
    found = frames_of(spec, blocks)
    assert found.shape == (n_blocks, 125, 96)
    wanted = numpy_whole(spec, samples)[: 125 * n_blocks]
    np.testing.assert_allclose(found.reshape(-1, 96), wanted, rtol=0, atol=2e-5)


def test_a_block_has_the_same_bits_in_any_company() -> None:
    blocks = np.stack([music(32_256, seed) for seed in range(3)])
    front_end = LogMel(MUSICNN_FRONT_END)
    together = front_end.frames_of(blocks)
    for block, frames in zip(blocks, together, strict=True):
        np.testing.assert_array_equal(front_end.frames_of(block[np.newaxis])[0], frames)


def test_a_result_is_not_overwritten_by_the_next_call() -> None:
    front_end = LogMel(MUSICNN_FRONT_END)
    first = front_end.frames_of(music(4_096)[np.newaxis])
    kept = first.copy()
    front_end.frames_of(music(4_096, seed=5)[np.newaxis])
    np.testing.assert_array_equal(first, kept)


def test_columns_of_an_array_are_accepted() -> None:
    stereo = np.stack([music(4_096), music(4_096, seed=1)], axis=1)
    np.testing.assert_array_equal(
        numpy_frames(MUSICNN_FRONT_END, stereo.T),
        numpy_frames(MUSICNN_FRONT_END, np.ascontiguousarray(stereo.T)),
    )


@FRAMES
@pytest.mark.parametrize(
    "samples",
    [np.zeros((1, 4_096)), np.zeros(4_096, np.float32), np.zeros((2, 511), np.float32)],
    ids=["float64", "one-dimensional", "too short"],
)
def test_wrong_input_is_refused(frames_of: Transform, samples: Floats) -> None:
    with pytest.raises(ValueError, match="expected float32"):
        frames_of(MUSICNN_FRONT_END, samples)


def test_whole_wants_one_channel() -> None:
    with pytest.raises(ValueError, match="one channel"):
        whole_frames(np.zeros((2, 4_096), np.float32), MUSICNN_FRONT_END)


def test_normalisation_agrees_between_twins() -> None:
    spec = dataclasses.replace(WIDE, normalisation="window")
    windows = numpy_frames(spec, np.stack([music(8_192), np.zeros(8_192, np.float32)]))
    found = network_input(windows, spec)
    np.testing.assert_allclose(found[0].mean(), 0, atol=1e-4)
    np.testing.assert_allclose(found[0].std(), 1, atol=1e-4)
    assert np.isfinite(found).all()
    twin = network_input_in_torch(torch.from_numpy(windows), spec).numpy()
    np.testing.assert_allclose(twin, found, atol=1e-4)


def test_no_normalisation_touches_nothing() -> None:
    windows = np.ones((1, 2, 3), np.float32)
    assert network_input(windows, WIDE) is windows
    tensor = torch.ones(1, 2, 3)
    assert network_input_in_torch(tensor, WIDE) is tensor


def test_margins_of_the_front_ends() -> None:
    assert (MUSICNN_FRONT_END.samples_before, MUSICNN_FRONT_END.samples_after) == (256, 0)
    assert (WIDE.samples_before, WIDE.samples_after) == (512, 192)
