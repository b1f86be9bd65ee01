"""`genred export train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from export.command import reported
from export.train.options import Changes, Config, Epochs, Resume

if TYPE_CHECKING:
    from export.train.outcome import Outcome


def train_command(
    music_set: Annotated[Path, typer.Argument(metavar="SET", help="A music set, or a table of vectors.")],
    run: Annotated[Path, typer.Option(help="Folder for this run: settings, figures, checkpoints, pictures.")],
    network: Annotated[
        str | None,
        typer.Option(
            help="spectrogram-cnn (the default), spectrogram-attention-cnn, musicnn, lstm, mfcc-cnn, vector-rnn, "
            "vector-dense, vector-cnn, convnet, convnet-improv, music-genre-cnn, improved-music-genre-cnn, "
            "improved-music-genre-cnn-v2, resnet50, slim-musicnn, wav2vec2, wav2vec2-mlp or musicnn-mlp; see "
            "docs/networks.md."
        ),
    ] = None,
    config: Config = None,
    epochs: Epochs = None,
    change: Changes = None,
    init: Annotated[
        str | None,
        typer.Option(
            help="Start from what has learnt already: musicnn-msd, musicnn-mtt, genred-small, a checkpoint or a run "
            "folder."
        ),
    ] = None,
    resume: Resume = False,
    cache: Annotated[
        Path | None, typer.Option(help="Of music: folder where what has been heard is kept. Default: SET/cache.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Of music: processes that fill the cache; 0: one a processor.")
    ] = 0,
) -> None:
    """Train a network on a music set; in N processes by torchrun --nproc-per-node N --no-python -- genred export ..."""
    with reported():
        from export.data.music_set import read_music_set
        from export.train.asked_settings import settings_of
        from export.train.training import train

        settings = settings_of(run, resume, config, network, epochs, init, change or [])
        if music_set.is_file():
            from export.table.columns import can_be_heard
            from export.table.table_training import open_lesson, train_on_table

            lesson = open_lesson(music_set, settings)
            outcome = train_on_table(lesson, settings, run, resume=resume)
            _say(outcome, run, music_set, "rows", heard=can_be_heard(lesson.table))
            return
        outcome = train(read_music_set(music_set), settings, run, resume=resume, cache=cache, workers=workers)
        _say(outcome, run, music_set, "windows")


def _say(outcome: "Outcome", run: Path, music_set: Path, judged: str, *, heard: bool = True) -> None:
    """What came of it; by one process of a team. judged: what the figures are of. heard: whether it can hear music."""
    import os

    if os.environ.get("RANK", "0") != "0":
        return
    reasons = {"epochs": "all are done", "early stop": "no better since", "stopped": "it was told to stop"}
    typer.echo(f"{run}: {outcome.epochs} epochs, {reasons[outcome.ended]}; the best is epoch {outcome.best_epoch}")
    figures = [f"validation loss {outcome.validation_loss:.4f}"]
    figures += [f"{name} {value:.3f}" for name, value in outcome.figures.items() if 0 <= value <= 1]
    typer.echo(f"of its {judged}: " + ", ".join(figures))
    serve = f"; genred export onnx {run} -o my.onnx" if heard else ""
    typer.echo(f"next: genred export evaluate {run} {music_set}{serve}")
