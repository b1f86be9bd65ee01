"""Every kind of front end whole: the twins agree, librosa agrees, and neither chunks nor company change a frame."""

from __future__ import annotations

from functools import lru_cache
from typing import get_args

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.front_ends.frames import MAKERS, make_frames, whole_frames
from models.front_ends.frames_torch import MAKERS as TORCH_MAKERS
from models.front_ends.frames_torch import make_torch_frames
from models.front_ends.named import HEARINGS, HearingName
from models.front_ends.network_input import SHAPERS, network_input
from models.front_ends.network_input_torch import SHAPERS as TORCH_SHAPERS
from models.front_ends.network_input_torch import network_input as network_input_in_torch
from models.front_ends.spec import FrontEnd, Kind
from tests.front_end_signals import all_signals, chords, mixed, noise

Floats = npt.NDArray[np.float32]

NAMES = pytest.mark.parametrize("name", sorted(HEARINGS))
AGREEMENT = 1e-3  # of a column's standard deviation over all signals
DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])


def padded(samples: Floats, spec: FrontEnd) -> Floats:
    """With the margins of a whole recording: nothing before it, nothing after it."""
    return np.pad(samples, (spec.samples_before, spec.samples_after))


def whole(samples: Floats, spec: FrontEnd) -> Floats:
    """(n_frames, n_features) of a recording."""
    frames: Floats = make_frames(spec).frames_of(padded(samples, spec)[np.newaxis])[0]
    return frames


@lru_cache
def signals(name: HearingName) -> Floats:
    """Windows of every kind of signal with their margins, (5, n_samples)."""
    hearing = HEARINGS[name]
    spec = hearing.front_end
    n_samples = round(min(hearing.window_s, 4.0) * spec.sample_rate_hz)
    return all_signals(n_samples + spec.samples_before + spec.samples_after, spec.sample_rate_hz)


