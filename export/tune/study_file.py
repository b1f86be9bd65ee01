"""The study in its SQLite file, which processes share; a lock beside it makes them take turns to begin trials."""

import fcntl
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any, Final

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from export.errors import CannotWrite, InputUnusable
from export.train.run_folder import differences
from export.tune.claims import REPEATS, to_repeat

_NAME: Final = "genred"
_PLAN: Final = "plan"
_SILENT_BEATS: Final = 4  # heartbeats that a process may miss before its trial counts as killed


_UNWRITABLE: Final = (  # SQLite's primary result codes
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_PERM,
)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A block that writes the study: CannotWrite where SQLite cannot, whatever Optuna makes of that (it stumbles over
    trials that it could not end).
    """
    try:
        yield
    except Exception as error:
        why = _unwritable(error)
        if why is None:
            raise
        raise CannotWrite(
            f"{path}: the study cannot be written ({why}): make room there and start again: it goes on with what it has"
        ) from error


def _unwritable(error: BaseException | None) -> sqlite3.Error | None:
    """What SQLite said at the bottom of it, if that is of the disk and not of the file's content."""
    while error is not None and not isinstance(error, sqlite3.Error):
        error = error.__cause__ or error.__context__
    return error if error is not None and error.sqlite_errorcode & 0xFF in _UNWRITABLE else None


class StudyLock:
    """Held while a process looks at the study and begins a trial; it goes with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        self._file: IO[str] | None = None

    def hold(self) -> None:
        """Wait for the lock and take it."""
        file = self._path.open("w")
        fcntl.flock(file, fcntl.LOCK_EX)
        self._file = file

    def release(self) -> None:
        """Give it back, if it is held."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it for a block (which may release it earlier)."""
        self.hold()
        try:
            yield
        finally:
            self.release()


def open_study(
    path: Path, plan: Mapping[str, Any], minimise: bool, heartbeat_s: int, pruner: optuna.pruners.BasePruner
) -> optuna.Study:
    """The study of `path`, begun if there is none; hold its lock.

    plan: what is searched, on what; a study goes on only with the plan it was begun with. InputUnusable otherwise, and
    for a file that is no study.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with _no_warnings():
            storage = optuna.storages.RDBStorage(
                URL.create("sqlite", database=str(path.absolute())).render_as_string(),
                engine_kwargs={"connect_args": {"timeout": 60}},
                heartbeat_interval=heartbeat_s,
                grace_period=_SILENT_BEATS * heartbeat_s,
            )
        study = optuna.create_study(
            storage=storage,
            study_name=_NAME,
            direction="minimize" if minimise else "maximize",
            load_if_exists=True,
            pruner=pruner,
        )
        before = study.user_attrs.get(_PLAN)
        if before is None:
            study.set_user_attr(_PLAN, dict(plan))
    except (SQLAlchemyError, RuntimeError) as error:
        if _unwritable(error):
            raise
        first = str(error).splitlines()[0]
        raise InputUnusable(f"{path}: not a study that this version of Optuna can use: {first[:200]}") from None
    differing = [] if before is None else list(differences(before, plan))
    if differing:
        lines = [f"{path} was begun as another search:", *differing, "leave that out, or name another --study"]
        raise InputUnusable("\n".join(lines))
    return study


def find_killed(study: optuna.Study, path: Path) -> None:
    """Fail trials whose process has been silent too long, and queue them to be repeated; hold the lock."""
    with _no_warnings():
        for trial_id in _never_heard_of(path):
            study._storage.record_heartbeat(trial_id)  # type: ignore[attr-defined]  # from now on its silence counts
        optuna.storages.fail_stale_trials(study)
    for trial in to_repeat(study.get_trials(deepcopy=False)):
        study.add_trial(_again(trial))


def _never_heard_of(path: Path) -> list[int]:
    """Running trials without any heartbeat: Optuna would wait for one whose process died before its first for ever."""
    with closing(sqlite3.connect(path, timeout=60)) as study:
        rows = study.execute(
            "SELECT trial_id FROM trials WHERE state = 'RUNNING' "
            "AND trial_id NOT IN (SELECT trial_id FROM trial_heartbeats)"
        )
        return [int(row[0]) for row in rows]


def _again(trial: FrozenTrial) -> FrozenTrial:
    """A trial that waits, with the same values; it goes on in the same run folder."""
    return optuna.create_trial(
        state=TrialState.WAITING,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs={**trial.user_attrs, REPEATS: trial.number},
        system_attrs=dict(trial.system_attrs),
        intermediate_values=dict(trial.intermediate_values),
    )


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Optuna calls its heartbeat experimental; that is no news to the user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield
