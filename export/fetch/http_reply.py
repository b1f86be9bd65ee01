"""One GET, its redirects followed by hand: to http and https addresses only. Errors become LinkFaults."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin

import aiohttp

from export.fetch.faults import LinkFault
from export.fetch.limits import Limits
from export.fetch.link import check_address

USER_AGENT: Final = "genred-export"
MAX_REDIRECTS: Final = 10
REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
PASSING: Final = frozenset((408, 425, 429, 500, 502, 503, 504))


def make_session(limits: Limits) -> aiohttp.ClientSession:
    """A session with the limits' times; bodies as they are, for parts of them are asked for."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.timeout_s, sock_read=limits.timeout_s),
        headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"},
        trust_env=True,
    )


@asynccontextmanager
async def opened(
    session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], accepted: frozenset[int] = frozenset((200,))
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer where the redirects lead, its status one of `accepted`; LinkFault, also while it is read."""
    try:
        for _ in range(MAX_REDIRECTS + 1):
            check_address(url)
            async with session.get(url, headers=headers, allow_redirects=False) as reply:
                if reply.status in REDIRECTS and "Location" in reply.headers:
                    url = urljoin(url, reply.headers["Location"])
                    continue
                if reply.status not in accepted:
                    raise _status_fault(reply)
                yield reply
                return
        raise LinkFault(f"more than {MAX_REDIRECTS} redirects")
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _fault(error) from None
    except ValueError as error:
        raise LinkFault(f"not an address: {error}") from None


def _status_fault(reply: aiohttp.ClientResponse) -> LinkFault:
    try:
        words = f"{reply.status} {HTTPStatus(reply.status).phrase}"
    except ValueError:
        words = str(reply.status)
    passing = reply.status in PASSING
    return LinkFault(f"the server answered {words}", passing=passing, retry_after_s=_retry_after_s(reply))


def _retry_after_s(reply: aiohttp.ClientResponse) -> float | None:
    """Seconds that the server asks to wait: a number, or a date."""
    text = reply.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _fault(error: Exception) -> LinkFault:
    """One short line; never text that the other side sent."""
    match error:
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return LinkFault("not an address that can be asked")
        case aiohttp.ClientConnectorCertificateError():
            return LinkFault("the server's certificate was refused")
        case aiohttp.ClientConnectorDNSError():
            return LinkFault("the host's name is not known", passing=True)
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, ConnectionRefusedError):
            return LinkFault("connection refused", passing=True)
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return LinkFault("TLS failed", passing=True)
        case TimeoutError():
            return LinkFault("no answer in time", passing=True)
        case aiohttp.ClientResponseError():
            return LinkFault("the answer is not HTTP")
        case _:
            return LinkFault("the connection was lost", passing=True)
