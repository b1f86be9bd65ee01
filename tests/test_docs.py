"""The documentation says what the code says, and its links lead somewhere."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import tomllib
from importlib.resources import files
from itertools import dropwhile, groupby
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest
import typer

from daemon import errors
from daemon.cli import app
from daemon.cuts import LossReason
from daemon.settings import Settings
from export.cli import app as export_app

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(^|[|;&] *)(\w+=('[^']*'|\S*) +)*genred ")
INLINE = re.compile(r"`(genred [^`]+)`")


def blocks_of(language: str, *, but: tuple[str, ...] = ()) -> list[str]:
    """The fenced blocks of a language in all pages but some."""
    pages = [page for page in PAGES if page.name not in but]
    found = [match for page in pages for match in BLOCK.findall(page.read_text(encoding="utf-8"))]
    return [block for kind, block in found if kind == language]


def shown_commands() -> set[str]:
    """Every line after a prompt that calls genred."""
    lines = [line[2:] for block in blocks_of("console") for line in block.splitlines() if line.startswith("$ ")]
    return {line.strip() for line in lines if CALL.search(line)}


def mentioned_commands() -> set[str]:
    """Every `genred …` in the text; its arguments may be left out."""
    found = [line for page in PAGES for line in INLINE.findall(page.read_text(encoding="utf-8"))]
    return {line.replace("…", "").strip() for line in found}


def genred_words(line: str) -> list[list[str]]:
    """The arguments of each call of genred in a shell line."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    calls = [list(words) for between, words in groupby(lexer, lambda word: set(word) <= set("|&;<>()")) if not between]
    bare = [list(dropwhile(lambda word: "=" in word, call)) for call in calls]  # without the variables in front
    return [call[1:] for call in bare if call[:1] == ["genred"]]


BLOCKS = {language: blocks_of(language) for language in ("json", "python")}
# Label maps and search spaces are TOML too; test_export_scan_docs.py and test_export_tune_space.py read those.
BLOCKS["toml"] = blocks_of("toml", but=("datasets.md", "tuning.md"))
MENTIONS = mentioned_commands()
COMMANDS = sorted(shown_commands() | MENTIONS)


@pytest.mark.parametrize("name", ["settings.md", "metrics.md", "training-settings.md"])
def test_generated_pages_are_up_to_date(name: str) -> None:
    pages = cast("dict[str, str]", runpy.run_path(str(DOCS / "make_reference.py"))["pages"]())
    assert (DOCS / name).read_text(encoding="utf-8") == pages[name], "run: python docs/make_reference.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_exist(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    relative = [link.partition("#")[0] for link in links if "://" not in link and not link.startswith(("#", "mailto:"))]
    assert [link for link in relative if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_anchors_exist(page: Path) -> None:
    links = [link.partition("#") for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    inside = [(page.parent / file if file else page, anchor) for file, _, anchor in links if anchor]
    assert [f"{file.name}#{anchor}" for file, anchor in inside if anchor not in anchors_of(file)] == []


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_parse(line: str) -> None:
    """The command exists and takes these options and arguments; it is not run."""
    for words in genred_words(line):
        try:
            parse(typer.main.get_command(app), words)
        except Exception as error:
            asked_for_help = type(error).__name__ == "Exit"
            if not asked_for_help and (type(error).__name__ != "MissingParameter" or line not in MENTIONS):
                raise


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 10
    assert genred_words("GENRED_MODEL='a b' genred run -c x.toml # why\n") == [["run", "-c", "x.toml"]]
    assert genred_words("ffmpeg -i a - | genred tag - > out && genred version") == [["tag", "-"], ["version"]]


@pytest.mark.parametrize("words", [["tog"], ["tag", "a", "--colour"], ["models", "nothing"], ["export", "nothing"]])
def test_a_command_that_does_not_parse_is_found(words: list[str]) -> None:
    with pytest.raises(Exception, match="No such"):
        parse(typer.main.get_command(app), words)


@pytest.mark.parametrize("block", BLOCKS["toml"])
def test_settings_in_the_pages_are_settings(block: str) -> None:
    Settings(**tomllib.loads(block))


@pytest.mark.parametrize("block", BLOCKS["json"])
def test_results_in_the_pages_are_results(block: str) -> None:
    result = json.loads(block)
    schema = (files("daemon") / "schemas" / f"{result['type']}.json").read_text(encoding="utf-8")
    jsonschema.Draft202012Validator(json.loads(schema)).validate(result)


def test_python_in_the_pages_compiles() -> None:
    for block in BLOCKS["python"]:
        compile(block, "docs", "exec")


def test_every_reason_and_exit_code_is_explained() -> None:
    metrics = (DOCS / "metrics.md").read_text(encoding="utf-8")
    reasons = {reason.value for reason in LossReason} - {"gap"} | {"overrun", "format_changed", "position", "grid"}
    assert {reason for reason in reasons if f"| `{reason}` |" not in metrics} == set()
    codes = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    page = (DOCS / "exit-codes.md").read_text(encoding="utf-8")
    assert {code for code in codes if f"\n| {code} |" not in page} == set()


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def parse(command: Any, words: list[str]) -> None:
    """Parse as the program does, through groups and into `export`'s own commands."""
    if words[:1] == ["--help"] or (not words and hasattr(command, "commands")):
        return
    context = command.make_context("genred", list(words))
    if command.name == "export" and not hasattr(command, "commands"):
        parse(typer.main.get_command(export_app), words)
    elif hasattr(command, "commands"):
        _, below, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        parse(below, rest)
