"""A link's whole way: download, convert, forget the download. What it comes to is a record; only the disk can fail."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

import aiohttp

from export.fetch.conversion import convert
from export.fetch.download import download, forget
from export.fetch.faults import LinkFault, PageFound
from export.fetch.limits import Limits
from export.fetch.link import Link, check_address
from export.fetch.records import Dead, Fetched
from export.fetch.retries import with_retries
from export.fetch.sites import FromSite, forget_site_files, from_site, is_of_a_known_site, yt_dlp_is_here

HALVES: Final = "partial"


class LinkFetcher:
    """Fetches links into `folder` as mono at `rate_hz`; `received` hears of bytes, perhaps from other threads."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        folder: Path,
        rate_hz: int,
        limits: Limits,
        received: Callable[[int], None],
    ) -> None:
        self._session, self._folder, self._rate_hz, self._limits = session, folder, rate_hz, limits
        self._received = received
        self._stop = threading.Event()

    def stop(self) -> None:
        """Let threads end soon."""
        self._stop.set()

    async def fetch(self, link: Link) -> Fetched | Dead:
        """What became of the link. OSError of the disk."""
        halves = self._folder / HALVES
        halves.mkdir(parents=True, exist_ok=True)
        try:
            async with asyncio.timeout(self._limits.link_s):
                brought = await self._bring(link, halves)
            converted = await asyncio.to_thread(
                convert, brought.path, self._folder, self._rate_hz, self._limits.max_duration_s
            )
        except TimeoutError:
            return Dead(link.url, f"not done within {self._limits.link_s:g} s", passing=True)
        except LinkFault as fault:
            if not fault.passing:
                self._forget(link, halves)
            return Dead(link.url, fault.reason, fault.passing)
        self._forget(link, halves)
        return Fetched(
            link.url,
            converted.file,
            converted.source_sha256,
            self._rate_hz,
            round(converted.duration_s, 3),
            brought.title or converted.title,
            brought.artist or converted.artist,
        )

    async def _bring(self, link: Link, halves: Path) -> FromSite:
        check_address(link.url)
        known = not link.named_as_audio and yt_dlp_is_here() and await asyncio.to_thread(is_of_a_known_site, link.url)
        if not known:
            part = _part(link, halves)
            try:
                await with_retries(
                    lambda: download(self._session, link.url, part, self._limits, self._received), self._limits
                )
                return FromSite(part, None, None)
            except PageFound as page:
                if not yt_dlp_is_here():
                    raise LinkFault(
                        f"a page ({page.media_type}), for yt-dlp: pip install 'genred[fetch]'", passing=True
                    ) from None
        return await with_retries(
            lambda: asyncio.to_thread(from_site, link, halves, self._limits, self._received, self._stop), self._limits
        )

    def _forget(self, link: Link, halves: Path) -> None:
        forget(_part(link, halves))
        forget_site_files(halves, link)


def _part(link: Link, halves: Path) -> Path:
    return halves / f"{link.key}.part"
