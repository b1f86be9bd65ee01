"""`genred export distil`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from export.command import reported
from export.train.options import Changes, Config, Epochs, Resume

if TYPE_CHECKING:
    from export.distil.distilling import Distilled
    from export.distil.likeness import Likeness


def distil_command(
    music_set: Annotated[Path, typer.Argument(metavar="SET", help="A music set; its labels do not matter.")],
    run: Annotated[Path, typer.Option(help="Folder for this run, and for the student: student.onnx.")],
    teacher: Annotated[
        list[str], typer.Option(help="A shipped model's name or an .onnx file; again for more, which speak as one.")
    ],
    network: Annotated[str | None, typer.Option(help="As for genred export train. Default: spectrogram-cnn.")] = None,
    config: Config = None,
    epochs: Epochs = None,
    change: Changes = None,
    init: Annotated[
        str | None, typer.Option(help="Start from what has learnt already, as for genred export train.")
    ] = None,
    resume: Resume = False,
    cache: Annotated[
        Path | None, typer.Option(help="Folder for what has been heard, by teachers too. Default: SET/cache.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that listen; 0: one a processor.")] = 0,
    opset: Annotated[int | None, typer.Option(help="Of student.onnx, as for genred export onnx.")] = None,
) -> None:
    """Teach a small network to say what large ones say, on music without labels; then judge it on held-out clips."""
    with reported():
        from export.data.music_set import read_music_set
        from export.distil.distilling import distil
        from export.distil.teacher import open_teachers
        from export.train.asked_settings import settings_of

        teachers = open_teachers(teacher)
        settings = settings_of(run, resume, config, network, epochs, init, change or [])
        music = read_music_set(music_set)
        found = distil(music, teachers, settings, run, resume=resume, cache=cache, workers=workers, opset=opset)
        _say(found, run)


def _say(found: "Distilled", run: Path) -> None:
    typer.echo(f"{run}: {found.outcome.epochs} epochs; the best is epoch {found.outcome.best_epoch}")
    typer.echo(f"beside its teachers, on the split {found.judged_on}:")
    typer.echo(f"{'':<24} {'rows':>7} {'mean dev.':>10} {'largest':>8} {'same first genre':>17}")
    for name, judgement in {"": found.judgement, **found.judgement.each}.items():
        typer.echo(_row(f"windows {name}", judgement.windows))
        typer.echo(_row(f"tracks {name}", judgement.tracks))
    speed = found.speed
    typer.echo(
        f"{speed.ratio:.2f} times as fast as the teachers together: {speed.student_ms:.2f} ms a window, not "
        f"{speed.teachers_ms:.2f} ms (one thread; with the spectrograms {speed.ratio_with_spectrogram:.2f} times)"
    )
    typer.echo(f"next: genred models verify {found.model}; genred tag --model {found.model} FILE")


def _row(name: str, likeness: "Likeness") -> str:
    return (
        f"{name:<24} {likeness.rows:>7} {likeness.mean_deviation:>10.4f} {likeness.largest_deviation:>8.3f} "
        f"{likeness.genre_agreement:>17.3f}"
    )
