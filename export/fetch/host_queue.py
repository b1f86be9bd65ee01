"""Which link comes next: in the table's order, but never more than so many at one host. Pure."""

from collections import Counter, deque
from collections.abc import Iterable

from export.fetch.link import Link


class HostQueue:
    """Links that wait; `take` gives the next whose host has room, `done` makes room again."""

    def __init__(self, links: Iterable[Link], per_host: int) -> None:
        self._waiting: dict[str, deque[Link]] = {}
        for link in links:
            self._waiting.setdefault(link.host, deque()).append(link)
        self._per_host = per_host
        self._active: Counter[str] = Counter()

    def __len__(self) -> int:
        """Links that wait."""
        return sum(map(len, self._waiting.values()))

    def take(self) -> Link | None:
        """The next link, or None while every host that has any is at its limit. Hosts take turns."""
        for host, links in self._waiting.items():
            if self._active[host] < self._per_host:
                link = links.popleft()
                del self._waiting[host]
                if links:
                    self._waiting[host] = links  # behind the others
                self._active[host] += 1
                return link
        return None

    def done(self, link: Link) -> None:
        """`link`, once taken, is finished with."""
        self._active[link.host] -= 1
