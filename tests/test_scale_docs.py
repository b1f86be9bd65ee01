"""docs/scaling.md says what the code reckons."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scaling.md"
HINT = "run: python docs/make_scaling.py"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """The names of docs/make_scaling.py."""
    return runpy.run_path(str(PAGE.with_name("make_scaling.py")))


def test_the_page_is_up_to_date(made: dict[str, Any]) -> None:
    """The tables that are quickly made; and the fingerprint of the figures that the others were made from."""
    assert PAGE.read_text(encoding="utf-8") == made["quick_page"](), HINT


def test_its_smallest_week_is_the_one_that_is_simulated_now(made: dict[str, Any]) -> None:
    assert made["smallest_week"]() in PAGE.read_text(encoding="utf-8"), HINT


def test_it_has_every_table(made: dict[str, Any]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = [name for _, name, _ in made["SECTION"].findall(text)]
    assert sorted(found) == sorted([*made["QUICK"], *made["SIMULATED"]])
    assert made["PICTURE"].stat().st_size > 10_000
    assert f"]({made['PICTURE'].name})" in text
