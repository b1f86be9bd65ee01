"""The end of a process whose threads may be stuck."""

from __future__ import annotations

import os
import sys
from collections.abc import Coroutine
from typing import Any

from daemon.errors import DrainTimedOut


async def ending_on_time(work: Coroutine[Any, Any, None]) -> None:
    """Run `work`; when its drain timed out, say so and end the process here and now.

    What held the drain up (a write to a full pipe, say) sits in a thread that Python would wait for, for ever.
    """
    try:
        await work
    except DrainTimedOut as error:
        print(f"genred: {error}", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(error.exit_code)
