"""What is playing where, as a table that a terminal can show. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from daemon.kafka.watch import Seen
from daemon.messages import StreamTags
from daemon.sinks.console import bar, printable

ENDED_SHOWN_S = 30.0
STALE_S = 60.0
OTHERS_SHOWN = 3
LINES_AROUND = 6  # blank, title, head, rule, blank, what does not fit


class Board:
    """The streams that are shown, as one model says; one that ended stays for ENDED_SHOWN_S.

    `model`: its name; None: whichever is the first.
    """

    def __init__(self, model: str | None = None) -> None:
        self._model = model
        self._without: set[str] = set()  # streams of which the model says nothing
        self._streams: dict[str, tuple[StreamTags, float]] = {}  # with the time they were heard of, Unix seconds

    def take(self, values: Iterable[Seen], now_s: float) -> None:
        """Put in what has come. `now_s` is Unix time in seconds."""
        for seen in values:
            said = seen.said_by(self._model)
            self._without.discard(seen.stream)
            if said is not None:
                self._streams[seen.stream] = (said, now_s)
                continue
            self._streams.pop(seen.stream, None)
            if seen.tags is not None and not seen.tags.final:
                self._without.add(seen.stream)
        self._streams = {
            stream: (tags, at_s)
            for stream, (tags, at_s) in self._streams.items()
            if not tags.final or now_s - at_s < ENDED_SHOWN_S
        }

    def table(self, now_s: float, height: int, skipped: int) -> Table:
        """The streams by name, as many as fit into `height` lines."""
        room = max(1, height - LINES_AROUND)
        names = sorted(self._streams)
        notes = (
            (len(names) - room, "more streams do not fit"),
            (len(self._without), f"streams without tags of {printable(self._model or '')}"),
            (skipped, "values skipped"),
        )
        caption = ", ".join(f"{count} {what}" for count, what in notes if count > 0) or None
        table = Table(title=f"{len(names)} streams", caption=caption, expand=True, box=SIMPLE_HEAD)
        for heading in ("stream", "playing", "", "others", "age"):
            table.add_column(heading, no_wrap=True, justify="right" if heading == "age" else "left")
        for name in names[:room]:
            table.add_row(*_row(self._streams[name][0], now_s))
        return table


def _row(tags: StreamTags, now_s: float) -> list[Text]:
    age_s = max(0.0, now_s - tags.time_s)
    best = next((tag for tag in tags.tags if tag.tag == tags.top), None)
    others = [tag for tag in tags.tags if tag is not best][:OTHERS_SHOWN]
    style = "dim" if tags.final or age_s > STALE_S else ""
    cells = (
        tags.stream + (f"  «{tags.title}»" if tags.title else ""),
        tags.top,
        f"{bar(best.score)} {best.score:.2f}" if best is not None else "",
        "  ".join(f"{tag.tag} {tag.score:.2f}" for tag in others),
        "ended" if tags.final else age(age_s),
    )
    return [Text(cell, style) for cell in cells]


def age(seconds: float) -> str:
    """`4 s`, `3 min`, `5 h`, `2 d`."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
