"""Label maps: how the words of a source become the labels of a set. A TOML file, all keys optional."""

import tomllib
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from export.errors import SettingsUnusable
from models.card import Kind

Name = Annotated[str, Field(min_length=1)]


class LabelMap(BaseModel):
    """Words are dropped first, then merged; then labels with few clips go, and all but the most frequent.

    multi_label: whether a clip may have several; None: it may where any has. drop: words. merge: label -> words that
    become it (and the label itself). Words may hold * and ?, upper and lower case are the same; a word written out
    goes before a pattern. unlisted: what becomes of words that no label of `merge` takes. min_clips, top_n: labels
    that remain, counted over readable clips. kinds: what sort of word a label is, where it is no genre.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    multi_label: bool | None = None
    drop: tuple[Name, ...] = ()
    merge: dict[Name, tuple[Name, ...]] = {}
    unlisted: Literal["keep", "drop"] = "keep"
    min_clips: Annotated[int, Field(ge=0)] = 0
    top_n: Annotated[int, Field(ge=1)] | None = None
    kinds: dict[Name, Kind] = {}

    @model_validator(mode="after")
    def _no_word_twice(self) -> "LabelMap":
        taken: dict[str, str] = {}
        for label, words in self.merge.items():
            for word in {_folded(label), *map(_folded, words)}:
                if taken.setdefault(word, label) != label:
                    raise ValueError(f"merge: {word!r} goes to both {taken[word]!r} and {label!r}")
        return self

    @cached_property
    def _exact(self) -> dict[str, str]:
        named = {_folded(word): label for label, words in self.merge.items() for word in words}
        return named | {_folded(label): label for label in self.merge}

    @cached_property
    def _patterns(self) -> list[tuple[str, str]]:
        return [(_folded(word), label) for label, words in self.merge.items() for word in words if _is_pattern(word)]

    def labels_of(self, words: Iterable[str]) -> tuple[str, ...]:
        """The labels of a clip with these words, each once, in their order."""
        found = (self._label_of(word) for word in words)
        return tuple(dict.fromkeys(label for label in found if label is not None))

    def _label_of(self, word: str) -> str | None:
        folded = _folded(word)
        if any(_matches(folded, _folded(dropped)) for dropped in self.drop):
            return None
        if folded in self._exact:
            return self._exact[folded]
        for pattern, label in self._patterns:
            if _matches(folded, pattern):
                return label
        return normalize("NFC", word.strip()) if self.unlisted == "keep" else None


def frequent(clip_labels: Iterable[Iterable[str]], rules: LabelMap) -> dict[str, int]:
    """The labels that `min_clips` and `top_n` leave, with their numbers of clips, in alphabetical order.

    Among labels with the same number the alphabetically first remain.
    """
    counts = Counter(label for labels in clip_labels for label in labels)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(sorted(item for item in ranked[: rules.top_n] if item[1] >= rules.min_clips))


def read_label_map(path: Path) -> LabelMap:
    """A label map from its file; SettingsUnusable names the file and the key."""
    try:
        return LabelMap(**tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise SettingsUnusable(f"{path} does not exist") from None
    except IsADirectoryError:
        raise SettingsUnusable(f"{path} is a folder, not a label map in TOML") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsUnusable(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        raise SettingsUnusable("\n".join(f"{path}: {_problem(dict(one))}" for one in error.errors())) from None


def _problem(error: dict[str, object]) -> str:
    place = ".".join(map(str, error["loc"])) if isinstance(error["loc"], tuple) else ""
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def _folded(word: str) -> str:
    return normalize("NFC", word.strip()).casefold()


def _matches(word: str, pattern: str) -> bool:
    return word == pattern or fnmatchcase(word, pattern.replace("[", "[[]"))  # a bracket is a bracket


def _is_pattern(word: str) -> bool:
    return any(sign in word for sign in "*?")
