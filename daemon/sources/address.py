"""A URL that a source may open: its scheme checked, its secrets kept out of everything that is shown."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from daemon.errors import InputUnusable

HTTP_SCHEMES = frozenset(("http", "https"))
# What FFmpeg itself opens, each with the protocols that it needs underneath. `file`, `concat`, `data`, ... never.
FFMPEG_PROTOCOLS = {
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsps,rtp,udp,tcp,tls",
    "rtp": "rtp,udp",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,tcp,tls",
    "srt": "srt,udp",
}
SCHEMES = (*sorted(HTTP_SCHEMES), *FFMPEG_PROTOCOLS)
MAX_URL = 8192
_SAFE = "/%:=&?~+!$,;'@()*[]"


@dataclass(frozen=True, slots=True)
class Address:
    """One URL; only `shown` (no user, no password, no query) may appear in logs, errors and status."""

    scheme: str
    host: str
    port: int | None
    target: str = field(repr=False)  # path and query, quoted
    user: str | None = field(repr=False)
    password: str | None = field(repr=False)
    shown: str = ""

    @property
    def url(self) -> str:
        """The whole URL, with its secrets: for the connection alone."""
        user = "" if self.user is None else quote(self.user, safe="")
        secret = "" if self.password is None else ":" + quote(self.password, safe="")
        at = "@" if self.user is not None else ""
        return f"{self.scheme}://{user}{secret}{at}{self.netloc}{self.target}"

    @property
    def url_without_user(self) -> str:
        """The URL without user and password; its query may still be secret."""
        return f"{self.scheme}://{self.netloc}{self.target}"

    @property
    def netloc(self) -> str:
        """Host and port as they stand in a URL and in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def is_http(self) -> bool:
        """Whether this is an http or https address."""
        return self.scheme in HTTP_SCHEMES

    @property
    def suffix(self) -> str:
        """The path's file suffix, in lower case, with its dot; empty without one."""
        name = self.target.partition("?")[0].rpartition("/")[2]
        return "." + name.rpartition(".")[2].lower() if "." in name else ""

    @property
    def basic_auth(self) -> str | None:
        """The value of an Authorization header; None without a user."""
        if self.user is None:
            return None
        return "Basic " + base64.b64encode(f"{self.user}:{self.password or ''}".encode()).decode("ascii")

    def joined(self, reference: str) -> Address:
        """The address of a redirect or a playlist's entry; the user goes along to the same host only.

        Raises InputUnusable when it is no http or https address.
        """
        found = parse_address(urljoin(self.url_without_user, reference.strip()))
        if not found.is_http:
            raise InputUnusable(f"{self.shown} leads to a {found.scheme}: address, which is not followed")
        if found.user is None and (found.scheme, found.netloc) == (self.scheme, self.netloc):
            return Address(found.scheme, found.host, found.port, found.target, self.user, self.password, found.shown)
        return found


def parse_address(url: str) -> Address:
    """Check and take apart a URL. Raises InputUnusable, without the URL's secrets in the message."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise InputUnusable(f"a URL cannot be read: {_first_words(error)}") from None
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES:
        known = ", ".join(SCHEMES)
        raise InputUnusable(f"a URL with the scheme {scheme[:20]!r} cannot be a source; those that can: {known}")
    spaced = any(character.isspace() for character in parts.netloc)
    if not parts.hostname or spaced or len(url) > MAX_URL or any(ord(character) < 32 for character in url):
        raise InputUnusable(f"a {scheme} URL is malformed: it needs a host, at most {MAX_URL} characters, one line")
    target = quote(urlunsplit(("", "", parts.path or "/", parts.query, "")), safe=_SAFE)
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    host = _ascii(parts.hostname)
    address = Address(scheme, host, port, target, user, password)
    query = "?…" if parts.query else ""
    shown = f"{scheme}://{address.netloc}{quote(parts.path, safe=_SAFE)}{query}"
    return Address(scheme, host, port, target, user, password, shown)


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise InputUnusable("a URL's host name cannot be written in DNS") from None


def _first_words(error: ValueError) -> str:
    """The library's reason, without the part of the URL that it quotes."""
    return str(error).partition(":")[0].partition("'")[0].strip()[:80] or "malformed"
