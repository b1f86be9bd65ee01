"""What front ends are made of, each against librosa, scipy or torch; and the twins of torch against numpy's."""

from __future__ import annotations

from dataclasses import replace

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from models.front_ends.kinds.mel_picture import mel_pictures, stretching_matrix
from models.front_ends.kinds.mel_picture_torch import mel_pictures as mel_pictures_in_torch
from models.front_ends.named import FRAME33_FRONT_END, TRACK174_FRONT_END, WAVEFORM_FRONT_END
from models.front_ends.parts.chroma import chroma, chroma_filterbank
from models.front_ends.parts.dct import dct_matrix
from models.front_ends.parts.decibels import decibels
from models.front_ends.parts.harmonic import harmonic_power
from models.front_ends.parts.harmonic_torch import harmonic_power as harmonic_power_in_torch
from models.front_ends.parts.onset import onset_strength
from models.front_ends.parts.running_median import MEDIAN_WIDTH, running_median
from models.front_ends.parts.running_median_torch import running_median as running_median_in_torch
from models.front_ends.parts.spectral_contrast import SpectralContrast
from models.front_ends.parts.tempo import tempo_of, tempo_scale
from models.front_ends.parts.tempo_torch import tempo as tempo_in_torch
from models.front_ends.parts.tonnetz import tonnetz, tonnetz_matrix
from models.front_ends.spec import MUSICNN_FRONT_END, FrontEnd
from tests.front_end_signals import chords, drums, mixed, noise

Floats = npt.NDArray[np.float32]

SPEC = TRACK174_FRONT_END
RATE_HZ, N_FFT, HOP = SPEC.sample_rate_hz, SPEC.n_fft, SPEC.frame_hop
OTHER = replace(SPEC, sample_rate_hz=16_000, n_fft=1024, frame_hop=400, f_max_hz=8_000.0)
SPECS = pytest.mark.parametrize("spec", [SPEC, OTHER], ids=["22050", "16000"])


def power_of(samples: Floats, spec: FrontEnd = SPEC) -> Floats:
    """(n_frames, n_bins)."""
    spectra = librosa.stft(samples, n_fft=spec.n_fft, hop_length=spec.frame_hop, center=False)
    return np.ascontiguousarray(np.square(np.abs(spectra)).T, np.float32)


@pytest.fixture(scope="module")
def power() -> Floats:
    """Chords and drums with silence, (n_frames, n_bins)."""
    return power_of(mixed(2 * RATE_HZ, RATE_HZ))


@pytest.fixture(scope="module")
def onsets() -> Floats:
    """Of ten seconds of drums at 96 beats a minute."""
    mels = librosa.feature.melspectrogram(y=drums(10 * RATE_HZ, RATE_HZ, 96), sr=RATE_HZ, hop_length=HOP)
    return onset_strength(decibels(mels.T))


def test_dct_is_scipys() -> None:
    decibels = np.random.default_rng(0).uniform(-100, 0, (40, 128)).astype(np.float32)
    wanted = librosa.feature.mfcc(S=decibels.T, n_mfcc=20).T
    np.testing.assert_allclose(decibels @ dct_matrix(128, 20), wanted, rtol=1e-5, atol=1e-3)


@SPECS
def test_chroma_filterbank_is_librosas(spec: FrontEnd) -> None:
    wanted = librosa.filters.chroma(sr=spec.sample_rate_hz, n_fft=spec.n_fft, tuning=0).T
    np.testing.assert_allclose(chroma_filterbank(spec), wanted, rtol=0, atol=1e-6)


def test_chroma_is_librosas(power: Floats) -> None:
    found = np.empty((len(power), 12), np.float32)
    chroma(power, chroma_filterbank(SPEC), out=found)
    wanted = librosa.feature.chroma_stft(S=power.T, sr=RATE_HZ, n_fft=N_FFT, tuning=0).T
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    assert (found.max(axis=1) == 0).any()  # in silence
    assert set(found.max(axis=1)) == {0, 1}


