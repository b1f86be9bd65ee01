"""`genred export render-styles`: the benchmark that the project makes by itself."""

from pathlib import Path
from typing import Annotated

import typer

from export.command import reported

QUICK_CLIPS, QUICK_SECONDS = 6, 12.0


def render_styles_command(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the audio and the tables.")],
    styles: Annotated[
        list[str] | None, typer.Option("--styles", help="A style; repeat for more (or comma-separated). Default: all.")
    ] = None,
    clips: Annotated[int, typer.Option(min=4, help="Clips a style for training and validation.")] = 60,
    seconds: Annotated[float, typer.Option(min=4.0, max=600.0, help="Length of a clip.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Another seed, other bands and pieces.")] = 1,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes. Default: one a core.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small set to try things with: 6 clips of 12 s.")] = False,
) -> None:
    """Compose music in ten styles and play it with free SoundFonts: a benchmark made of nothing.

    Training and validation are played with FluidR3; styles.csv has a test set of unheard bands played with
    TimGM6mb, styles-one-soundfont.csv the same pieces played with FluidR3. Both tables are for genred export scan.
    What is there already is kept: run it again to go on.
    """
    with reported():
        from export.rendered.catalogue import chosen
        from export.rendered.manifest import write_tables
        from export.rendered.plan import plan
        from export.rendered.rendering import render_all
        from export.rendered.synth import find_synth

        if quick:
            clips, seconds = QUICK_CLIPS, QUICK_SECONDS
        names = [name.strip() for given in styles or () for name in given.split(",")]
        jobs = list(plan(chosen(names), clips, seconds, seed))
        synths = {soundfont: find_synth(soundfont) for soundfont in dict.fromkeys(job.soundfont for job in jobs)}
        rendered = render_all(jobs, synths, output, workers)
        tables = write_tables(output, jobs)
        typer.echo(f"{rendered.made} clips rendered, {rendered.found} were there: {', '.join(map(str, tables))}")
