"""A front end in words has what its kind has, and nothing else."""

from __future__ import annotations

import pytest

from models.front_ends.description import frames_in_words, hears
from models.front_ends.named import HEARINGS, HearingName


@pytest.mark.parametrize("name", sorted(HEARINGS))
def test_what_a_kind_has_is_said_and_nothing_else(name: HearingName) -> None:
    spec = HEARINGS[name].front_end
    said = frames_in_words(spec)
    assert ("n_fft" in said) == ("mels" in said) == ("scaling" in said) == (spec.kind != "waveform")
    assert (f"{spec.n_mfcc} MFCC" in said) == (spec.n_mfcc > 0)
    assert ("mean 0" in said) == (spec.normalisation == "window")
    assert " 0 " not in said.replace("mean 0 ", "")
    assert f"{spec.frame_hop}" in said


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("musicnn", "log-mel 250x96, 4 s every 2 s at 16 kHz"),
        ("frame33", "frame33 126x33, 3 s every 1 s at 22.05 kHz"),
        ("track174", "track174 174, 10 s every 2 s at 22.05 kHz"),
        ("waveform", "waveform 80000, 5 s every 2.5 s at 16 kHz"),
    ],
)
def test_what_it_hears_is_what_the_network_takes(name: HearingName, told: str) -> None:
    hearing = HEARINGS[name]
    assert hears(hearing.front_end, hearing.window_s, hearing.hop_s) == told
