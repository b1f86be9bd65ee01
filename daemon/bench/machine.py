"""What a figure was measured on."""

from __future__ import annotations

import platform
from pathlib import Path


def describe() -> str:
    """Architecture, processor and Python, on one line."""
    return f"{platform.machine()}, {_processor()}, Python {platform.python_version()}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
