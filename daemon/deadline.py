"""The end of a process whose threads may be stuck."""

from __future__ import annotations

import os
from collections.abc import Coroutine
from typing import Any

from daemon.errors import DrainTimedOut
from daemon.log_writer import write_line
from daemon.logs import flush_logs


async def ending_on_time(work: Coroutine[Any, Any, None]) -> None:
    """Run `work`; when its drain timed out, say so and end the process here and now.

    What held the drain up (a write to a full pipe, say) sits in a thread that Python would wait for, for ever.
    """
    try:
        await work
    except DrainTimedOut as error:
        flush_logs()
        write_line(f"genred: {error}")
        os._exit(error.exit_code)
    finally:
        flush_logs()  # before what the command line says of the end
