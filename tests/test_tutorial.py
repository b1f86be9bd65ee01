"""docs/train.md, command by command, in an empty folder, as its reader would type them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "train.md").read_text(encoding="utf-8").partition("\n## Beyond")[0]
PROMPT = re.compile(r"^\$ (.+)$", re.MULTILINE)
needs_players = pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="fluidsynth is not installed")


def blocks(language: str) -> list[str]:
    """The page's fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """What the page has its reader type."""
    return [line for block in blocks("console") for line in PROMPT.findall(block)]


@needs_players
@pytest.mark.timeout(600)  # everything from composing to serving
def test_ten_commands_lead_from_nothing_to_a_daemon(tmp_path: Path) -> None:
    install, *typed = commands()
    assert install == "pip install 'genred[cpu,export]'"  # what `make setup` did
    assert len(typed) == 9
    (tmp_path / "genred.toml").write_text("http.port = 0\n" + blocks("toml")[0])
    # The tests' own variables are no settings; the page's are.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GENRED_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    said = {}
    for command in typed:
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        said[command.split()[1] if "export" not in command else command.split()[2]] = done.stdout
    assert "<html" in (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert "metal" in said["tag"]
    results = [json.loads(line) for line in (tmp_path / "tags.jsonl").read_text(encoding="utf-8").splitlines()]
    windows = [result for result in results if result["type"] == "genred.window.v1"]
    assert {result["model"]["name"] for result in windows} == {"my-genres"}
    assert {name for result in windows for name in result["scores"]} == {"blues", "disco", "metal"}
