"""The checkpoints of the PyPI package musicnn, if installed; tests that need them skip where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.musicnn.package import PackageMissingError, musicnn_package


def musicnn_folder() -> Path | None:
    """The installed package's folder with the checkpoints, or None."""
    try:
        with musicnn_package(None) as folder:
            return folder
    except PackageMissingError:
        return None


needs_musicnn = pytest.mark.skipif(musicnn_folder() is None, reason="the package musicnn is not installed")