@SPECS
def test_contrast_is_librosas(spec: FrontEnd) -> None:
    """Of noise, where neither its floor nor ours is reached."""
    magnitudes: Floats = np.sqrt(power_of(noise(spec.sample_rate_hz), spec))
    found = np.empty((len(magnitudes), 7), np.float32)
    SpectralContrast(spec).into(magnitudes / np.float32(spec.n_fft), found)
    wanted = librosa.feature.spectral_contrast(S=magnitudes.T, sr=spec.sample_rate_hz).T
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)


def test_tonnetz_is_librosas() -> None:
    some = np.random.default_rng(0).uniform(0, 1, (50, 12)).astype(np.float32)
    some[7] = 0
    found = np.empty((50, 6), np.float32)
    tonnetz(some, tonnetz_matrix(), out=found)
    np.testing.assert_allclose(found, librosa.feature.tonnetz(chroma=some.T).T, rtol=0, atol=1e-6)
    assert not found[7].any()


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(MEDIAN_WIDTH, 90),
    columns=st.integers(1, 300),
    levels=st.sampled_from([2, 9, 10**6]),
    seed=st.integers(0, 9),
)
def test_running_median_is_scipys(rows: int, columns: int, levels: int, seed: int) -> None:
    """Also where many values are equal, and in both implementations."""
    values = np.random.default_rng(seed).integers(0, levels, (rows, columns)).astype(np.float32)
    reach = MEDIAN_WIDTH // 2
    wanted = ndimage.median_filter(values, size=(MEDIAN_WIDTH, 1))[reach : rows - reach]  # type: ignore[attr-defined]
    np.testing.assert_array_equal(running_median(values), wanted)
    np.testing.assert_array_equal(running_median_in_torch(torch.from_numpy(values), 0), wanted)
    np.testing.assert_array_equal(running_median_in_torch(torch.from_numpy(values.T), 1), wanted.T)


def test_harmonic_power_is_librosas(power: Floats) -> None:
    found = harmonic_power(power)
    harmonic, _ = librosa.decompose.hpss(np.sqrt(power.astype(np.float64)).T)
    wanted = np.square(harmonic.T[15:-15])
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6 * wanted.max())
    twin = harmonic_power_in_torch(torch.from_numpy(power)[None])[0].numpy()
    np.testing.assert_allclose(twin, found, rtol=1e-5, atol=1e-6 * wanted.max())


def test_what_lasts_is_kept_and_what_strikes_is_not() -> None:
    lasting, striking = power_of(chords(2 * RATE_HZ, RATE_HZ)), power_of(drums(2 * RATE_HZ, RATE_HZ, 120))
    kept_of_chords = harmonic_power(lasting).sum() / lasting[15:-15].sum()
    kept_of_bursts = harmonic_power(striking)[:, 100:].sum() / striking[15:-15, 100:].sum()
    assert kept_of_chords > 0.8
    assert kept_of_bursts < 0.4


def test_onset_strength_is_librosas() -> None:
    mels = np.random.default_rng(0).uniform(-100, 0, (60, 128)).astype(np.float32)
    wanted = librosa.onset.onset_strength_multi(S=mels.T, sr=RATE_HZ, hop_length=HOP, center=False)[0]
    np.testing.assert_allclose(onset_strength(mels), wanted[1:], rtol=1e-5)


@pytest.mark.parametrize("bpm", [70, 96, 120, 150])
@pytest.mark.parametrize("seconds", [3, 10, 12])
def test_tempo_is_librosas(bpm: float, seconds: int) -> None:
    samples = drums(seconds * RATE_HZ, RATE_HZ, bpm)
    mels = librosa.feature.melspectrogram(y=samples, sr=RATE_HZ, hop_length=HOP)
    strength = onset_strength(decibels(mels.T))
    found = tempo_of(strength, tempo_scale(SPEC))
    assert found == pytest.approx(librosa.feature.tempo(onset_envelope=strength, sr=RATE_HZ, hop_length=HOP)[0])
    assert min(abs(found / (bpm * factor) - 1) for factor in (0.5, 1, 2)) < 0.04
    assert tempo_in_torch(torch.from_numpy(strength)[None], SPEC).item() == pytest.approx(found)