def in_torch(samples: Floats, spec: FrontEnd, device: str) -> torch.Tensor:
    """Frames by the twin."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    frames = make_torch_frames(spec, torch.device(device))
    return frames.frames_of(torch.from_numpy(samples).to(device))


def furthest(found: Floats, wanted: Floats) -> float:
    """The largest difference, in standard deviations of its column (of all figures, where columns are alike)."""
    axes = tuple(range(found.ndim - 1))
    deviation = wanted.std(axis=axes)
    return float((np.abs(found - wanted).max(axis=axes) / np.maximum(deviation, deviation.mean() * 1e-3)).max())


@NAMES
@DEVICES
def test_twins_agree(name: HearingName, device: str) -> None:
    spec = HEARINGS[name].front_end
    wanted = make_frames(spec).frames_of(signals(name))
    found = in_torch(signals(name), spec, device)
    assert found.shape == wanted.shape == (5, wanted.shape[1], spec.n_features)
    assert furthest(found.cpu().numpy(), wanted) < AGREEMENT
    inputs = network_input(wanted, spec)
    twin = network_input_in_torch(found, spec)
    assert inputs.shape == twin.shape == (5, *spec.input_shape(wanted.shape[1]))
    assert inputs.dtype == np.float32 and twin.dtype == torch.float32
    assert furthest(twin.cpu().numpy().reshape(5, -1), inputs.reshape(5, -1)) < AGREEMENT


@NAMES
def test_a_block_has_the_same_bits_in_any_company(name: HearingName) -> None:
    spec = HEARINGS[name].front_end
    front_end = make_frames(spec)
    together = front_end.frames_of(signals(name))
    inputs = network_input(together, spec)
    for block, frames, taken in zip(signals(name), together, inputs, strict=True):
        alone = front_end.frames_of(block[np.newaxis])
        np.testing.assert_array_equal(alone[0], frames)
        np.testing.assert_array_equal(network_input(alone, spec)[0], taken)


@NAMES
def test_a_result_is_not_overwritten_by_the_next_call(name: HearingName) -> None:
    spec = HEARINGS[name].front_end
    front_end = make_frames(spec)
    first = front_end.frames_of(signals(name)[:1])
    kept = first.copy()
    front_end.frames_of(signals(name)[1:2])
    np.testing.assert_array_equal(first, kept)


@NAMES
@settings(max_examples=5, deadline=None)
@given(frames_per_block=st.integers(1, 70))
def test_blocks_with_margins_are_the_whole(name: HearingName, frames_per_block: int) -> None:
    spec = HEARINGS[name].front_end
    n_blocks = max(1, 80 // frames_per_block)
    step = frames_per_block * spec.frame_hop
    samples = mixed(n_blocks * step, spec.sample_rate_hz)
    around = padded(samples, spec)
    margins = len(around) - len(samples)
    blocks = np.stack([around[n * step : (n + 1) * step + margins] for n in range(n_blocks)])
    found = make_frames(spec).frames_of(blocks)
    assert found.shape == (n_blocks, frames_per_block, spec.n_features)
    wanted = whole(samples, spec)[: n_blocks * frames_per_block]
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-4)


@NAMES
def test_blocks_of_the_twin_are_the_whole(name: HearingName) -> None:
    spec = HEARINGS[name].front_end
    step = 20 * spec.frame_hop
    samples = mixed(3 * step, spec.sample_rate_hz)
    around = padded(samples, spec)
    blocks = np.stack([around[n * step : (n + 1) * step + len(around) - len(samples)] for n in range(3)])
    found = in_torch(blocks, spec, "cpu").flatten(0, 1).numpy()
    wanted = in_torch(around[np.newaxis], spec, "cpu")[0, :60].numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=2e-3)


@NAMES
@DEVICES
def test_silence_and_full_scale_stay_finite(name: HearingName, device: str) -> None:
    spec = HEARINGS[name].front_end
    n = signals(name).shape[1]
    square = np.where(np.arange(n) // 50 % 2, 1, -1)
    samples = np.stack([np.zeros(n), np.ones(n), -np.ones(n), square]).astype(np.float32)
    frames = make_frames(spec).frames_of(samples)
    assert np.isfinite(frames).all()
    assert np.isfinite(network_input(frames, spec)).all()
    twin = in_torch(samples, spec, device)
    assert torch.isfinite(twin).all()
    assert torch.isfinite(network_input_in_torch(twin, spec)).all()


@NAMES
@pytest.mark.parametrize("wrong", ["float64", "one-dimensional", "too short"])
def test_wrong_input_is_refused(name: HearingName, wrong: str) -> None:
    spec = HEARINGS[name].front_end
    margins = spec.samples_before + spec.samples_after
    fewest = spec.frame_hop + margins
    assert spec.fewest_samples == fewest
    inputs: dict[str, Floats] = {
        "float64": np.zeros((1, fewest)),  # type: ignore[dict-item]
        "one-dimensional": np.zeros(fewest, np.float32),
        "too short": np.zeros((2, fewest - 1), np.float32),
    }
    samples = inputs[wrong]
    with pytest.raises(ValueError, match="expected float32"):
        make_frames(spec).frames_of(samples)
    with pytest.raises(ValueError, match="expected float32"):
        make_torch_frames(spec, torch.device("cpu")).frames_of(torch.from_numpy(samples))
    shortest = np.zeros((2, fewest), np.float32)
    assert make_frames(spec).frames_of(shortest).shape == (2, 1, spec.n_features)
    assert in_torch(shortest, spec, "cpu").shape == (2, 1, spec.n_features)


def spectra_of(samples: Floats, spec: FrontEnd) -> Floats:
    """Power (n_bins, n_frames) of a recording, as librosa has it."""
    spectra = librosa.stft(samples.astype(np.float64), n_fft=spec.n_fft, hop_length=spec.frame_hop, pad_mode="constant")
    return np.square(np.abs(spectra))  # type: ignore[no-any-return]


def librosas(samples: Floats, spec: FrontEnd) -> dict[str, Floats]:
    """Parts of a recording's frames by librosa, (figures, n_frames) each."""
    power = spectra_of(samples, spec)
    rate_hz, n_fft = spec.sample_rate_hz, spec.n_fft
    mels = librosa.feature.melspectrogram(S=power, sr=rate_hz, n_fft=n_fft, n_mels=spec.n_mels, fmax=spec.f_max_hz)
    decibels = librosa.power_to_db(mels, top_db=None)
    harmonic, _ = librosa.decompose.hpss(np.sqrt(power))
    lasting = librosa.feature.chroma_stft(S=np.square(harmonic), sr=rate_hz, n_fft=n_fft, tuning=0)
    return {
        "onset": librosa.onset.onset_strength_multi(S=decibels, sr=rate_hz, hop_length=spec.frame_hop, center=False),
        "mfcc": librosa.feature.mfcc(S=decibels, sr=rate_hz, n_mfcc=spec.n_mfcc),
        "centroid": librosa.feature.spectral_centroid(S=np.sqrt(power), sr=rate_hz, n_fft=n_fft),
        "chroma": librosa.feature.chroma_stft(S=power, sr=rate_hz, n_fft=n_fft, tuning=0),
        "contrast": librosa.feature.spectral_contrast(S=np.sqrt(power), sr=rate_hz, n_fft=n_fft),
        "tonnetz": librosa.feature.tonnetz(chroma=lasting),
        "mels": mels,
    }


