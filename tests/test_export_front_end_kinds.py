"""What may be done to windows of each kind of front end, and that pictures are for those that show mels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from export.data.augment import ALLOWED, Augmentation, AugmentSettings, batch_generator, check_allowed
from export.data.clip import Clip
from export.data.images import image_blocks
from export.data.music_set import MusicSet
from export.data.recipe import Recipe
from export.errors import InputUnusable, SettingsUnusable
from export.train.training import train
from models.card import Label
from models.front_ends.frames import make_frames
from models.front_ends.named import HEARINGS, WAVEFORM_FRONT_END, HearingName
from models.front_ends.network_input_torch import network_input
from models.front_ends.spec import FrontEnd
from tests.front_end_signals import all_signals
from tests.training_sets import make_set, settings

NAMES = pytest.mark.parametrize("name", sorted(HEARINGS))
EVERYTHING = ("noise", "gain", "mask", "stretch", "pitch", "mixup")


def windows_of(spec: FrontEnd) -> torch.Tensor:
    """Frames of half a second of every kind of signal, (5, n_frames, n_features)."""
    n_samples = spec.sample_rate_hz // 2 + spec.samples_before + spec.samples_after
    return torch.from_numpy(make_frames(spec).frames_of(all_signals(n_samples, spec.sample_rate_hz)))


@NAMES
@pytest.mark.parametrize("what", EVERYTHING)
def test_what_is_allowed_changes_windows_and_the_rest_is_refused(name: HearingName, what: str) -> None:
    spec = HEARINGS[name].front_end
    asked = AugmentSettings.model_validate({what: 1.0})
    if what not in ALLOWED[spec.kind]:
        with pytest.raises(SettingsUnusable, match=rf"augment\.{what}: frames of {spec.kind} can only have .*mixup"):
            check_allowed(asked, spec.kind)
        return
    check_allowed(asked, spec.kind)
    windows, targets = windows_of(spec), torch.eye(5)
    made, mixed = Augmentation(asked, spec)(windows, targets, batch_generator(0, 0, 0))
    assert made.shape == windows.shape
    assert not torch.equal(made, windows)
    assert torch.equal(mixed, targets) == (what != "mixup")
    assert torch.isfinite(network_input(made, spec)).all()


@NAMES
def test_mixup_is_for_all(name: HearingName) -> None:
    spec = HEARINGS[name].front_end
    windows = windows_of(spec)
    augmentation = Augmentation(AugmentSettings(mixup=1.0, mixup_alpha=1.0), spec)
    made, mixed = augmentation(windows, torch.eye(5), batch_generator(0, 0, 0))
    expected = torch.einsum("ij,jfm->ifm", mixed, windows)
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-3)


def test_samples_are_made_louder() -> None:
    windows = windows_of(WAVEFORM_FRONT_END)
    augmentation = Augmentation(AugmentSettings(gain=1.0, gain_db=12.0), WAVEFORM_FRONT_END)
    made, _ = augmentation(windows, torch.eye(5), batch_generator(0, 0, 0))
    loud = [(float(made[n].norm() / windows[n].norm()), made[n], windows[n]) for n in range(4)]
    assert len({round(ratio, 3) for ratio, _, _ in loud}) == 4
    for ratio, after, before in loud:
        assert 10 ** (-12 / 20) <= ratio <= 10 ** (12 / 20)
        np.testing.assert_allclose(after, before * ratio, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("snr_db", [0.0, 20.0])
def test_noise_is_added_to_samples_at_the_ratio_that_was_asked_for(snr_db: float) -> None:
    windows = windows_of(WAVEFORM_FRONT_END)
    asked = AugmentSettings(noise=1.0, noise_snr_db_low=snr_db, noise_snr_db_high=snr_db)
    made, _ = Augmentation(asked, WAVEFORM_FRONT_END)(windows, torch.eye(5), batch_generator(0, 0, 0))
    added = (made - windows).square().mean(dim=(1, 2))
    found_db = 10 * torch.log10(windows.square().mean(dim=(1, 2))[:4] / added[:4])
    np.testing.assert_allclose(found_db, snr_db, atol=0.3)
    assert not added[4]  # silence stays


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    return make_set(tmp_path_factory.mktemp("music"), clips_per_label=3, seconds=3.0)


def test_a_run_that_asks_for_what_cannot_be_is_refused_at_once(music: MusicSet, tmp_path: Path) -> None:
    for front_end in ("mfcc", "frame33", "track174", "waveform"):
        asked = settings(front_end=front_end, window_s=2.0, hop_s=1.0, augment={"mask": 0.5})
        with pytest.raises(SettingsUnusable, match=rf"augment\.mask: frames of {front_end} can only have"):
            train(music, asked, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_pictures_are_for_front_ends_of_mels(tmp_path: Path) -> None:
    clips = []
    for n in range(8):
        path = tmp_path / f"{n}.png"
        Image.fromarray(np.random.default_rng(n).integers(0, 256, (64, 900), dtype=np.uint8)).save(path)
        clips.append(Clip(path, ("ab"[n % 2],), split=("train", "validation")[n // 4], sha256=str(n)))
    pictures = replace(
        make_set(tmp_path / "set", clips_per_label=3, seconds=1.0),
        labels=(Label("a", "genre"), Label("b", "genre")),
        clips=tuple(clips),
    )
    for name in ("mfcc", "frame33", "track174", "waveform"):
        with pytest.raises(InputUnusable, match=f"pictures show mels in dB, and {name} is made of audio"):
            train(pictures, settings(front_end=name, window_s=2.0, hop_s=1.0), tmp_path / "run")
        with pytest.raises(InputUnusable, match="use a front end of log-mel or mel-image"):
            image_blocks(clips[0].path, Recipe(HEARINGS[name].front_end))
    recipe = Recipe(HEARINGS["mel-image"].front_end)
    assert image_blocks(clips[0].path, recipe).frames.shape[1:] == (84, 128)
