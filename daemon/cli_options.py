"""What the commands share: options, effective settings, logging."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from daemon.settings import Settings

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="Settings file (TOML).", show_default=False)]
ModelOption = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", help="Shipped model's name, or an ONNX file; again for more, which hear together."),
]
DeviceOption = Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")]
PrecisionOption = Annotated[str, typer.Option(help="As the setting engine.precision.")]
ThreadsOption = Annotated[int | None, typer.Option(help="Network threads; 0: one a core.")]
PcmOption = Annotated[str | None, typer.Option(help="For '-': raw PCM as FORMAT:HZ:CHANNELS, e.g. s16le:44100:2.")]
RealtimeOption = Annotated[bool, typer.Option("--realtime", help="Play files at the speed of sound.")]


def read_settings(config: Path | None, flags: Mapping[str, Any]) -> Settings:
    """The effective settings: flags over environment over file."""
    from daemon.settings import load_settings

    return load_settings(config, flags)


def start_logging(level: str, style: str) -> None:
    """Log to standard error."""
    from daemon.logs import set_up_logging

    set_up_logging(level, style)