COLUMNS = {
    "frame33": ["mfcc", "centroid", "chroma", "contrast"],
    "track174": ["onset", "mfcc", "chroma", "contrast", "tonnetz", "mels"],
}


@pytest.mark.parametrize("kind", ["frame33", "track174"])
def test_frames_are_librosas(kind: HearingName) -> None:
    """Chords in noise, which keeps off every floor; away from the ends, beyond which librosa mirrors what is there."""
    spec = HEARINGS[kind].front_end
    n_samples = 2 * spec.sample_rate_hz
    samples = chords(n_samples, spec.sample_rate_hz) + np.float32(0.1) * noise(n_samples)
    parts = librosas(samples, spec)
    wanted = np.concatenate([parts[part] for part in COLUMNS[kind]]).T
    found = whole(samples, spec)
    assert found.shape[1] == spec.n_features == wanted.shape[1] == (33 if kind == "frame33" else 174)
    np.testing.assert_allclose(found[15:-15], wanted[15 : len(found) - 15], rtol=1e-4, atol=1e-3)


def test_mfcc_are_librosas() -> None:
    spec = HEARINGS["mfcc"].front_end
    samples = noise(spec.sample_rate_hz)
    found = whole(samples, spec)
    np.testing.assert_allclose(found, librosas(samples, spec)["mfcc"].T[: len(found)], rtol=1e-5, atol=1e-3)


def test_a_vector_is_the_tempo_and_the_means() -> None:
    hearing = HEARINGS["track174"]
    spec = hearing.front_end
    frames = whole(mixed(10 * spec.sample_rate_hz, spec.sample_rate_hz), spec)
    vector = network_input(frames[np.newaxis], spec)[0]
    onsets = frames[:, 0]
    tempo = librosa.feature.tempo(onset_envelope=onsets, sr=spec.sample_rate_hz, hop_length=spec.frame_hop)
    assert vector[0] == pytest.approx(tempo[0])
    np.testing.assert_allclose(vector[1:46], frames[:, 1:46].mean(axis=0), rtol=1e-4, atol=1e-5)
    wanted = librosa.power_to_db(frames[:, 46:].mean(axis=0), top_db=None)
    np.testing.assert_allclose(vector[46:], wanted, atol=1e-3)


@NAMES
def test_a_whole_recordings_frames_are_those_of_its_hops_and_one_more(name: HearingName) -> None:
    spec = HEARINGS[name].front_end
    samples = chords(8 * spec.frame_hop, spec.sample_rate_hz)
    found = whole_frames(samples, spec)
    assert found.shape == (8 + (spec.kind != "waveform"), spec.n_features)
    np.testing.assert_array_equal(found[:8], whole(samples, spec))


def test_every_kind_has_both_stages_in_both_forms() -> None:
    for known in (MAKERS, TORCH_MAKERS, SHAPERS, TORCH_SHAPERS):
        assert set(known) == set(get_args(Kind))
