"""The documentation says what the code says, and its links lead somewhere."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import cast

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("name", ["settings.md", "metrics.md"])
def test_generated_pages_are_up_to_date(name: str) -> None:
    pages = cast("dict[str, str]", runpy.run_path(str(DOCS / "make_reference.py"))["pages"]())
    assert (DOCS / name).read_text(encoding="utf-8") == pages[name], "run: python docs/make_reference.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_exist(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    relative = [link.partition("#")[0] for link in links if "://" not in link and not link.startswith(("#", "mailto:"))]
    assert [link for link in relative if not (page.parent / link).exists()] == []
