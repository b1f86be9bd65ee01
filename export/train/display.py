"""What a run shows while it goes on, on standard error: a live line on a terminal, elsewhere a line an epoch."""

import sys
import time
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from export.train.outcome import EpochFigures

_EVERY_S: Final = 0.2  # between looks at the loss, which waits for a GPU


class Display:
    """Epoch, batch, loss, windows a second and the time that is left; nothing at all when not `shown`."""

    def __init__(self, shown: bool, epochs: int, batches_per_epoch: int) -> None:
        self._console = Console(stderr=True)
        self._shown, self._epochs = shown, epochs
        self._live = shown and self._console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]}"),
            TextColumn("{task.fields[rate]} windows/s"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._live,
        )
        self._task = self._progress.add_task(
            "", total=epochs * batches_per_epoch, loss="-", rate="-", completed=0, start=True
        )
        self._last = time.monotonic()
        self._windows = 0

    def __enter__(self) -> "Display":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def skipped(self, batches: int) -> None:
        """Batches that an earlier session has done."""
        self._progress.update(self._task, completed=batches)

    @property
    def due(self) -> bool:
        """Whether `batch` wants to know the loss now."""
        return self._live and time.monotonic() - self._last >= _EVERY_S

    def batch(self, epoch: int, windows: int, loss: float | None) -> None:
        """A batch of so many windows is done; loss: the epoch's mean so far, when `due`."""
        if not self._live:
            return
        self._windows += windows
        self._progress.advance(self._task)
        if loss is not None:
            now = time.monotonic()
            rate = self._windows / (now - self._last)
            self._progress.update(
                self._task, description=f"epoch {epoch}/{self._epochs}", loss=f"{loss:.4f}", rate=f"{rate:.0f}"
            )
            self._last, self._windows = now, 0

    def epoch(self, figures: EpochFigures) -> None:
        """An epoch is done: a line that stays."""
        if self._shown:
            self.say(epoch_line(figures, self._epochs))

    def say(self, line: str) -> None:
        """A line that stays."""
        if self._live:
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
        elif self._shown:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()


def epoch_line(figures: EpochFigures, epochs: int) -> str:
    """An epoch in words."""
    named = {
        "recall": "recall_positives",
        "macro F1": "macro_f1",
        "deviation": "mean_deviation",
        "top-1": "top1_agreement",
    }
    found = [f"{word} {figures.figures[key]:.3f}" for word, key in named.items() if key in figures.figures]
    parts = [
        f"epoch {figures.epoch}/{epochs}: loss {figures.train_loss:.4f}",
        f"validation {figures.validation_loss:.4f}",
        *found,
        f"rate {figures.learning_rate:.1e}",
        f"{figures.windows / max(figures.seconds, 1e-9):.0f} windows/s",
    ]
    return ", ".join(parts) + (" (best)" if figures.best else "")
