"""Results for people: a line whenever what is playing changes, by each model that says so."""

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
        lines = [line for result in results if isinstance(result, StreamTags) for line in self._lines(result)]
        if lines:
            await asyncio.to_thread(self._print, "\n".join(lines) + "\n")

    async def close(self) -> None:
        """Nothing is held."""

    def _lines(self, tags: StreamTags) -> list[str]:
        """A line of each model that says something new; all do when the title is new."""
        new_title = tags.title is not None and self._titles.get(tags.stream) != tags.title
        self._titles[tags.stream] = tags.title
        width = max(len(said.model.name) for said in tags.voices) if tags.others else 0
        return [tags_line(said, width) for said in tags.apart() if said.changed or said.final or new_title]

    def _print(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except OSError as error:
            raise SinkFailed(f"console: {error.strerror or error}") from error


def tags_line(tags: StreamTags, model_width: int = 0) -> str:
    """`18:00:38  radio-1  00:34  jazz ██████▌    .66  blues .22`: wall time, stream, its clock, the tags.

    `model_width`: the model's name before the tags, in as many characters; 0: none.
    """
    at = datetime.fromtimestamp(tags.time_s).strftime("%H:%M:%S")
    minutes, seconds = divmod(int(tags.to_s), 60)
    top = tags.tags[0].score if tags.tags else 0.0
    others = "  ".join(f"{tag.tag} {_score(tag.score)}" for tag in tags.tags[1:])
    end = "  (end)" if tags.final else ""
    title = f"  «{printable(tags.title)}»" if tags.title else ""
    model = f"{printable(tags.model.name):<{model_width}}  " if model_width else ""
    return (
        f"{at}  {printable(tags.stream)}  {minutes:02d}:{seconds:02d}  {model}"
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
