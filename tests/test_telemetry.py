"""genred reports to nobody: onnxruntime from 1.29 on would, and would keep a number for this machine in its cache."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Where one of these is set, onnxruntime is silent by itself, and a test would say nothing.
SILENCING = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "ORT_TELEMETRY_DISABLED", "XDG_CACHE_HOME")
MAKE_A_SESSION = "import sys, onnxruntime; onnxruntime.InferenceSession(sys.argv[1])"


def traces(home: Path, package: str, model: Path) -> list[Path]:
    """What a session leaves in the home folder, after this package was imported."""
    home.mkdir()
    environment = {key: value for key, value in os.environ.items() if key not in SILENCING} | {"HOME": str(home)}
    line = f"import {package}; {MAKE_A_SESSION}" if package else MAKE_A_SESSION
    subprocess.run([sys.executable, "-c", line, str(model)], env=environment, check=True, timeout=60)
    return [path for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("package", ["daemon", "export"])
def test_onnxruntime_is_told_to_be_silent(package: str, tiny_model: Path, tmp_path: Path) -> None:
    assert traces(tmp_path / "home", package, tiny_model) == []
