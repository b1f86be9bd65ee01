"""What was fed beside what came out: each window's id, model and scores, and every acknowledged second."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.soak_audio import HOP_S, WINDOW_S, Truth, off, windows_in
from tests.soak_feed import name_of

SAME = 1e-4  # scores
READ_AGAIN = ("replayed", "handed_over", "duplicate")  # reasons by which no second is lost: it is in another's window
NAMED = 3  # of many ids that are wrong


@dataclass(frozen=True)
class Fed:
    """What the brokers acknowledged: `streams` of `seconds` each, in the run `epoch`."""

    streams: int
    seconds: float
    epoch: str

    @property
    def total_s(self) -> float:
        """Seconds, all streams together."""
        return self.streams * self.seconds

    def windows(self) -> dict[str, tuple[int, int]]:
        """The stream and number of every window that is due, by its id."""
        each = range(windows_in(self.seconds))
        return {f"{name_of(s)}/{self.epoch}/{window}": (s, window) for s in range(self.streams) for window in each}

    def tags(self) -> set[str]:
        """The ids of all tags: one a window, and a last word a stream."""
        last = windows_in(self.seconds) - 1
        finals = {f"{name_of(stream)}/{self.epoch}/{last}/final" for stream in range(self.streams)}
        return {f"{id_}/tags" for id_ in self.windows()} | finals


@dataclass
class Books:
    """Takes the records of the result topics one by one, in the order of each partition."""

    fed: Fed
    truths: Mapping[str, Truth]  # by the model's name
    windows: Counter[str] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)
    by_model: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)  # of the model, by stream
    deviation: float = 0.0
    wrong_windows: list[str] = field(default_factory=list)
    _due: dict[str, tuple[int, int]] = field(default_factory=dict)
    _model: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._due = self.fed.windows()

    def window(self, id_: str, said: Mapping[str, Any]) -> None:
        """A record of the windows topic."""
        self.windows[id_] += 1
        model = said["model"]["name"]
        self.by_model[model] += 1
        if self._model.setdefault(said["stream"], model) != model:
            self._model[said["stream"]] = model
            self.changes[said["stream"]] += 1
        if id_ not in self._due:
            return
        if model not in self.truths:
            self.wrong_windows.append(f"{id_}: model {model}")
            return
        stream, window = self._due[id_]
        apart = off(dict(said), self.truths[model].of(stream, window, windows_in(self.fed.seconds)))
        bounds = (said["start_s"], said["end_s"])
        self.deviation = max(self.deviation, apart)
        if apart > SAME or bounds != (window * HOP_S, window * HOP_S + WINDOW_S):
            self.wrong_windows.append(f"{id_}: off by {apart:g}, from {bounds[0]} s to {bounds[1]} s")

    @property
    def covered_s(self) -> float:
        """Fed seconds that are in some window."""
        numbers: dict[int, list[int]] = defaultdict(list)
        for id_ in self.windows:
            if id_ in self._due:
                stream, window = self._due[id_]
                numbers[stream].append(window)
        return sum(_covered_s(sorted(each)) for each in numbers.values())

    def lost_s(self) -> float:
        """Fed seconds that are in no window."""
        return self.fed.total_s - self.covered_s

    def repeats(self) -> int:
        """Window records beyond the first of each id."""
        return self.windows.total() - len(self.windows)

    def faults(self, exactly_once: bool, swaps: int, seconds: Mapping[str, Any]) -> list[str]:
        """What may not be; `seconds` is that object of `/status` at the end."""
        found = [
            *_ids("windows", self.windows, self._due.keys(), exactly_once),
            *_ids("tags", self.tags, self.fed.tags(), exactly_once),
        ]
        found += _some("windows that differ from the truth", self.wrong_windows)
        often = [f"{stream}: {count}" for stream, count in self.changes.items() if count > swaps]
        found += _some(f"streams whose model changed more often than {swaps} times", often)
        explained_s = lost_by_name_s(seconds)
        if self.lost_s() > explained_s + 1e-3:
            found.append(f"{self.lost_s():.3f} s are in no window, {explained_s:.3f} s of them have a name")
        if abs(seconds["unaccounted"]) >= 1e-3:
            found.append(f"{seconds['unaccounted']:.3f} s are not accounted for: {dict(seconds)}")
        again_s = sum(seconds["dropped"].get(reason, 0.0) for reason in READ_AGAIN)
        if seconds["received"] < self.fed.total_s - 1e-3 or seconds["received"] > self.fed.total_s + again_s + 1e-3:
            found.append(f"{seconds['received']:.3f} s received of {self.fed.total_s:.3f} s fed, {again_s:.3f} s again")
        return found


def lost_by_name_s(seconds: Mapping[str, Any]) -> float:
    """Seconds that the daemon says it lost."""
    dropped = {reason: lost for reason, lost in seconds["dropped"].items() if reason not in READ_AGAIN}
    return float(seconds["gap"]) + float(sum(dropped.values()))


def _covered_s(windows: Sequence[int]) -> float:
    covered_s, end_s = 0.0, 0.0
    for window in windows:
        start_s = window * HOP_S
        covered_s += start_s + WINDOW_S - max(start_s, end_s)
        end_s = start_s + WINDOW_S
    return covered_s


def _ids(what: str, found: Counter[str], wanted: Any, once: bool) -> list[str]:
    said = _some(f"{what} missing", sorted(set(wanted) - set(found)))
    said += _some(f"{what} not wanted", sorted(set(found) - set(wanted)))
    if once:
        said += _some(f"{what} repeated", sorted(id_ for id_, count in found.items() if count > 1))
    return said


def _some(what: str, ids: Sequence[str]) -> list[str]:
    return [f"{len(ids)} {what}: {', '.join(ids[:NAMED])}"] if ids else []
