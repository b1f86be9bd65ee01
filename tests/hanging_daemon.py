"""`genred` whose workers, or whose event loop, hang when a signal says so: faults that the product has no door for.

SIGUSR1: from the next batch on, every worker hangs in it. SIGUSR2: the event loop blocks, for HANG_LOOP_S seconds.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence

from daemon import cpu_team
from daemon.cli import main
from daemon.cpu_scorer import CpuScorer
from daemon.cuts import Window
from daemon.scoring import FinishedBatch

HANG = threading.Event()
NEVER = threading.Event()


class HangingScorer(CpuScorer):
    """A scorer that does not come back once `HANG` is set."""

    def begin(self, windows: Sequence[Window]) -> FinishedBatch:
        """Score the batch, or hang."""
        if HANG.is_set():
            hang_in_the_driver()
        return super().begin(windows)


def hang_in_the_driver() -> None:
    """What a lost device does."""
    NEVER.wait()


def block_the_loop(*_signal: object) -> None:
    """In the main thread, between two turns of the loop."""
    time.sleep(float(os.environ["HANG_LOOP_S"]))  # the fault itself


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, lambda *_signal: HANG.set())
    signal.signal(signal.SIGUSR2, block_the_loop)
    vars(cpu_team)["CpuScorer"] = HangingScorer
    main()
