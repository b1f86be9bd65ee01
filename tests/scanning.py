"""`genred export scan` as a user calls it, in this process; and what it left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from export.cli import app
from export.data.clip import Clip
from export.data.music_set import MusicSet, read_music_set


@dataclass(frozen=True)
class Scanned:
    """How the command ended, and the folder that it was to write."""

    code: int
    shown: str
    said: str
    folder: Path

    @property
    def music(self) -> MusicSet:
        return read_music_set(self.folder)

    @property
    def clips(self) -> dict[str, Clip]:
        """By the file's name."""
        return {clip.path.name: clip for clip in self.music.clips}

    @property
    def report(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "report.json").read_text(encoding="utf-8")))

    @property
    def skipped(self) -> dict[str, str]:
        """Reasons by the file's name."""
        return {Path(one["path"]).name: one["reason"] for one in self.report["skipped"]}


def scan(source: Path, folder: Path, *options: str) -> Scanned:
    """Runs the command in this process, one worker unless `options` say otherwise."""
    words = ["scan", str(source), "-o", str(folder), "--workers", "1", *options]
    result = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Scanned(result.exit_code, result.stdout, result.stderr, folder)


def refused(source: Path, folder: Path, *options: str, code: int = 64) -> str:
    """What is said when a scan is refused; it leaves nothing behind."""
    done = scan(source, folder, *options)
    assert done.code == code, done.shown + done.said
    assert not folder.exists() or not any(folder.iterdir())
    assert "Traceback" not in done.said
    return done.said
