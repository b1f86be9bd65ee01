"""Blocking HTTP for audio: bounded, with redirects, with SHOUTcast's own status line, interruptible from elsewhere."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from daemon.errors import InputUnusable
from daemon.sources.address import Address
from daemon.sources.handover import ReaderGoneError

MAX_REDIRECTS = 5
USER_AGENT = "genred"
REDIRECTS = frozenset((301, 302, 303, 307, 308))


class UrlFaultError(Exception):
    """Why a URL gives no audio now, in one line without secrets; `stalled`: it is connected, but silent."""

    def __init__(self, message: str, stalled: bool = False) -> None:
        super().__init__(message)
        self.stalled = stalled


class Interrupt:
    """Ends blocking reads from another thread: `fire` shuts down every socket that is in use, now or later."""

    def __init__(self) -> None:
        self.fired = threading.Event()
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()

    def fire(self) -> None:
        """End all reads; does not block."""
        with self._lock:
            self.fired.set()
            for used in self._sockets:
                _shut_down(used)

    def attach(self, used: socket.socket) -> None:
        """`used` is shut down when this fires."""
        with self._lock:
            self._sockets.add(used)
            if self.fired.is_set():
                _shut_down(used)

    def detach(self, used: socket.socket) -> None:
        """`used` is no longer in use."""
        with self._lock:
            self._sockets.discard(used)

    def check(self) -> None:
        """Raises ReaderGoneError once fired."""
        if self.fired.is_set():
            raise ReaderGoneError


@dataclass(slots=True)
class Reply:
    """A successful answer; `address` is where the redirects led. Reading raises UrlFaultError."""

    address: Address
    response: http.client.HTTPResponse
    interrupt: Interrupt
    _socket: socket.socket
    stall_timeout_s: float
    headers: dict[str, str] = field(default_factory=dict)  # names in lower case

    @property
    def content_type(self) -> str:
        """The media type, in lower case, without parameters; empty without one."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def length(self) -> int | None:
        """Content-Length in bytes, if it is said."""
        value = self.headers.get("content-length", "")
        return int(value) if value.isdigit() and "transfer-encoding" not in self.headers else None

    def read(self, size: int) -> bytes:
        """Some bytes, at most `size`, as soon as there are any; b"" at the end."""
        try:
            return self.response.read1(size)
        except TimeoutError:
            raise UrlFaultError(f"no bytes for {self.stall_timeout_s:g} s", stalled=True) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.interrupt.check()
            raise UrlFaultError(f"the connection was lost ({_reason(error)})") from None

    def read_all(self, limit: int) -> bytes:
        """The whole body. UrlFaultError when it is longer than `limit` bytes, or breaks off."""
        body = bytearray()
        while more := self.read(limit + 1 - len(body)):
            body += more
            if len(body) > limit:
                raise UrlFaultError(f"the answer is longer than {limit} bytes")
        if self.length is not None and len(body) < self.length:
            raise UrlFaultError("the server closed the connection in the middle of its answer")
        return bytes(body)

    def close(self) -> None:
        """Give the connection back."""
        self.interrupt.detach(self._socket)
        with suppress(OSError):
            self.response.close()


@dataclass(frozen=True, slots=True)
class HttpClient:
    """GET requests; times in seconds: to connect and answer in, and without a byte of the body."""

    connect_timeout_s: float
    stall_timeout_s: float
    interrupt: Interrupt

    def get(self, address: Address, byte_range: str | None = None, titles: bool = False) -> Reply:
        """Follow redirects to a 200 or 206. `byte_range` as in `bytes=…`. Raises UrlFaultError, ReaderGoneError."""
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._once(address, byte_range, titles)
            status = reply.response.status
            if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
                return reply
            reply.close()
            location = reply.headers.get("location")
            if status not in REDIRECTS or location is None:
                raise UrlFaultError(f"the server answered {_status_text(status)}")
            address = followed(address, location)
        raise UrlFaultError(f"more than {MAX_REDIRECTS} redirects")

    def _once(self, address: Address, byte_range: str | None, titles: bool) -> Reply:
        self.interrupt.check()
        connection = self._connection(address)
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"}
        if address.basic_auth is not None:
            headers["Authorization"] = address.basic_auth
        if byte_range is not None:
            headers["Range"] = f"bytes={byte_range}"
        if titles:
            headers["Icy-MetaData"] = "1"
        used: socket.socket | None = None
        try:
            connection.connect()
            used = connection.sock
            assert used is not None
            self.interrupt.attach(used)
            connection.request("GET", address.target, headers=headers)
            response = connection.getresponse()
            used.settimeout(self.stall_timeout_s)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if used is not None:
                self.interrupt.detach(used)
            connection.close()
            self.interrupt.check()
            raise UrlFaultError(self._why_not(error)) from None
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(address, response, self.interrupt, used, self.stall_timeout_s, found)

    def _connection(self, address: Address) -> http.client.HTTPConnection:
        timeout = self.connect_timeout_s
        connection = (
            http.client.HTTPConnection(address.host, address.port, timeout=timeout)
            if address.scheme == "http"
            else http.client.HTTPSConnection(
                address.host, address.port, timeout=timeout, context=ssl.create_default_context()
            )
        )
        connection.response_class = _Response
        return connection

    def _why_not(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self.connect_timeout_s:g} s"
        return _reason(error)


class _Response(http.client.HTTPResponse):
    """Takes SHOUTcast's `ICY 200 OK` for a status line too."""

    def _read_status(self) -> tuple[str, int, str]:
        if self.fp.peek(4)[:4] != b"ICY ":
            return super()._read_status()  # type: ignore[misc, no-any-return]
        words = self.fp.readline(1000).split()
        if len(words) < 2 or not words[1].isdigit():
            raise http.client.BadStatusLine("ICY")
        return "HTTP/1.0", int(words[1]), ""


def followed(address: Address, reference: str) -> Address:
    """Where a redirect or a playlist leads. Raises UrlFaultError when it must not be followed."""
    try:
        return address.joined(reference)
    except InputUnusable as error:
        raise UrlFaultError(str(error)) from None


def _shut_down(used: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(used, socket.SHUT_RDWR)  # the base class's: TLS state belongs to the reading thread


def _status_text(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _reason(error: Exception) -> str:
    """One short line for an error of the network; never text that the other side sent."""
    match error:
        case ConnectionRefusedError():
            return "connection refused"
        case socket.gaierror():
            return "the host's name is not known"
        case ssl.SSLCertVerificationError():
            return f"its certificate was refused: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason}"
        case ConnectionResetError() | BrokenPipeError() | http.client.IncompleteRead():
            return "the server closed the connection"
        case OSError():
            return error.strerror or type(error).__name__
        case _:
            return "the answer is not HTTP"
