"""`genred export table-experiment`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from export.command import reported, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from export.table.experiment import Plan, Trial
    from export.table.table_training import TableLesson
    from export.train.settings import TrainSettings


JSON: Final = "experiment.json"
PCA: Final = "pca.png"


def table_experiment_command(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="CSV: a track a row, numbers, and a label column.")],
    seeds: Annotated[int, typer.Option(min=1, help="So many times, each with another split.")] = 5,
    network: Annotated[
        list[str] | None, typer.Option(help="Repeatable.", show_default="vector-rnn, vector-dense and vector-cnn")
    ] = None,
    baseline: Annotated[bool, typer.Option(help="A support vector machine besides.")] = True,
    raw_mels: Annotated[bool, typer.Option("--raw-mels", help="Mel columns as powers, not as decibels.")] = False,
    label: Annotated[str | None, typer.Option(help="The column of the labels.", show_default="label")] = None,
    without: Annotated[list[str] | None, typer.Option(help="A column that is no feature; repeatable.")] = None,
    unique: Annotated[
        bool, typer.Option("--unique", help="Of rows with the same numbers take the first alone.")
    ] = False,
    test_share: Annotated[float, typer.Option(help="Of all rows.")] = 0.2,
    validation_share: Annotated[float, typer.Option(help="Of the others; they stop the training.")] = 0.125,
    change: Annotated[list[str] | None, typer.Option("--set", help="key=value, as for genred export train.")] = None,
    runs: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps the runs, and goes on with them.", show_default="kept nowhere"),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for experiment.json and pictures.")] = None,
) -> None:
    """Train networks on a table of vectors, over several seeds, and print the mean and spread of their accuracy."""
    with reported():
        import tempfile

        from export.errors import InputUnusable
        from export.output_folder import check_output_folder
        from export.table.baseline import NAME as BASELINE
        from export.table.columns import VECTOR_NETWORKS
        from export.table.experiment import Plan, lessons_of, run_experiment, settings_of
        from export.table.vector_table import read_vector_table
        from export.train.settings_file import changed, merged

        if output is not None:
            check_output_folder(output, (JSON, PCA))
        said = {"label": label, "without": without, "raw_mels": raw_mels or None}
        options = {"table": {key: value for key, value in said.items() if value is not None}}
        settings = settings_of(merged(options, changed({}, change or [])))
        read = read_vector_table(table, settings.table.label, settings.table.without)
        rows = read.without_repeats() if unique else read
        networks = tuple(dict.fromkeys(network or VECTOR_NETWORKS))
        if BASELINE in networks:
            raise InputUnusable(f"--network {BASELINE}: it is no network, but what they are held against: --baseline")
        plan = Plan(networks, baseline, tuple(range(seeds)), test_share, validation_share)
        lessons = lessons_of(rows, plan, settings.table.raw_mels)
        _describe(lessons)
        with tempfile.TemporaryDirectory(prefix="genred-runs-") as passing:
            trials = _tracked(run_experiment(lessons, settings, plan, runs or Path(passing)), plan)
        _tell(plan, trials)
        if output is not None:
            _write(lessons, plan, settings, trials, output)


def _describe(lessons: "Sequence[TableLesson]") -> None:
    """What is about to be done; and what about the table flatters."""
    from export.table.experiment import repeats_in_test

    table, splits = lessons[0].table, lessons[0].splits
    parts = [len(rows) for rows in (splits.train, splits.validation, splits.test)]
    typer.echo(
        f"{table.path.name}: {len(table.labels)} tracks, {len(table.columns)} columns, {len(table.label_names)} labels"
        f"; {parts[0]} rows to train, {parts[1]} to validate, {parts[2]} to test, another split each seed"
    )
    known = sum(repeats_in_test(each) for each in lessons) / len(lessons)
    if known:
        warn(
            f"{table.repeated} rows repeat the numbers of another; so {known:.1f} of {parts[2]} test rows are known "
            "from training; --unique leaves such rows out"
        )


def _tracked(trials: "Iterator[Trial]", plan: "Plan") -> "list[Trial]":
    """All of them, with a bar and a line each on a terminal."""
    from rich.console import Console

    from export.progress import tracked

    errors = Console(stderr=True, quiet=not Console(stderr=True).is_terminal)
    done = []
    for trial in tracked(trials, len(plan.models) * len(plan.seeds), "training"):
        errors.print(f"{trial.model}, seed {trial.seed}: accuracy {trial.figures['accuracy']:.3f}", highlight=False)
        done.append(trial)
    return done


def _tell(plan: "Plan", trials: "Sequence[Trial]") -> None:
    from rich.console import Console

    from export.table.experiment_report import experiment_table

    Console(width=120).print(experiment_table(trials, plan))
    typer.echo("of the test rows: mean over the seeds, and sample deviation")


def _write(
    lessons: "Sequence[TableLesson]", plan: "Plan", settings: "TrainSettings", trials: "Sequence[Trial]", output: Path
) -> None:
    """experiment.json, pca.png, and a confusion matrix of each model, over all seeds."""
    import json

    from export.evaluate.pictures import confusion_picture
    from export.table.experiment_report import experiment_fields, summed_confusion
    from export.table.table_pictures import pca_picture
    from models.whole_file import whole_file, write_text

    table, fields = lessons[0].table, experiment_fields(lessons, settings, plan, trials)
    pictures = {PCA: pca_picture(table, settings.table.raw_mels)}
    for model in plan.models:
        confusion = summed_confusion([trial for trial in trials if trial.model == model])
        pictures[f"confusion-{model}.svg"] = confusion_picture(confusion.tolist(), table.label_names)
    for name, picture in pictures.items():
        with whole_file(output / name) as file:
            file.write(picture)
    write_text(output / JSON, json.dumps(fields, indent=1, ensure_ascii=False) + "\n")
    typer.echo(f"{output / JSON}, {', '.join(pictures)}")
