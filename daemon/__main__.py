"""`python -m daemon` is `genred`."""

from __future__ import annotations

from daemon.cli import main

main()
