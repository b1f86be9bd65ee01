"""Names that the pages speak of are those of the code: settings, their variables, metrics, files, words of the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from daemon.settings import Settings
from export.train.settings import TrainSettings
from export.tune.applied import KINDS, STRENGTH
from tests.expressions import METRIC, declared

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "deploy").rglob("*.md"))]
CODE = re.compile(r"`([^`\n]+)`")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"([a-z]\w*(?:\.[a-z]\w*)+)(?: ?=.*)?")
VARIABLE = re.compile(r"\bGENRED_[A-Z0-9_]*[A-Z0-9]\b(?!…)")
FILE = re.compile(r"(?:daemon|deploy|docs|export|models|tests)/[\w./@*-]+")
WORD = re.compile(r"[a-z]+(?:_[a-z0-9]+)+")
ROOTS = (Settings, TrainSettings)
OF_TESTS, OF_KUBERNETES = "GENRED_TEST_", "GENRED_SERVICE_HOST"  # the latter for a Service's name
OF_SPACES = {STRENGTH, KINDS}  # a search's own names for several settings at once
OF_OTHERS = {"fma_full", "sinc_interp_kaiser"}  # words of FMA's, of torchaudio's
NUMBER = re.compile(r"_\d+$")  # of a column
SOURCES = (".py", ".toml", ".yaml", ".yml", ".json", ".sh", ".tpl", ".service", ".conf", ".cpu", ".gpu", "Makefile")


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The tables that a setting may be: itself, one of a list, one of several kinds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is Annotated:
        return models_in(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType, tuple, list):
        return [model for each in get_args(annotation) for model in models_in(each)]
    return []


def is_setting(path: list[str], tables: list[type[BaseModel]]) -> bool:
    """Whether a table has that key, and what it is the next; below what is no table of ours anything may be."""
    found = [table.model_fields[path[0]].annotation for table in tables if path[0] in table.model_fields]
    if not found or len(path) == 1:
        return bool(found)
    below = [model for annotation in found for model in models_in(annotation)]
    return is_setting(path[1:], below) if below else "Mapping" in str(found)


def quoted(page: Path) -> list[str]:
    """What stands between backticks in the text."""
    return CODE.findall(FENCED.sub("", page.read_text(encoding="utf-8")))


def unknown_settings(quotes: list[str]) -> list[str]:
    """Dotted names that begin with a table of the settings and lead nowhere; modules of the code are none."""
    names = [match[1] for quote in quotes if (match := SETTING.fullmatch(quote))]
    tables = {name for root in ROOTS for name, field in root.model_fields.items() if models_in(field.annotation)}
    dotted = [name for name in names if name.partition(".")[0] in tables]
    settings = [name for name in dotted if name not in OF_SPACES and not name.endswith(".jsonl")]
    return [name for name in settings if not is_setting(name.split("."), list(ROOTS))]


def unknown_variables(text: str) -> list[str]:
    """Of the environment."""
    return [
        name
        for name in VARIABLE.findall(text)
        if not name.startswith((OF_TESTS, OF_KUBERNETES))
        and not is_setting(name[len("GENRED_") :].lower().split("__"), [Settings])
    ]


@pytest.fixture(scope="module")
def words() -> set[str]:
    """Every word with an underscore in the sources."""
    folders = [ROOT / name for name in ("daemon", "export", "models", "deploy", "tests", ".ci", "docs")]
    files = [path for folder in folders for path in folder.rglob("*") if path.name.endswith(SOURCES)]
    files += [ROOT / "pyproject.toml", ROOT / "Makefile"]
    found: set[str] = set()
    for path in files:
        if path != Path(__file__):
            found.update(WORD.findall(path.read_text(encoding="utf-8", errors="replace")))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_names_lead_somewhere(page: Path, words: set[str]) -> None:
    text, quotes = page.read_text(encoding="utf-8"), quoted(page)
    assert unknown_settings(quotes) == []
    assert unknown_variables(text) == []
    metrics = {name for quote in quotes for name in METRIC.findall(quote) if name.startswith(("genred_", "instance:"))}
    series = declared() | {name.removesuffix("_bucket") for name in declared()}
    assert metrics - series == set()
    files = {match[0].rstrip(".") for quote in quotes if (match := FILE.fullmatch(quote))}
    assert [file for file in files if not list(ROOT.glob(file))] == []
    spoken = {NUMBER.sub("", quote) for quote in quotes if WORD.fullmatch(quote)}
    assert {word for word in spoken if WORD.fullmatch(word)} - words - series - OF_OTHERS == set()


def keys_of(table: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted names of all settings, those in optional tables too; not what is in lists of tables."""
    for name, field in table.model_fields.items():
        inner = [] if get_origin(field.annotation) in (tuple, list) else models_in(field.annotation)
        for model in inner:
            yield from keys_of(model, f"{prefix}{name}.")
        if not inner:
            yield prefix + name


def test_every_setting_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    keys = set(keys_of(Settings)) - {"sources", "sinks"}
    assert {"model", "engine.gpu.backend", "kafka.sasl.token_file"} < keys
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_names_that_lead_nowhere_are_found() -> None:
    wrong = ["kafka.sasl.pasword_file", "engine.gpu.cache", "optimiser.rate", "health.stuck_after_s.x"]
    wrong_variable = ["GENRED_HTTP__PROT"]
    right = ["kafka.sasl.password_file", "engine.gpu.engine_cache = x", "optimiser.learning_rate", "genred.toml"]
    assert unknown_settings(wrong + right) == wrong
    assert unknown_variables("GENRED_HTTP__PORT GENRED_HTTP__PROT GENRED_KAFKA__SASL__PASSWORD") == wrong_variable
