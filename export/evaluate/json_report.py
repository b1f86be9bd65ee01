"""An evaluation as JSON: the fields of `evaluation.Evaluation`, by their names."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from export.evaluate.evaluation import Evaluation
from models.whole_file import write_text

TYPE: Final = "genred.evaluation.v1"


def write_json(evaluation: Evaluation, path: Path) -> None:
    """The whole evaluation to `path`; OSError."""
    write_text(path, json_text(TYPE, asdict(evaluation)))


def json_text(kind: str, fields: Mapping[str, object]) -> str:
    """An object of the type `kind` with these fields, as the text of a file; paths become text."""
    typed = {"type": kind, **fields}
    return json.dumps(typed, ensure_ascii=False, indent=2, allow_nan=False, default=_as_text) + "\n"


def _as_text(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
