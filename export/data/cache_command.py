"""`genred export cache`: every clip of a music set heard once, ahead of training."""

from pathlib import Path
from typing import Annotated

import typer

from export.command import reported
from models.front_ends.named import HEARINGS, HearingName


def cache_command(
    music_set: Annotated[
        Path, typer.Argument(metavar="SET", help="Folder of a music set, as genred export scan writes it.")
    ],
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to keep what was heard.", show_default="SET/cache")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that listen; 0: one a processor.")] = 0,
    front_end: Annotated[
        HearingName, typer.Option(help="What the network will hear; docs/networks.md says which network hears what.")
    ] = "spectrogram",
    window_s: Annotated[float, typer.Option(min=0, help="Length of a window; 0: as usual with the front end.")] = 0.0,
    hop_s: Annotated[float, typer.Option(min=0, help="From one window to the next; 0: as usual.")] = 0.0,
) -> None:
    """Listen to every clip of SET ahead of training, which otherwise does it first.

    What was heard before is not heard again, also when this was interrupted. Clips that cannot be used are named.
    """
    with reported():
        from export.data.cache import FeatureCache
        from export.data.cache_build import build
        from export.data.music_set import read_music_set
        from export.data.recipe import Recipe
        from export.errors import InputUnusable

        music = read_music_set(music_set)
        usual = HEARINGS[front_end]
        recipe = Recipe(usual.front_end, window_s or usual.window_s, hop_s or usual.hop_s)
        features = FeatureCache(cache or music_set / "cache", recipe)
        report = build(features, music.clips, workers)
        for clip, reason in report.refused:
            typer.echo(f"{clip.path}: {reason}", err=True)
        if not report.usable(music.clips):
            raise InputUnusable(f"{music_set}: none of its {len(music.clips)} clips can be used")
        typer.echo(
            f"{len(music.clips)} clips: {report.built} heard now, {report.found} before, "
            f"{len(report.refused)} cannot be used; kept in {features.entries}"
        )
