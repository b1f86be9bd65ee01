"""The label maps that docs/datasets.md shows are label maps, and its table of keys has them all."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from export.data.label_map import LabelMap

PAGE = (Path(__file__).parent.parent / "docs" / "datasets.md").read_text(encoding="utf-8")


def test_label_maps_in_the_page_are_label_maps() -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        LabelMap(**tomllib.loads(block))


def test_every_key_is_explained() -> None:
    assert {key for key in LabelMap.model_fields if f"| `{key}` |" not in PAGE} == set()
