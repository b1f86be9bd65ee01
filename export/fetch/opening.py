"""The table itself: a file here, or a manifest at an http(s) address."""

import asyncio
from pathlib import Path
from typing import Final

from export.data.table_rows import decoded
from export.errors import DependencyMissing, InputUnusable
from export.fetch.faults import LinkFault
from export.fetch.http_reply import make_session, opened
from export.fetch.limits import Limits
from export.fetch.link import Link
from export.fetch.retries import with_retries
from export.fetch.table import read_table

_MAX_BYTES: Final = 50_000_000


def open_table(table: str, limits: Limits) -> tuple[Link, ...]:
    """The links of a table by its path or address. InputUnusable; DependencyMissing when an address gives nothing."""
    if "://" in table:
        return read_table(decoded(asyncio.run(_body(table, limits)), table), table.partition("?")[0], base=table)
    path = Path(table)
    try:
        return read_table(decoded(path.read_bytes(), table), table)
    except FileNotFoundError:
        raise InputUnusable(f"{path}: no such file; a table of links has a header with url, labels, artist") from None
    except IsADirectoryError:
        raise InputUnusable(f"{path} is a folder, not a table of links") from None


async def _body(url: str, limits: Limits) -> bytes:
    async def once() -> bytes:
        async with opened(session, url, {}) as reply:
            body = bytearray()
            async for data in reply.content.iter_chunked(1 << 16):
                body += data
                if len(body) > _MAX_BYTES:
                    raise LinkFault(f"a table larger than {_MAX_BYTES // 10**6} MB")
            return bytes(body)

    async with make_session(limits) as session:
        try:
            async with asyncio.timeout(limits.link_s):
                return await with_retries(once, limits)
        except LinkFault as fault:
            raise DependencyMissing(f"{url}: {fault.reason}") from None
        except TimeoutError:
            raise DependencyMissing(f"{url}: not done within {limits.link_s:g} s") from None
