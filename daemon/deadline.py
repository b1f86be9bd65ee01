"""The end of a process whose threads may be stuck."""

from __future__ import annotations

import os
from collections.abc import Coroutine
from typing import Any

from daemon.errors import EXIT_CLEAN, DrainTimedOut, GenredError
from daemon.log_writer import write_line
from daemon.logs import flush_logs
from daemon.own_thread import left_behind


async def ending_on_time(work: Coroutine[Any, Any, None]) -> None:
    """Run `work`; when its drain timed out, or a thread was left behind, say so and end the process here and now.

    What held the drain up (a write to a full pipe, say) sits in a thread that Python would wait for, for ever. A model
    that is being loaded when the end comes is nobody's any more.
    """
    failure: GenredError | None = None
    try:
        await work
    except GenredError as error:
        if not isinstance(error, DrainTimedOut) and not left_behind():
            raise
        failure = error
    finally:
        flush_logs()  # before what the command line says of the end
    if failure is not None:
        for line in str(failure).splitlines():
            write_line(f"genred: {line}")
        os._exit(failure.exit_code)
    if left_behind():
        os._exit(EXIT_CLEAN)
