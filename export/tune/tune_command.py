"""`genred export tune`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from export.command import reported

if TYPE_CHECKING:
    import optuna

    from export.train.settings import TrainSettings
    from export.tune.named_spaces import NamedSpace
    from export.tune.subject import Subject
    from export.tune.tuning import Search

_PIPED: Final = 160  # columns of a table that no terminal shows


def tune_command(
    music_set: Annotated[
        Path, typer.Argument(metavar="SET", help="What genred export scan made, or a table of vectors.")
    ],
    study: Annotated[Path, typer.Option(help="SQLite file of the study; made, or gone on with.")],
    runs: Annotated[Path, typer.Option(help="Folder for a run a trial, the table, the plots and best.toml.")],
    trials: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Trials of all processes together.",
            show_default="30, or the whole grid; of reference-c 60 of the grid",
        ),
    ] = None,
    grid: Annotated[
        bool | None,
        typer.Option("--grid/--search", help="Every combination, or a search by TPE.", show_default="as the space is"),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            help="TOML of what is searched; or reference-c, schedules, augmentation, class-weights.",
            show_default="a sensible one; of a table reference-c",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings of all trials, as for genred export train.")] = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="key=value; a setting of all trials.")] = None,
    metric: Annotated[
        str, typer.Option(help="Figure of the validation set, or loss. auto: macro_f1; pr_auc for several labels.")
    ] = "auto",
    prune: Annotated[
        bool | None,
        typer.Option(help="Stop trials that are below the median of the others.", show_default="unless named"),
    ] = None,
    heartbeat_s: Annotated[
        int, typer.Option(min=1, help="A trial that is silent for four of these was killed, and is repeated.")
    ] = 15,
    cache: Annotated[Path | None, typer.Option(help="Feature cache.", show_default="SET/cache")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that fill the cache; 0: one a processor.")] = 0,
    test: Annotated[
        bool, typer.Option("--test", help="At the end, judge the best trial on the table's test rows; do that once.")
    ] = False,
) -> None:
    """Search for the settings that train the best network. Start it several times at once for as many processes."""
    with reported():
        from rich.console import Console

        from export.errors import InputUnusable
        from export.train.settings_file import changed, checked, merged, read_table
        from export.tune.applied import check_space
        from export.tune.objective import check_metric
        from export.tune.results import ending
        from export.tune.subject import open_subject
        from export.tune.tuning import Search, tune

        asked = changed(read_table(config) if config else {}, change or [])
        where = str(config or "--set")
        said = checked(asked, where)
        subject = open_subject(music_set, cache, workers, said)
        if test and subject.table is None:
            raise InputUnusable("--test is for tables; a music set's test clips: genred export evaluate RUN SET")
        wanted = _wanted(space, said, subject)
        base = checked(merged(wanted.settings, asked), where)
        hearer = subject.hearer(base)
        check_space(base, wanted.space, subject.multi_label, hearer)
        if metric == "auto":
            metric = "pr_auc" if subject.multi_label else "macro_f1"
        check_metric(metric, subject.multi_label)
        whole = grid if grid is not None else wanted.grid
        number = trials or (wanted.trials if grid is None else None)
        pruned = prune if prune is not None else wanted.prune
        search = Search(base, wanted.space, metric, subject.fingerprint, whole, number, pruned, heartbeat_s, hearer)
        errors = Console(stderr=True, quiet=not Console(stderr=True).is_terminal)
        found = tune(search, study, runs, subject.trainer, lambda trial: errors.print(ending(trial), markup=False))
        _tell(found, search, runs, subject, test)


def _wanted(space: str | None, base: "TrainSettings", subject: "Subject") -> "NamedSpace":
    """The space of a name or a file, or what is usual."""
    from export.errors import InputUnusable
    from export.tune.applied import default_space, hearer_of
    from export.tune.named_spaces import NAMES, NamedSpace, named_space
    from export.tune.space import read_space

    allowed = (subject.hearer(base) or hearer_of(base)).augmentation
    if space is None and subject.table is not None:
        space = NAMES[0]
    if space in NAMES:
        return named_space(space, subject.multi_label, allowed)
    if space is not None and not Path(space).exists():
        raise InputUnusable(f"--space {space}: no such file, and none of the named spaces: {', '.join(NAMES)}")
    found = read_space(Path(space)) if space else default_space(base, subject.multi_label, allowed)
    return NamedSpace(found, grid=False, prune=True)


def _tell(study: "optuna.Study", search: "Search", runs: Path, subject: "Subject", test: bool) -> None:
    """The table, the plots and the best settings."""
    from rich.console import Console

    from export.errors import InputUnusable
    from export.table.judging import in_words, on_test_rows
    from export.train.settings_file import settings_toml
    from export.tune.applied import applied
    from export.tune.comparison import compared, comparison_csv, comparison_table
    from export.tune.named_spaces import SEED
    from export.tune.plots import write_plots
    from export.tune.results import csv_text, rich_table, trial_rows
    from models.whole_file import write_text

    rows = trial_rows(study)
    write_text(runs / "trials.csv", csv_text(rows, search.metric))
    console = Console(width=None if sys.stdout.isatty() else _PIPED)
    console.print(rich_table(rows, search.metric))
    if not any(row.state.startswith("done") for row in rows):
        raise InputUnusable(f"no trial was completed; {runs / 'trials.csv'} says why")
    best = study.best_trial
    run = runs / str(best.user_attrs["run"])
    write_text(runs / "best.toml", settings_toml(applied(search.base, best.params, search.hearer)))
    pictures = write_plots(study, rows, search.metric, runs, subject.table)
    if SEED in search.space:
        found = compared(rows, search.metric)
        write_text(runs / "comparison.csv", comparison_csv(found, search.metric))
        console.print(comparison_table(found, search.metric))
    typer.echo(f"best: trial {best.number}, {search.metric} {best.value:.4f}, in {run}")
    typer.echo(f"{runs / 'best.toml'}: for genred export train --config; {runs / 'trials.csv'}")
    typer.echo(", ".join(str(path) for path in pictures))
    if test and subject.table is not None:
        typer.echo(in_words(on_test_rows(run, subject.table)))
