"""All links of a table into a folder: several at once, few at one host, nothing twice."""

import asyncio
import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from export.errors import InputUnusable
from export.fetch.conversion import AUDIO
from export.fetch.host_queue import HostQueue
from export.fetch.http_reply import make_session
from export.fetch.limits import Limits
from export.fetch.link import Link
from export.fetch.lists import DEAD_LINKS, MANIFEST, write_lists
from export.fetch.one_link import HALVES, LinkFetcher
from export.fetch.progress import FetchProgress
from export.fetch.records import RECORDS, Dead, Fetched, read_record, write_record

Found = dict[str, Fetched | Dead]


@dataclass(frozen=True, slots=True)
class FetchReport:
    """fetched: in this run; there: before it; files: distinct recordings of the table; dead: links without audio."""

    fetched: int
    there: int
    files: int
    dead: tuple[Dead, ...]


def fetch(
    links: Sequence[Link], folder: Path, rate_hz: int, limits: Limits, *, retry_dead: bool = False
) -> FetchReport:
    """Fetch what is not there yet, and write the lists, also when stopped half-way.

    Links that were dead for good before are not asked again unless `retry_dead`. InputUnusable when another run is at
    work in the folder; OSError of the disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        _remove_temporaries(folder)
        found = _known(links, folder, rate_hz, retry_dead)
        there = sum(isinstance(record, Fetched) for record in found.values())
        missing = [link for link in links if link.url not in found]
        try:
            with FetchProgress(len(links), len(found)) as progress:
                asyncio.run(_fetch_all(missing, folder, rate_hz, limits, found, progress))
        finally:
            write_lists(folder, links, found)
    music = [record for record in found.values() if isinstance(record, Fetched)]
    dead = tuple(record for record in found.values() if isinstance(record, Dead))
    return FetchReport(len(music) - there, there, len({record.file for record in music}), dead)


def _known(links: Sequence[Link], folder: Path, rate_hz: int, retry_dead: bool) -> Found:
    """Records that still hold; passing faults, files at another rate and files that are gone do not."""
    found: Found = {}
    for link in links:
        match read_record(folder, link):
            case Fetched(sample_rate_hz=its_rate_hz) as record if its_rate_hz == rate_hz:
                found[link.url] = record
            case Dead(passing=False) as record if not retry_dead:
                found[link.url] = record
    return found


async def _fetch_all(
    links: Sequence[Link], folder: Path, rate_hz: int, limits: Limits, found: Found, progress: FetchProgress
) -> None:
    queue = HostQueue(links, limits.per_host)
    running: dict[asyncio.Task[Fetched | Dead], Link] = {}
    async with make_session(limits) as session:
        fetcher = LinkFetcher(session, folder, rate_hz, limits, progress.received)
        try:
            while queue or running:
                while len(running) < limits.workers and (link := queue.take()) is not None:
                    running[asyncio.create_task(fetcher.fetch(link))] = link
                finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in finished:
                    link, record = running.pop(task), task.result()
                    queue.done(link)
                    write_record(folder, link, record)
                    found[link.url] = record
                    progress.finished(isinstance(record, Dead))
        finally:
            fetcher.stop()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def _remove_temporaries(folder: Path) -> None:
    """What a run that was killed had begun to write; `folder` may hold much that is not ours."""
    ours = [folder.glob(f".{name}.*.tmp") for name in (MANIFEST, DEAD_LINKS)]
    ours += [(folder / place).rglob(".*.tmp") for place in (AUDIO, HALVES, RECORDS)]
    for path in chain.from_iterable(ours):
        path.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds the folder against other runs; the lock goes with the process, however that ends."""
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputUnusable(f"{folder}: another genred export fetch is at work there") from None
        yield
