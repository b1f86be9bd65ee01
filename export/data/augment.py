"""Augmentation of windows: what makes each epoch hear the same music a little differently.

Drawn anew for every window, from a generator that is made of (seed, epoch, batch): a resumed training sees what the
uninterrupted one saw. The draws do not depend on the device.
"""

from collections.abc import Mapping
from typing import Annotated, Final

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from export.data import augment_samples as samples
from export.data import augment_spectrum as spectrum
from export.data.augment_draws import Draws
from export.errors import SettingsUnusable
from models.front_ends.spec import FrontEnd, Kind
from models.networks.registry import has_frozen_body

Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, lt=1)]

ALL: Final = ("noise", "gain", "mask", "stretch", "pitch", "mixup")
# What can be done to frames as if it had been done to their audio; of MFCC and the like nothing can.
ALLOWED: Final[Mapping[Kind, tuple[str, ...]]] = {
    "log-mel": ALL,
    "mel-image": ALL,
    "waveform": ("noise", "gain", "mixup"),
    "mfcc": ("mixup",),
    "frame33": ("mixup",),
    "track174": ("mixup",),
}


class AugmentSettings(BaseModel):
    """Each kind has the probability with which a window undergoes it; 0 (the default) is never.

    noise: white, at a signal-to-noise ratio drawn between the two bounds. gain: drawn from +-gain_db (a front end that
    normalises its windows takes it out again). mask: SpecAugment, n stretches of time and of mels of up to the share
    of the window are set to its mean. stretch: speed drawn from 1/(1+share) to 1+share. pitch: drawn from
    +-pitch_semitones. mixup: with another window of the batch and its targets, in parts drawn from Beta(alpha, alpha).
    All of them are for log-mel and mel-image; a waveform has noise, gain and mixup, other front ends mixup alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    noise: Probability = 0.0
    noise_snr_db_low: float = 10.0
    noise_snr_db_high: float = 40.0
    gain: Probability = 0.0
    gain_db: Annotated[float, Field(ge=0)] = 6.0
    mask: Probability = 0.0
    mask_times: Annotated[int, Field(ge=0)] = 2
    mask_time_share: Share = 0.15
    mask_mels: Annotated[int, Field(ge=0)] = 2
    mask_mel_share: Share = 0.15
    stretch: Probability = 0.0
    stretch_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    pitch: Probability = 0.0
    pitch_semitones: Annotated[float, Field(ge=0, le=12)] = 1.0
    mixup: Probability = 0.0
    mixup_alpha: Annotated[float, Field(gt=0)] = 0.3

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "AugmentSettings":
        if self.noise_snr_db_low > self.noise_snr_db_high:
            raise ValueError("noise_snr_db_low is above noise_snr_db_high")
        return self


def kinds_allowed(network: str, front_end_kind: Kind) -> tuple[str, ...]:
    """What windows of that front end can undergo on their way to that network; some can nothing."""
    return () if has_frozen_body(network) else ALLOWED[front_end_kind]


def check_allowed(settings: AugmentSettings, kind: Kind) -> None:
    """SettingsUnusable where something is asked for that cannot be done to frames of that kind."""
    for name in ALL:
        if getattr(settings, name) and name not in ALLOWED[kind]:
            raise SettingsUnusable(
                f"augment.{name}: frames of {kind} can only have {', '.join(ALLOWED[kind])}; leave it out, or train on "
                "another front end"
            )


def batch_generator(seed: int, epoch: int, batch: int) -> torch.Generator:
    """The source of every draw for one batch (of one rank: give each rank a seed of its own)."""
    state = np.random.SeedSequence((seed, epoch, batch)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]) >> 1)


class Augmentation:
    """Applies `settings` to batches of windows of `front_end`."""

    def __init__(self, settings: AugmentSettings, front_end: FrontEnd) -> None:
        self._settings, self._front_end = settings, front_end

    def __call__(self, windows: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """New windows and targets of the same shapes; what is given stays as it is.

        windows: float32 (batch, frames, features), not normalised, any device. targets: (batch, n_labels). generator:
        of the CPU, see `batch_generator`.
        """
        settings = self._settings
        windows, targets = windows.clone(), targets.clone()
        draw = Draws(generator, windows)
        if (rows := draw.rows(settings.stretch)) is not None:
            speed = (1 + settings.stretch_share) ** draw.between(rows, -1, 1)
            windows[rows] = spectrum.stretched(windows[rows], speed)
        if (rows := draw.rows(settings.pitch)) is not None:
            ratio = 2 ** (draw.between(rows, -settings.pitch_semitones, settings.pitch_semitones) / 12)
            windows[rows] = spectrum.transposed(windows[rows], ratio, self._front_end)
        if (rows := draw.rows(settings.mixup)) is not None:
            windows, targets = self._mixed(windows, targets, rows, draw)
        if (rows := draw.rows(settings.gain)) is not None:
            gain_db = draw.between(rows, -settings.gain_db, settings.gain_db)
            windows[rows] = self._louder(windows[rows], gain_db)
        if (rows := draw.rows(settings.noise)) is not None:
            snr_db = draw.between(rows, settings.noise_snr_db_low, settings.noise_snr_db_high)
            windows[rows] = self._noisy(windows[rows], snr_db, rows, draw)
        if (rows := draw.rows(settings.mask)) is not None:
            windows[rows] = spectrum.masked(windows[rows], self._masks(windows[rows], rows, draw))
        return windows, targets

    def _mixed(self, windows: Tensor, targets: Tensor, rows: Tensor, draw: Draws) -> tuple[Tensor, Tensor]:
        """H. Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018; the larger part stays the window's own."""
        others = draw.others()
        own = draw.beta(rows, self._settings.mixup_alpha)
        own = torch.maximum(own, 1 - own)
        mixed, mixed_targets = windows.clone(), targets.clone()
        mixed[rows] = torch.lerp(windows[others[rows]], windows[rows], own[:, None, None])
        mixed_targets[rows] = torch.lerp(targets[others[rows]], targets[rows], own[:, None])
        return mixed, mixed_targets

    def _louder(self, windows: Tensor, gain_db: Tensor) -> Tensor:
        if self._front_end.kind == "waveform":
            return samples.louder(windows, gain_db)
        return spectrum.louder(windows, gain_db, self._front_end.scaling)

    def _noisy(self, windows: Tensor, snr_db: Tensor, rows: Tensor, draw: Draws) -> Tensor:
        if self._front_end.kind == "waveform":
            return samples.noisy(windows, snr_db, draw.normal(rows))
        return spectrum.noisy(windows, snr_db, draw.exponential(rows), self._front_end.scaling)

    def _masks(self, like: Tensor, rows: Tensor, draw: Draws) -> Tensor:
        """What is hidden of `like`, bool (n_rows, frames, mels)."""
        settings = self._settings
        hidden = torch.zeros_like(like, dtype=torch.bool)
        for _ in range(settings.mask_times):
            hidden |= draw.stretches(rows, hidden.shape[1], settings.mask_time_share)[:, :, None]
        for _ in range(settings.mask_mels):
            hidden |= draw.stretches(rows, hidden.shape[2], settings.mask_mel_share)[:, None, :]
        return hidden
