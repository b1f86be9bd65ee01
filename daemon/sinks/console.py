"""Results for people: a line whenever what is playing changes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TextIO

from daemon.errors import SinkFailed
from daemon.messages import Result, StreamTags

BAR_CELLS = 10


class ConsoleSink:
    """Writes a line when a stream's top tag changes, its title changes, or it ends; to standard output."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._titles: dict[str, str | None] = {}

    async def write(self, results: Sequence[Result]) -> None:
        """Write a line for each result that says something new."""
        lines = [tags_line(result) for result in results if isinstance(result, StreamTags) and self._is_news(result)]
        if lines:
            await asyncio.to_thread(self._print, "\n".join(lines) + "\n")

    async def close(self) -> None:
        """Nothing is held."""

    def _is_news(self, tags: StreamTags) -> bool:
        title_changed = tags.title is not None and self._titles.get(tags.stream) != tags.title
        self._titles[tags.stream] = tags.title
        return tags.changed or tags.final or title_changed

    def _print(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except OSError as error:
            raise SinkFailed(f"console: {error.strerror or error}") from error


def tags_line(tags: StreamTags) -> str:
    """`18:00:38  radio-1  00:34  jazz ██████▌    .66  blues .22`: wall time, stream, its clock, the tags."""
    at = datetime.fromtimestamp(tags.time_s).strftime("%H:%M:%S")
    minutes, seconds = divmod(int(tags.to_s), 60)
    top = tags.tags[0].score if tags.tags else 0.0
    others = "  ".join(f"{tag.tag} {_score(tag.score)}" for tag in tags.tags[1:])
    end = "  (end)" if tags.final else ""
    title = f"  «{printable(tags.title)}»" if tags.title else ""
    return (
        f"{at}  {printable(tags.stream)}  {minutes:02d}:{seconds:02d}  "
        f"{tags.top:<14} {bar(top)} {_score(top)}  {others}{title}{end}".rstrip()
    )


def bar(score: float, cells: int = BAR_CELLS) -> str:
    """A score from 0 to 1 as a bar of `cells` characters, to an eighth of one."""
    eighths = round(min(max(score, 0.0), 1.0) * cells * 8)
    whole, part = divmod(eighths, 8)
    return ("█" * whole + (" ▏▎▍▌▋▊▉"[part] if part else "")).ljust(cells)


def printable(text: str) -> str:
    """`text` without control characters: a stream's name or title must not steer the terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _score(score: float) -> str:
    return f"{score:.2f}".removeprefix("0")
