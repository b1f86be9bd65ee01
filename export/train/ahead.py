"""The next batches are unpacked while the network is busy with this one."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")
_AHEAD: Final = 4


def ahead(items: Iterator[T]) -> Iterator[T]:
    """`items` in their order, made in a thread of their own; what that raises is raised here."""
    with ThreadPoolExecutor(1, "batches") as reader:
        coming = deque(reader.submit(next, items, None) for _ in range(_AHEAD))
        try:
            while (item := coming.popleft().result()) is not None:
                coming.append(reader.submit(next, items, None))
                yield item
        finally:
            for future in coming:
                future.cancel()
