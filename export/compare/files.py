"""A comparison as files of one folder: a page for people, JSON and CSV for programs. All of them, or none."""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final

from export.compare.page import page_text
from export.compare.side_by_side import Lead, ModelLine, SideBySide, Versus
from export.evaluate.json_report import json_text
from export.evaluate.wording import FIGURES
from models.whole_file import whole_file

TYPE: Final = "genred.comparison.v1"
PAGE: Final = "index.html"
JSON: Final = "comparison.json"
CSV: Final = "comparison.csv"
NAMES: Final = (PAGE, JSON, CSV)


def write_files(found: SideBySide, folder: Path) -> Path:
    """Write index.html, comparison.json and comparison.csv into `folder`, made if need be; the page's path. OSError."""
    texts = {CSV: csv_text(found), JSON: json_text(TYPE, asdict(found)), PAGE: page_text(found)}
    with ExitStack() as stack:  # each takes its name only when all have been written
        for name, text in texts.items():
            file = stack.enter_context(whole_file(folder / name))
            file.write(text.encode(errors="replace"))  # names of files may be anything
            file.flush()
            os.fsync(file.fileno())
    return folder / PAGE


def csv_text(found: SideBySide) -> str:
    """A line a model: the same columns whatever the models; empty where there is nothing to say."""
    versus = {each.name: each for each in found.versus}
    rows = [dict(_cells(line, versus.get(line.name))) for line in found.models]
    target = io.StringIO()
    writer = csv.DictWriter(target, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue()


def _cells(line: ModelLine, versus: Versus | None) -> Iterator[tuple[str, object]]:
    facts, speed = line.facts, line.speed
    yield from {
        "name": line.name,
        "path": str(facts.path),
        "sha256": facts.sha256,
        "network": line.network,
        "hears": line.hears,
        "window_s": facts.window_s,
        "hop_s": facts.hop_s,
        "parameters": line.parameters,
        "file_bytes": line.file_bytes,
        "runtime": speed.runtime,
        "features_ms": speed.features_ms,
        "network_ms": speed.network_ms,
        "streams_per_core": speed.streams_per_core,
        "windows": line.n_windows,
    }.items()
    for what, figures in (("tracks", line.tracks), ("windows", line.windows)):
        for key in FIGURES:
            interval = figures.intervals.get(key)
            yield f"{what}_{key}", figures.values.get(key)
            yield f"{what}_{key}_low", None if interval is None else interval.low
            yield f"{what}_{key}_high", None if interval is None else interval.high
    for key in FIGURES:
        yield from _lead_cells(key, {} if versus is None else versus.tracks)


def _lead_cells(key: str, leads: Mapping[str, Lead]) -> Iterator[tuple[str, object]]:
    """Of the model that all are held against: empty."""
    lead = leads.get(key)
    yield f"difference_{key}", None if lead is None else lead.value
    yield f"difference_{key}_low", None if lead is None else lead.interval.low
    yield f"difference_{key}_high", None if lead is None else lead.interval.high
    yield f"better_{key}", None if lead is None else lead.better
    yield f"p_holm_{key}", None if lead is None else lead.p_holm
