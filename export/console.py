"""Where commands print tables."""

import os
import sys
from typing import Final

from rich.console import Console

_PIPED: Final = 160  # columns where there is no terminal to ask: a program that reads wants nothing folded at 80


def console() -> Console:
    """Standard output, as wide as the terminal, or as COLUMNS says."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if known else _PIPED, highlight=False)
