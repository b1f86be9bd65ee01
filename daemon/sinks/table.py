"""Results of `genred tag` for people: windows as they come, each stream's tags at its end, progress on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from daemon.messages import Result, StreamTags, WindowTags
from daemon.sinks.console import bar, printable

TAGS_SHOWN = 4


class TableSink:
    """Prints to standard output; progress goes to standard error, and only to a terminal.

    `windows`: print a line a window too, not only each stream's final tags. Of several `models`, each has its lines.
    """

    def __init__(self, streams: Sequence[str], models: Sequence[str], windows: bool) -> None:
        self._windows = windows
        self._model_width = max(len(model) for model in models) if len(models) > 1 else 0
        self._width = min(32, max(len(stream) for stream in streams))
        self._many = len(streams) > 1
        terminal = Console(stderr=True)
        self._out = Console(highlight=False, markup=False, soft_wrap=True, emoji=False)
        self._progress = Progress(
            TextColumn("tagging"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("streams  {task.fields[heard]} of audio"),
            TimeElapsedColumn(),
            console=terminal,
            transient=True,
            disable=not terminal.is_terminal,
        )
        self._task = self._progress.add_task("tagging", total=len(streams), heard="00:00")
        self._heard_s: dict[str, float] = {}
        self._progress.start()

    async def write(self, results: Sequence[Result]) -> None:
        """Print `results` above the progress bar."""
        lines = []
        for result in results:
            if isinstance(result, WindowTags):
                self._heard_s[result.stream] = result.end_s
                if self._windows:
                    lines += self._window_lines(result)
            elif result.final:
                lines += [self._final_line(said) for said in result.apart()]
                self._progress.advance(self._task)
            elif self._windows:
                lines += [self._name(said) + f"now {said.top}" for said in result.apart() if said.changed]
        if lines:
            self._out.print("\n".join(lines))
        self._progress.update(self._task, heard=_clock(sum(self._heard_s.values())))

    async def close(self) -> None:
        """Take the progress bar away."""
        self._progress.stop()

    def _window_lines(self, result: WindowTags) -> list[str]:
        """A line a model."""
        gap = f"  ({result.gap_s:.1f} s missing before)" if result.gap_s >= 0.05 else ""
        lines = []
        for said in result.apart():
            what = "silence" if said.silent else _scores(sorted(said.scores.items(), key=lambda item: -item[1]))
            clock = f"{_clock(said.start_s)}-{_clock(said.end_s)}"
            lines.append(f"{self._stream(said.stream)}{clock}  {self._model(said)}{what}{gap}")
        return lines

    def _final_line(self, said: StreamTags) -> str:
        tags = [(tag.tag, tag.score) for tag in said.tags]
        what = _scores(tags) if tags else said.top
        if said.window is None:
            what = "too short for a window"
        clock = f"{_clock(said.from_s)}-{_clock(said.to_s)}"
        return f"{printable(said.stream):<{self._width}}  {clock}  {self._model(said)}=> {what}"

    def _name(self, said: StreamTags) -> str:
        return self._stream(said.stream) + self._model(said)

    def _stream(self, stream: str) -> str:
        return f"{printable(stream):<{self._width}}  " if self._many else "  "

    def _model(self, said: Result) -> str:
        return f"{printable(said.model.name):<{self._model_width}}  " if self._model_width else ""


def _scores(tags: Sequence[tuple[str, float]]) -> str:
    (best, score), others = tags[0], tags[1:TAGS_SHOWN]
    rest = "  ".join(f"{tag} {value:.2f}" for tag, value in others)
    return f"{best:<16} {bar(score)} {score:.2f}  {rest}".rstrip()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"