def test_tempo_where_there_is_none() -> None:
    silence = np.zeros(420, np.float32)
    wanted = librosa.feature.tempo(onset_envelope=silence, sr=RATE_HZ, hop_length=HOP)[0]
    assert tempo_of(silence, tempo_scale(SPEC)) == pytest.approx(wanted)
    assert tempo_in_torch(torch.zeros(3, 420), SPEC).tolist() == pytest.approx([wanted] * 3)


def test_tempo_of_many_windows_is_that_of_each(onsets: Floats) -> None:
    windows = np.stack([np.roll(onsets, 7 * n)[:300] for n in range(50)])
    found = tempo_in_torch(torch.from_numpy(windows), SPEC)
    assert found.tolist() == pytest.approx([tempo_of(window, tempo_scale(SPEC)) for window in windows])


@pytest.mark.parametrize("n_in", [84, 128, 223, 224, 420, 1000])
def test_stretching_is_torchs(n_in: int) -> None:
    row = torch.rand(1, 1, 1, n_in)
    wanted = torch.nn.functional.interpolate(row, (1, 224), mode="bilinear", antialias=True)
    np.testing.assert_allclose(row[0, 0, 0].numpy() @ stretching_matrix(n_in, 224), wanted[0, 0, 0], atol=1e-5)


@pytest.mark.parametrize(("n_frames", "n_mels"), [(420, 128), (84, 96), (50, 300)])
def test_a_picture_is_what_torch_makes_of_the_decibels(n_frames: int, n_mels: int) -> None:
    windows = np.random.default_rng(0).uniform(-130, 10, (2, n_frames, n_mels)).astype(np.float32)
    top = windows.max(axis=(1, 2), keepdims=True)
    shade = torch.from_numpy((np.maximum(windows - top, -80) + 80) / 80)
    upright = shade.transpose(1, 2).flip(1)[:, None]
    wanted = torch.nn.functional.interpolate(upright, (224, 224), mode="bilinear", antialias=True)
    found = mel_pictures(windows)
    assert found.shape == (2, 3, 224, 224)
    np.testing.assert_allclose(found, wanted.expand(-1, 3, -1, -1), atol=3e-5)
    np.testing.assert_allclose(mel_pictures_in_torch(torch.from_numpy(windows)), found, atol=1e-5)


def test_high_mels_are_on_top_and_time_goes_to_the_right() -> None:
    window = np.full((1, 100, 64), -200, np.float32)
    window[0, -10:, -10:] = 0
    picture = mel_pictures(window)[0, 0]
    assert picture[0, -1] == pytest.approx(1)
    assert picture[-1].max() == picture[:, 0].max() == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sample_rate_hz": 12_800, "f_max_hz": 6_400.0}, "sample_rate_hz above 12800"),
        ({"n_fft": 64}, "bins of 200 Hz"),
        ({"n_mfcc": 0}, "n_mfcc 0"),
        ({"n_mfcc": 129}, "n_mfcc 129"),
        ({"scaling": "log10(10000x+1)"}, "unknown scaling"),
        ({"kind": "frame44"}, "unknown kind"),
        ({"kind": "log-mel"}, "has no MFCC"),
        ({"kind": "waveform", "n_mfcc": 0, "scaling": "none"}, "n_mels 128 of waveform"),
    ],
)
def test_what_no_front_end_can_have_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(FRAME33_FRONT_END, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("changes", [{"n_fft": 512}, {"f_min_hz": 20.0}, {"f_max_hz": 7_000.0}, {"frame_hop": 200}])
def test_a_waveform_says_nothing_that_it_has_not(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="n_fft must be frame_hop"):
        replace(WAVEFORM_FRONT_END, **changes)  # type: ignore[arg-type]
    assert replace(WAVEFORM_FRONT_END, n_fft=441, frame_hop=441).n_features == 441


@pytest.mark.parametrize("spec", [SPEC, FRAME33_FRONT_END], ids=["track174", "frame33"])
def test_unlike_figures_are_not_normalised(spec: FrontEnd) -> None:
    with pytest.raises(ValueError, match="unlike figures"):
        replace(spec, normalisation="window")
    assert MUSICNN_FRONT_END.reach_frames == 0
