"""`genred export cache`: every clip of a music set heard once, ahead of training."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from export.command import reported


def cache_command(
    music_set: Annotated[
        Path, typer.Argument(metavar="SET", help="Folder of a music set, as genred export scan writes it.")
    ],
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to keep what was heard.", show_default="SET/cache")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that listen; 0: one a processor.")] = 0,
    front_end: Annotated[
        Literal["spectrogram", "musicnn"],
        typer.Option(help="What the network will hear: 128 mels in dB (the spectrogram networks), or MusiCNN's 96."),
    ] = "spectrogram",
    window_s: Annotated[float, typer.Option(min=0.1, help="Length of a window in seconds.")] = 4.0,
    hop_s: Annotated[float, typer.Option(min=0.1, help="Seconds from one window to the next.")] = 2.0,
) -> None:
    """Listen to every clip of SET ahead of training, which otherwise does it first.

    What was heard before is not heard again, also when this was interrupted. Clips that cannot be used are named.
    """
    with reported():
        from export.data.cache import FeatureCache
        from export.data.cache_build import build
        from export.data.music_set import read_music_set
        from export.data.recipe import SPECTROGRAM_FRONT_END, Recipe
        from export.errors import InputUnusable
        from models.frontend_spec import MUSICNN_FRONT_END

        music = read_music_set(music_set)
        front_ends = {"spectrogram": SPECTROGRAM_FRONT_END, "musicnn": MUSICNN_FRONT_END}
        features = FeatureCache(cache or music_set / "cache", Recipe(front_ends[front_end], window_s, hop_s))
        report = build(features, music.clips, workers)
        for clip, reason in report.refused:
            typer.echo(f"{clip.path}: {reason}", err=True)
        if not report.usable(music.clips):
            raise InputUnusable(f"{music_set}: none of its {len(music.clips)} clips can be used")
        typer.echo(
            f"{len(music.clips)} clips: {report.built} heard now, {report.found} before, "
            f"{len(report.refused)} cannot be used; kept in {features.entries}"
        )
