"""Which device a name means."""

from __future__ import annotations

import pytest

from daemon.sources.sound_devices import DeviceInfo, find_device

NAMES = ("HDA Intel: ALC257", "USB Audio 7", "USB Audio", "default")
DEVICES = [DeviceInfo(n, name, "ALSA", 2, 48_000, is_default=n == 1) for n, name in enumerate(NAMES)]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [("USB Audio", 2), ("usb audio 7", 1), ("alc", 0), (0, 0), ("1", 1), ("default", 3), ("", 1), (" 2 ", 2)],
)
def test_a_name_a_part_of_one_or_an_index_finds_the_device(wanted: str | int, index: int) -> None:
    assert find_device(DEVICES, wanted).index == index


def test_without_a_device_of_that_name_default_is_the_default_one() -> None:
    assert find_device(DEVICES[:3], "default").index == 1


@pytest.mark.parametrize("wanted", ["spdif", 7, "7", "12"])
def test_an_unknown_device_is_an_error_that_names_those_there_are(wanted: str | int) -> None:
    with pytest.raises(LookupError, match=f"'{wanted}'.*0: HDA Intel: ALC257.*2: USB Audio"):
        find_device(DEVICES, wanted)


def test_an_ambiguous_name_is_an_error_that_names_the_candidates() -> None:
    with pytest.raises(LookupError, match=r"ambiguous: 1: USB Audio 7 .*; 2: USB Audio ") as error:
        find_device(DEVICES, "usb")
    assert "HDA" not in str(error.value)


def test_no_devices_at_all_is_said() -> None:
    with pytest.raises(LookupError, match="no device that can capture audio"):
        find_device([], "usb")
