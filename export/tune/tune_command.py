"""`genred export tune`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from export.command import reported

if TYPE_CHECKING:
    import optuna

    from export.tune.tuning import Search


def tune_command(
    music_set: Annotated[Path, typer.Argument(metavar="SET", help="What genred export scan made.")],
    study: Annotated[Path, typer.Option(help="SQLite file of the study; made, or gone on with.")],
    runs: Annotated[Path, typer.Option(help="Folder for a run a trial, the table, the plots and best.toml.")],
    trials: Annotated[
        int | None, typer.Option(min=1, help="Trials of all processes together.", show_default="30, or the whole grid")
    ] = None,
    grid: Annotated[bool, typer.Option("--grid/--search", help="Every combination, or a search by TPE.")] = False,
    space: Annotated[Path | None, typer.Option(help="TOML of what is searched.", show_default="a sensible one")] = None,
    config: Annotated[Path | None, typer.Option(help="Settings of all trials, as for genred export train.")] = None,
    change: Annotated[list[str] | None, typer.Option("--set", help="key=value; a setting of all trials.")] = None,
    metric: Annotated[
        str, typer.Option(help="Figure of the validation set, or loss. auto: macro_f1; pr_auc for several labels.")
    ] = "auto",
    prune: Annotated[bool, typer.Option(help="Stop trials that are below the median of the others.")] = True,
    heartbeat_s: Annotated[
        int, typer.Option(min=1, help="A trial that is silent for four of these was killed, and is repeated.")
    ] = 15,
    cache: Annotated[Path | None, typer.Option(help="Feature cache.", show_default="SET/cache")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes that fill the cache; 0: one a processor.")] = 0,
) -> None:
    """Search for the settings that train the best network. Start it several times at once for as many processes."""
    with reported():
        from rich.console import Console

        from export.data.music_set import read_music_set
        from export.train.outcome import OnEpoch, Outcome
        from export.train.settings import TrainSettings
        from export.train.settings_file import changed, checked, read_table
        from export.train.training import train
        from export.tune.applied import check_space, default_space
        from export.tune.objective import check_metric
        from export.tune.results import ending
        from export.tune.space import read_space
        from export.tune.tuning import Search, tune

        music = read_music_set(music_set)
        base = checked(changed(read_table(config) if config else {}, change or []), str(config or "--set"))
        wanted = read_space(space) if space else default_space(base, music.multi_label)
        check_space(base, wanted, music.multi_label)
        if metric == "auto":
            metric = "pr_auc" if music.multi_label else "macro_f1"
        check_metric(metric, music.multi_label)

        def trainer(settings: TrainSettings, run: Path, resume: bool, on_epoch: OnEpoch) -> Outcome:
            return train(music, settings, run, resume=resume, on_epoch=on_epoch, cache=cache, workers=workers)

        search = Search(base, wanted, metric, music.fingerprint, grid, trials, prune, heartbeat_s)
        errors = Console(stderr=True, quiet=not Console(stderr=True).is_terminal)
        found = tune(search, study, runs, trainer, lambda trial: errors.print(ending(trial), markup=False))
        _tell(found, search, runs)


def _tell(study: "optuna.Study", search: "Search", runs: Path) -> None:
    """The table, the plots and the best settings."""
    from rich.console import Console

    from export.errors import InputUnusable
    from export.train.settings_file import settings_toml
    from export.tune.applied import applied
    from export.tune.plots import write_plots
    from export.tune.results import csv_text, rich_table, trial_rows
    from models.whole_file import write_text

    rows = trial_rows(study)
    write_text(runs / "trials.csv", csv_text(rows, search.metric))
    Console().print(rich_table(rows, search.metric))
    if not any(row.state.startswith("done") for row in rows):
        raise InputUnusable(f"no trial was completed; {runs / 'trials.csv'} says why")
    best = study.best_trial
    write_text(runs / "best.toml", settings_toml(applied(search.base, best.params)))
    pictures = write_plots(study, search.metric, runs)
    typer.echo(f"best: trial {best.number}, {search.metric} {best.value:.4f}, in {runs / str(best.user_attrs['run'])}")
    typer.echo(f"{runs / 'best.toml'}: for genred export train --config; {runs / 'trials.csv'}")
    typer.echo(", ".join(str(path) for path in pictures))
