"""How far fetching is, on a terminal; nothing anywhere else."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


class FetchProgress:
    """Links done of all, dead ones and bytes; on standard error."""

    def __init__(self, total: int, done: int) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("fetching"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[dead]} dead, {task.fields[megabytes]:.1f} MB"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total, completed=done, dead=0, megabytes=0.0)
        self._bytes, self._dead = 0, 0

    def __enter__(self) -> "FetchProgress":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def received(self, size: int) -> None:
        """Bytes came."""
        self._bytes += size
        self._bar.update(self._task, megabytes=self._bytes / 1e6)

    def finished(self, dead: bool) -> None:
        """A link is finished with."""
        self._dead += dead
        self._bar.update(self._task, advance=1, dead=self._dead)
