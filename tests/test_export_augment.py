"""Augmentation does to log-mel windows what would have been done to the audio, and the same again for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from export.data.augment import Augmentation, AugmentSettings, batch_generator
from export.data.augment_spectrum import louder, noisy, power_of, stretched, transposed
from models.front_ends.frames import whole_frames
from models.front_ends.named import SPECTROGRAM_FRONT_END
from models.front_ends.spec import MUSICNN_FRONT_END, FrontEnd

KINDS = ["noise", "gain", "mask", "stretch", "pitch", "mixup"]
BOTH = pytest.mark.parametrize("front_end", [SPECTROGRAM_FRONT_END, MUSICNN_FRONT_END], ids=["db", "log"])


def log_mel_of(audio: np.ndarray, front_end: FrontEnd) -> Tensor:
    """(1, frames, mels)."""
    return torch.from_numpy(whole_frames(audio.astype(np.float32), front_end))[None]


def chord(seconds: float = 4.0, ratio: float = 1.0, rate_hz: int = 16_000) -> np.ndarray:
    """Three tones that swell and fade at 2 Hz."""
    at_s = np.arange(round(seconds * rate_hz)) / rate_hz
    tones = sum(np.sin(2 * np.pi * hz * ratio * at_s) for hz in (330.0, 880.0, 2_500.0))
    return 0.2 * tones * (0.55 + 0.45 * np.sin(2 * np.pi * 2 * at_s))


def batch(front_end: FrontEnd, n: int = 8) -> tuple[Tensor, Tensor]:
    """Windows (n, frames, mels) of one chord in noise, and targets (n, n)."""
    rng = np.random.default_rng(0)
    audio = [chord(1.0) * rng.uniform(0.2, 1) + 0.01 * rng.normal(size=16_000) for _ in range(n)]
    return torch.cat([log_mel_of(each, front_end) for each in audio]), torch.eye(n)


@pytest.mark.parametrize("kind", KINDS)
@BOTH
def test_the_same_batch_of_the_same_epoch_is_the_same_again(kind: str, front_end: FrontEnd) -> None:
    windows, targets = batch(front_end)
    before = windows.clone()
    augmentation = Augmentation(AugmentSettings.model_validate({kind: 1.0}), front_end)
    once, again, other_batch, other_epoch, other_seed = (
        augmentation(windows, targets, batch_generator(*place))
        for place in ((0, 1, 2), (0, 1, 2), (0, 1, 3), (0, 2, 2), (1, 1, 2))
    )
    assert torch.equal(once[0], again[0])
    assert torch.equal(once[1], again[1])
    for other in (other_batch, other_epoch, other_seed):
        assert not torch.equal(once[0], other[0])
    assert torch.equal(windows, before)  # what is given stays as it is
    assert torch.isfinite(once[0]).all()
    assert once[0].shape == windows.shape
    assert (once[1] == targets).all() == (kind != "mixup")


@pytest.mark.parametrize("kind", KINDS)
def test_a_probability_is_of_windows_and_the_others_stay_to_the_bit(kind: str) -> None:
    windows, targets = batch(SPECTROGRAM_FRONT_END, 64)
    augmentation = Augmentation(AugmentSettings.model_validate({kind: 0.3}), SPECTROGRAM_FRONT_END)
    changed = 0
    for number in range(10):
        made, _ = augmentation(windows, targets, batch_generator(0, 0, number))
        changed += int((made != windows).any(dim=2).any(dim=1).sum())
    assert 0.2 < changed / 640 < 0.4
    unchanged, same = Augmentation(AugmentSettings(), SPECTROGRAM_FRONT_END)(windows, targets, batch_generator(0, 0, 0))
    assert torch.equal(unchanged, windows)
    assert torch.equal(same, targets)


@BOTH
def test_gain_is_what_a_louder_recording_gives(front_end: FrontEnd) -> None:
    soft, loud = log_mel_of(0.1 * chord(), front_end), log_mel_of(0.4 * chord(), front_end)
    made = louder(soft, torch.tensor([20 * np.log10(4.0)]), front_end.scaling)
    audible = loud > loud.max() - (60 if front_end.scaling == "db" else 3)
    assert (made - loud).abs()[audible].max() < 0.01
    assert (louder(soft, torch.tensor([0.0]), front_end.scaling) - soft).abs()[audible].max() < 1e-3


@BOTH
def test_noise_is_added_in_power_at_the_ratio_that_was_asked_for(front_end: FrontEnd) -> None:
    clean = log_mel_of(chord(), front_end)
    noise = torch.empty_like(clean).exponential_(generator=torch.Generator().manual_seed(1))
    for snr_db in (0.0, 20.0):
        made = noisy(clean, torch.tensor([snr_db]), noise, front_end.scaling)
        added = power_of(made, front_end.scaling) - power_of(clean, front_end.scaling)
        ratio = power_of(clean, front_end.scaling).mean() / added.mean()
        assert 10 * np.log10(float(ratio)) == pytest.approx(snr_db, abs=0.2)
        assert (made >= clean - 1e-3).all()


def test_noise_is_as_white_noise_in_the_recording() -> None:
    """Levels of mels after white noise in the audio, and after noise in the log-mel."""
    audio = chord()
    hiss = np.random.default_rng(3).normal(size=len(audio))
    clean = log_mel_of(audio, SPECTROGRAM_FRONT_END)
    heard = log_mel_of(audio + hiss * 0.05, SPECTROGRAM_FRONT_END)
    hiss_power = power_of(log_mel_of(hiss * 0.05, SPECTROGRAM_FRONT_END), "db").mean()
    snr_db = 10 * torch.log10(power_of(clean, "db").mean() / hiss_power)
    noise = torch.empty_like(clean).exponential_(generator=torch.Generator().manual_seed(1))
    made = noisy(clean, snr_db[None], noise, "db")
    inside = slice(4, -4)
    difference = power_of(made, "db")[0, inside].mean(0).log10() - power_of(heard, "db")[0, inside].mean(0).log10()
    assert (10 * difference).abs().max() < 3  # single mels
    assert abs(float(10 * difference.mean())) < 0.3  # on the whole


def test_a_pitch_shift_is_the_spectrogram_of_higher_notes() -> None:
    ratio = 2 ** (2 / 12)
    low, high = log_mel_of(chord(), SPECTROGRAM_FRONT_END), log_mel_of(chord(ratio=ratio), SPECTROGRAM_FRONT_END)
    made = transposed(low, torch.tensor([ratio]), SPECTROGRAM_FRONT_END)
    loudest = high[0].mean(0).topk(6).indices
    assert set(made[0].mean(0).topk(3).indices.tolist()) <= set(loudest.tolist())
    assert set(low[0].mean(0).topk(3).indices.tolist()) - set(loudest.tolist())
    assert (made - high)[0, 8:-8].abs().mean() < 0.5 * (low - high)[0, 8:-8].abs().mean()
    assert torch.equal(transposed(low, torch.tensor([1.0]), SPECTROGRAM_FRONT_END), low)


def test_a_stretch_moves_events_apart_and_keeps_their_pitch() -> None:
    frames = torch.arange(128.0)
    window = (torch.sin(2 * torch.pi * frames / 16)[:, None] * torch.linspace(1, 2, 128))[None]
    for speed in (0.8, 1.25):
        made = stretched(window, torch.tensor([speed]))
        spectrum = torch.fft.rfft(made[0, 20:-20, 0] - made[0, 20:-20, 0].mean(), 4096).abs()
        assert float(spectrum.argmax()) / 4096 == pytest.approx(speed / 16, rel=0.05)
        assert torch.allclose(made[0, :, 100] / made[0, :, 0], torch.linspace(1, 2, 128)[100], atol=1e-3)
    assert torch.equal(stretched(window, torch.tensor([1.0])), window)


def test_masks_hide_whole_stretches_of_time_and_of_mels_behind_the_mean() -> None:
    windows, targets = batch(SPECTROGRAM_FRONT_END)
    settings = AugmentSettings(mask=1.0, mask_times=1, mask_mels=1, mask_time_share=0.5, mask_mel_share=0.25)
    hidden_share = []
    for number in range(50):
        made, _ = Augmentation(settings, SPECTROGRAM_FRONT_END)(windows, targets, batch_generator(0, 0, number))
        hidden = made != windows
        means = windows.mean(dim=(1, 2), keepdim=True).expand_as(windows)
        assert torch.equal(made[hidden], means[hidden])
        times, mels = hidden.all(dim=2), hidden.all(dim=1)
        assert torch.equal(hidden, times[:, :, None] | mels[:, None, :])
        assert (mels.sum(dim=1) <= 0.25 * 128 + 1).all()
        hidden_share.append(float(times.float().mean()))
    assert 0.15 < np.mean(hidden_share) < 0.35


def test_mixup_mixes_targets_in_the_parts_of_the_windows() -> None:
    windows, targets = batch(SPECTROGRAM_FRONT_END)
    settings = AugmentSettings(mixup=1.0, mixup_alpha=1.0)
    made, mixed = Augmentation(settings, SPECTROGRAM_FRONT_END)(windows, targets, batch_generator(0, 0, 0))
    assert torch.allclose(mixed.sum(dim=1), torch.ones(8))
    assert (mixed.diagonal() >= 0.5).all()
    assert ((mixed > 0).sum(dim=1) == 2).all()
    expected = torch.einsum("ij,jfm->ifm", mixed, windows)
    assert torch.allclose(made, expected, atol=1e-3)


def test_settings_that_mean_nothing_are_refused() -> None:
    for wrong in ({"noise": 1.5}, {"nois": 0.5}, {"noise_snr_db_low": 20.0, "noise_snr_db_high": 10.0}):
        with pytest.raises(ValidationError):
            AugmentSettings.model_validate(wrong)
