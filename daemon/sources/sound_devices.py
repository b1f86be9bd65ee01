"""Which sound devices exist, and which of them a name or index means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A sound device that audio can be captured from.

    `index` is PortAudio's and holds only until devices come or go: prefer the name.
    """

    index: int
    name: str
    host_api: str
    input_channels: int
    default_sample_rate_hz: int
    is_default: bool

    def as_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.index}: {self.name} ({self.host_api})"


def find_device(devices: Sequence[DeviceInfo], wanted: str | int) -> DeviceInfo:
    """The one device that `wanted` means: an exact name, an index, a part of one name (in any case), or `default`.

    Raises LookupError, naming the candidates, when none or more than one matches.
    """
    text = str(wanted).strip()
    exact = [device for device in devices if device.name == text and isinstance(wanted, str)]
    by_index = [device for device in devices if str(device.index) == text]
    default = [device for device in devices if device.is_default and text.lower() in ("", DEFAULT)]
    partial = [device for device in devices if text and text.lower() in device.name.lower() and isinstance(wanted, str)]
    # A number is an index and never a part of a name: "1" must not fall on "USB Audio 1" when device 1 is unplugged.
    for matches in (exact, by_index, default, [] if text.isdigit() else partial):
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise LookupError(f"sound device {text!r} is ambiguous: {_listed(matches)}; use the full name or the index")
    if not devices:
        raise LookupError(f"there is no sound device {text!r}: no device that can capture audio was found at all")
    raise LookupError(f"there is no sound device {text!r}; these exist: {_listed(devices)}")


def _listed(devices: Sequence[DeviceInfo]) -> str:
    return "; ".join(str(device) for device in devices)
