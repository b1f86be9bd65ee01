"""`genred devices`: what can be listened to."""

from __future__ import annotations

import typer

from daemon.sinks.console import printable
from daemon.sources.capture import list_devices


def print_devices() -> None:
    """Print a line an input device. SoundDeviceUnavailable when PortAudio is not there."""
    devices = list_devices()
    if not devices:
        typer.echo("no sound device has an input")
        return
    typer.echo(f"{'':2}{'index':>5}  {'inputs':>6}  {'rate':>8}  name (host API)")
    for device in devices:
        mark = "*" if device.is_default else " "
        rate = f"{device.default_sample_rate_hz / 1000:g} kHz"
        typer.echo(
            f"{mark:2}{device.index:>5}  {device.input_channels:>6}  {rate:>8}  "
            f"{printable(device.name)} ({device.host_api})"
        )
    typer.echo("listen with: genred tag device:INDEX or device:NAME   (* default)")
