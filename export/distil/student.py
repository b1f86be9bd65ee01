"""What a student is unless the settings say otherwise: its spectrogram, its width and its loss.

It listens as musicnn does, to 16 kHz with log10(10000x + 1) and each window at its own level: what teachers say depends
on loudness, and a window that is normalised hides it.
"""

from typing import Final

from export.distil.teacher import Teacher
from export.errors import SettingsUnusable
from export.train.settings import TrainSettings
from models.frontend_spec import FrontEnd

STUDENT_FRONT_END: Final = FrontEnd(
    sample_rate_hz=16_000,
    n_fft=1024,
    frame_hop=500,
    n_mels=96,
    f_min_hz=0.0,
    f_max_hz=8_000.0,
    scaling="log10(10000x+1)",
)
_NETWORK: Final = "spectrogram-cnn"
_OPTIONS: Final[dict[str, bool | int | float | str]] = {"dropout": 0.1}


def student_settings(settings: TrainSettings, teacher: Teacher) -> TrainSettings:
    """`settings` with what they leave open decided for a student. SettingsUnusable where it could not be taught."""
    changes: dict[str, object] = {}
    if settings.loss.kind == "auto":
        changes["loss"] = settings.loss.model_copy(update={"kind": "soft-bce"})
    if not settings.initial and settings.network in ("auto", _NETWORK):
        changes["network"] = _NETWORK
        changes["network_options"] = {**_OPTIONS, **settings.network_options}
        if settings.front_end == "auto":
            changes["front_end"] = STUDENT_FRONT_END
    card = teacher.card
    if (settings.window_s, settings.hop_s) != (card.window_s, card.hop_s):
        raise SettingsUnusable(
            f"window_s, hop_s: the teachers hear {card.window_s:g} s every {card.hop_s:g} s, and so must the student"
        )
    return settings.model_copy(update=changes)
