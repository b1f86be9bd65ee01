"""The installed version of genred."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def genred_version() -> str:
    """The distribution's version; `0+unknown` when run from a tree that was never installed."""
    try:
        return version("genred")
    except PackageNotFoundError:
        return "0+unknown"
