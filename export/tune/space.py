"""What is searched: settings by their dotted names, each with a range or with choices. Read from TOML, or a default."""

import itertools
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import optuna

from export.errors import SettingsUnusable
from export.train.settings_file import read_table

Value = bool | int | float | str
_MAX_GRID: Final = 100_000
_POINTS: Final = 3  # of a range in a grid that has no step


@dataclass(frozen=True, slots=True)
class Choices:
    """Values without an order."""

    values: tuple[Value, ...]

    def suggest(self, trial: optuna.Trial, name: str) -> Value:
        """One of them."""
        return cast(Value, trial.suggest_categorical(name, self.values))

    @property
    def grid(self) -> tuple[Value, ...]:
        """All of them."""
        return self.values

    @property
    def table(self) -> dict[str, Any]:
        """As it is written in TOML."""
        return {"choices": list(self.values)}


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, both included; whole numbers when both are.

    log: by orders of magnitude. step: only low, low + step, … points: of a grid, when there is no step.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    points: int = _POINTS

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int) and not isinstance(self.step, float)

    def suggest(self, trial: optuna.Trial, name: str) -> Value:
        """A number of the range."""
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), step=int(self.step or 1), log=self.log)
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    @property
    def grid(self) -> tuple[Value, ...]:
        """Every step, or `points` numbers with the two ends."""
        if self.step is not None:
            count = math.floor((self.high - self.low) / self.step + 1e-9) + 1
            found = [self.low + n * self.step for n in range(count)]
        elif self.log:
            found = [self.low * (self.high / self.low) ** (n / (self.points - 1)) for n in range(self.points)]
        else:
            found = [self.low + (self.high - self.low) * n / (self.points - 1) for n in range(self.points)]
        if self.whole:
            return tuple(dict.fromkeys(round(value) for value in found))
        readable = tuple(min(max(float(f"{value:.6g}"), self.low), self.high) for value in found)
        return readable if len(set(readable)) == len(found) else tuple(found)

    @property
    def table(self) -> dict[str, Any]:
        """As it is written in TOML."""
        return {"low": self.low, "high": self.high, "log": self.log, "step": self.step, "points": self.points}


Dimension = Choices | Range
Space = Mapping[str, Dimension]


def read_space(path: Path) -> Space:
    """The space of a TOML file. SettingsUnusable names the file and the key."""
    try:
        space = {name: _dimension(name, table) for name, table in _leaves(read_table(path), "")}
    except SettingsUnusable as error:
        raise SettingsUnusable(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    if not space:
        raise SettingsUnusable(f"{path}: nothing to search; a line is optimiser.weight_decay = {{low=1e-6, high=1e-2}}")
    return space


def shuffled_grid(space: Space) -> list[dict[str, Value]]:
    """Every combination, in an order that is always the same but favours nothing: any part of it is a fair sample."""
    size = grid_size(space)
    if size > _MAX_GRID:
        raise SettingsUnusable(f"a grid of {size} combinations: leave names out, or search instead")
    combinations = itertools.product(*(dimension.grid for dimension in space.values()))
    points = [dict(zip(space, values, strict=True)) for values in combinations]
    random.Random(0).shuffle(points)
    return points


def grid_size(space: Space) -> int:
    """How many combinations there are."""
    return math.prod(len(dimension.grid) for dimension in space.values())


def _leaves(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Tables with choices or bounds, by their dotted names, whether the dots are TOML's or in quotes."""
    for key, value in table.items():
        name = f"{prefix}{key}"
        if not isinstance(value, Mapping):
            raise SettingsUnusable(f"{name}: must be a table with choices, or with low and high")
        if {"choices", "low", "high"} & value.keys():
            yield name, value
        else:
            yield from _leaves(value, f"{name}.")


def _dimension(name: str, table: Mapping[str, Any]) -> Dimension:
    if "choices" in table:
        values = table["choices"]
        if set(table) != {"choices"} or not isinstance(values, list) or not values:
            raise SettingsUnusable(f"{name}: choices must be a list of values, and stand alone")
        if not all(isinstance(value, bool | int | float | str) for value in values) or len(set(values)) < len(values):
            raise SettingsUnusable(f"{name}: choices must be different texts, numbers or truth values")
        return Choices(tuple(values))
    unknown = set(table) - {"low", "high", "log", "step", "points"}
    if unknown:
        raise SettingsUnusable(f"{name}: no such key: {', '.join(sorted(unknown))}")
    return _range(name, table)


def _range(name: str, table: Mapping[str, Any]) -> Range:
    for key in ("low", "high"):
        if not _is_number(table.get(key)):
            raise SettingsUnusable(f"{name}: {key} must be a number")
    low, high, log = table["low"], table["high"], table.get("log", False)
    step, points = table.get("step"), table.get("points", _POINTS)
    if not low < high:
        raise SettingsUnusable(f"{name}: low must be less than high")
    if not isinstance(log, bool) or (log and (low <= 0 or step is not None)):
        raise SettingsUnusable(f"{name}: log is true or false; with it, low must be above 0 and there can be no step")
    if step is not None and not (_is_number(step) and step > 0):
        raise SettingsUnusable(f"{name}: step must be a number above 0")
    if step is not None and abs((high - low) / step - round((high - low) / step)) > 1e-6:
        raise SettingsUnusable(f"{name}: high must be a whole number of steps above low")
    if not isinstance(points, int) or isinstance(points, bool) or points < 2:
        raise SettingsUnusable(f"{name}: points must be a whole number of at least 2")
    return Range(low, high, log, step, points)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
