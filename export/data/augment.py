"""Augmentation of log-mel windows: what makes each epoch hear the same music a little differently.

Drawn anew for every window, from a generator that is made of (seed, epoch, batch): a resumed training sees what the
uninterrupted one saw. The draws do not depend on the device.
"""

from typing import Annotated

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from export.data import augment_spectrum as spectrum
from export.data.augment_draws import Draws
from models.frontend_spec import FrontEnd

Probability = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, lt=1)]


class AugmentSettings(BaseModel):
    """Each kind has the probability with which a window undergoes it; 0 (the default) is never.

    noise: white, at a signal-to-noise ratio drawn between the two bounds. gain: drawn from +-gain_db (a front end that
    normalises its windows takes it out again). mask: SpecAugment, n stretches of time and of mels of up to the share
    of the window are set to its mean. stretch: speed drawn from 1/(1+share) to 1+share. pitch: drawn from
    +-pitch_semitones. mixup: with another window of the batch and its targets, in parts drawn from Beta(alpha, alpha).
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


def batch_generator(seed: int, epoch: int, batch: int) -> torch.Generator:
    """The source of every draw for one batch (of one rank: give each rank a seed of its own)."""
    state = np.random.SeedSequence((seed, epoch, batch)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]) >> 1)


class Augmentation:
    """Applies `settings` to batches of windows of `front_end`."""

    def __init__(self, settings: AugmentSettings, front_end: FrontEnd) -> None:
        self._settings, self._front_end = settings, front_end

    def __call__(self, log_mel: Tensor, targets: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """New windows and targets of the same shapes; what is given stays as it is.

        log_mel: float32 (batch, frames, mels), not normalised, any device. targets: (batch, n_labels). generator: of
        the CPU, see `batch_generator`.
        """
        settings, scaling = self._settings, self._front_end.scaling
        log_mel, targets = log_mel.clone(), targets.clone()
        draw = Draws(generator, log_mel)
        if (rows := draw.rows(settings.stretch)) is not None:
            speed = (1 + settings.stretch_share) ** draw.between(rows, -1, 1)
            log_mel[rows] = spectrum.stretched(log_mel[rows], speed)
        if (rows := draw.rows(settings.pitch)) is not None:
            ratio = 2 ** (draw.between(rows, -settings.pitch_semitones, settings.pitch_semitones) / 12)
            log_mel[rows] = spectrum.transposed(log_mel[rows], ratio, self._front_end)
        if (rows := draw.rows(settings.mixup)) is not None:
            log_mel, targets = self._mixed(log_mel, targets, rows, draw)
        if (rows := draw.rows(settings.gain)) is not None:
            gain_db = draw.between(rows, -settings.gain_db, settings.gain_db)
            log_mel[rows] = spectrum.louder(log_mel[rows], gain_db, scaling)
        if (rows := draw.rows(settings.noise)) is not None:
            snr_db = draw.between(rows, settings.noise_snr_db_low, settings.noise_snr_db_high)
            noise = draw.exponential(rows)
            log_mel[rows] = spectrum.noisy(log_mel[rows], snr_db, noise, scaling)
        if (rows := draw.rows(settings.mask)) is not None:
            log_mel[rows] = spectrum.masked(log_mel[rows], self._masks(log_mel[rows], rows, draw))
        return log_mel, targets

    def _mixed(self, log_mel: Tensor, targets: Tensor, rows: Tensor, draw: Draws) -> tuple[Tensor, Tensor]:
        """H. Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018; the larger part stays the window's own."""
        others = draw.others()
        own = draw.beta(rows, self._settings.mixup_alpha)
        own = torch.maximum(own, 1 - own)
        mixed, mixed_targets = log_mel.clone(), targets.clone()
        mixed[rows] = torch.lerp(log_mel[others[rows]], log_mel[rows], own[:, None, None])
        mixed_targets[rows] = torch.lerp(targets[others[rows]], targets[rows], own[:, None])
        return mixed, mixed_targets

    def _masks(self, like: Tensor, rows: Tensor, draw: Draws) -> Tensor:
        """What is hidden of `like`, bool (n_rows, frames, mels)."""
        settings = self._settings
        hidden = torch.zeros_like(like, dtype=torch.bool)
        for _ in range(settings.mask_times):
            hidden |= draw.stretches(rows, hidden.shape[1], settings.mask_time_share)[:, :, None]
        for _ in range(settings.mask_mels):
            hidden |= draw.stretches(rows, hidden.shape[2], settings.mask_mel_share)[:, None, :]
        return hidden
