"""Work in a thread of its own, which nobody has to wait for.

A thread of asyncio's pool holds the end of the process up until it has done its work; `asyncio.run` waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class _OwnThread(threading.Thread):
    """Known by its class: see `left_behind`."""


async def in_own_thread(work: Callable[[], T]) -> T:
    """What `work()` gives or raises. Who cancels this leaves the thread to itself: what comes of it is dropped."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if outcome.cancelled():
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except BaseException as raised:  # whatever it is, the loop must hear of it
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    _OwnThread(target=run, name="genred-own", daemon=True).start()
    return await outcome


def left_behind() -> bool:
    """Whether such a thread is at work still.

    It may be in a library's code, which does not outlive the interpreter: such a process ends by `os._exit`.
    """
    return any(isinstance(thread, _OwnThread) for thread in threading.enumerate())
