"""`genred bench frontends`: a whole short run."""

from __future__ import annotations

import json
from pathlib import Path

from models.front_ends.named import HEARINGS
from tests.process import genred


def test_every_front_end_is_measured_beside_log_mel(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    done = genred("bench", "frontends", "--rounds", "2", "--json", str(figures))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    rows = {row["name"]: row for row in json.loads(figures.read_text())["rows"]}
    assert rows.keys() == HEARINGS.keys()
    assert all(row["block_ms"] > 0 and row["window_ms"] >= 0 and row["rounds"] == 2 for row in rows.values())
    assert [name for name, row in rows.items() if row["of_log_mel"] is None] == [
        name for name, hearing in HEARINGS.items() if hearing.front_end.kind == "waveform"
    ]
    assert rows["frame33"]["of_log_mel"] < rows["track174"]["of_log_mel"]
    assert rows["frame33"]["of_log_mel"] < 3
    assert all(name in done.stdout for name in HEARINGS)
