"""`genred watch`: what is playing where, for people or for programs."""

from __future__ import annotations

import asyncio
import contextlib
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live

from daemon.kafka.watch import Seen, Watch
from daemon.kafka.watch_table import Board
from daemon.messages import StreamTags
from daemon.settings import Settings
from daemon.sinks.console import tags_line

Show = Callable[[list[Seen]], None]
REFRESHES_PER_S = 4


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What was asked for on the command line. `model` None: whichever is the first."""

    pattern: str
    model: str | None
    history: bool
    jsonl: bool


def run_watch(options: WatchOptions, settings: Settings) -> None:
    """Watch until SIGINT or SIGTERM, or until nobody reads what is printed."""
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(_watch(options, settings))
        return
    sys.stdout = None  # its reader has left; Python would complain at the exit


async def _watch(options: WatchOptions, settings: Settings) -> None:
    watch = Watch(settings.kafka, options.pattern, options.history)
    reading = asyncio.current_task()
    assert reading is not None
    with _ended_by_signals(reading), _shown(options, watch) as show:
        async with aclosing(watch.seen()) as batches:
            async for batch in batches:
                show(batch)
    if watch.skipped:
        print(f"genred: {watch.skipped} values were no tags, and were skipped", file=sys.stderr)  # noqa: T201


@contextlib.contextmanager
def _ended_by_signals(task: asyncio.Task[None]) -> Iterator[None]:
    """A signal cancels the task, which goes on behind this block."""
    loop = asyncio.get_running_loop()
    asked = False

    def stop() -> None:
        nonlocal asked
        asked = True
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    except asyncio.CancelledError:
        if not asked:
            raise
        task.uncancel()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def _shown(options: WatchOptions, watch: Watch) -> Iterator[Show]:
    console = Console(highlight=False, markup=False, emoji=False)
    if options.jsonl:
        yield _print_json
    elif not console.is_terminal:
        yield _Lines(options.model).show
    else:
        board = Board(options.model)
        with Live(console=console, refresh_per_second=REFRESHES_PER_S, screen=True) as live:

            def show(batch: list[Seen]) -> None:
                now_s = time.time()
                board.take(batch, now_s)
                live.update(board.table(now_s, console.height, watch.skipped))

            yield show


class _Lines:
    """A line whenever what is playing on a stream changes, as one model says."""

    def __init__(self, model: str | None) -> None:
        self._model = model
        self._titles: dict[str, str | None] = {}

    def show(self, batch: list[Seen]) -> None:
        """Print what is news."""
        said = ((seen, seen.said_by(self._model)) for seen in batch)
        _print([tags_line(tags) for seen, tags in said if tags is not None and self._is_news(seen, tags)])

    def _is_news(self, seen: Seen, tags: StreamTags) -> bool:
        before = self._titles.get(seen.stream)
        self._titles[seen.stream] = tags.title
        return seen.present or tags.changed or tags.final or (tags.title is not None and tags.title != before)


def _print_json(batch: list[Seen]) -> None:
    _print([seen.line for seen in batch if seen.tags is not None])


def _print(lines: list[str]) -> None:
    """Print the lines. BrokenPipeError also without any, once nobody reads."""
    output = select.poll()
    output.register(sys.stdout, 0)
    if any(event & select.POLLERR for _, event in output.poll(0)):
        raise BrokenPipeError
    if lines:
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
