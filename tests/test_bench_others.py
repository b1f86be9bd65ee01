"""What other processes take of the cores is seen."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from daemon.bench.others import Used, others_share, quiet, used


def test_by_hand() -> None:
    cores = len(os.sched_getaffinity(0))
    assert others_share(Used(0, 0, 0), Used(10, 4, 4 + 5 * cores)) == 0.5
    assert others_share(Used(0, 0, 0), Used(10, 4, 3.99)) == 0  # of coarse ticks
    assert others_share(Used(1, 0, 0), Used(1, 0, 0)) == 0


def test_only_quiet_rounds_count_where_there_are_any() -> None:
    assert quiet([0.0, 0.2, 0.05], lambda share: share) == [0.0, 0.05]
    assert quiet([0.3, 0.2], lambda share: share) == [0.3, 0.2]


def test_a_busy_neighbour_is_an_other() -> None:
    spin = "import time\nends = time.process_time() + 0.5\nwhile time.process_time() < ends: pass"
    began = used()
    subprocess.run([sys.executable, "-c", spin], check=True)
    ended = used()
    seconds = others_share(began, ended) * (ended.clock_s - began.clock_s) * len(os.sched_getaffinity(0))
    assert seconds > 0.4
    assert used().clock_s <= time.perf_counter()
