"""A real HTTP server on loopback whose links are good, slow, broken, moved, gone, too large, or no audio at all."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Served:
    """What one path answers.

    statuses: answered first, one a request, before the content. break_after: bytes, then the connection is cut, once;
    `then` are the statuses after that.
    hold_after: bytes, then nothing more until `LinkServer.let_go`. chunked: without a length. shift: Content-Range
    tells another place than was asked for.
    """

    content: bytes = b""
    content_type: str = "audio/flac"
    statuses: list[int] = field(default_factory=list)
    retry_after: str | None = None
    location: str | None = None
    ranges: bool = True
    etag: str | None = '"one"'
    break_after: int | None = None
    then: list[int] = field(default_factory=list)
    hold_after: int | None = None
    chunked: bool = False
    shift: int = 0


class LinkServer:
    """Serves `links` by path; keeps every request with its headers."""

    def __init__(self) -> None:
        self.links: dict[str, Served] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.most_at_once = 0
        self.holding = threading.Event()  # somebody waits for more of a held link
        self._go = threading.Event()
        self._at_once = 0
        self._lock = threading.Lock()
        server = self

        class Handler(_Handler):
            station = server

        self._server = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, path: str) -> str:
        """Where `path` is served."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def asked(self, path: str) -> int:
        """How often `path` was requested."""
        return Counter(asked for asked, _ in self.requests)[path]

    def ranges(self, path: str) -> list[str | None]:
        """The Range header of each request for `path`."""
        return [headers.get("range") for asked, headers in self.requests if asked == path]

    def let_go(self) -> None:
        """Held links go on."""
        self._go.set()

    def wait_here(self) -> None:
        """Until `let_go`."""
        self.holding.set()
        self._go.wait(60)

    def enter(self, by: int) -> None:
        """A request begins (1) or ends (-1)."""
        with self._lock:
            self._at_once += by
            self.most_at_once = max(self.most_at_once, self._at_once)

    def close(self) -> None:
        """Stop."""
        self._go.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving() -> Iterator[LinkServer]:
    """A server without links yet."""
    server = LinkServer()
    try:
        yield server
    finally:
        server.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Handler(BaseHTTPRequestHandler):
    station: LinkServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def do_HEAD(self) -> None:
        """As GET, without a body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Serve one path."""
        self.close_connection = True
        self.station.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        link = self.station.links.get(self.path)
        self.station.enter(1)
        try:
            with suppress(ConnectionError):
                if link is None:
                    self.send_error(404)
                elif link.statuses:
                    self._status(link, link.statuses.pop(0))
                elif link.location is not None:
                    self._status(link, 302)
                else:
                    self._content(link)
        finally:
            self.station.enter(-1)

    def _status(self, link: Served, status: int) -> None:
        self.send_response(status)
        for name, value in (("Retry-After", link.retry_after), ("Location", link.location)):
            if value is not None:
                self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _content(self, link: Served) -> None:
        start = self._start(link)
        self.send_response(206 if start is not None else 200)
        start = start or 0
        if start:
            place = start + link.shift
            self.send_header("Content-Range", f"bytes {place}-{len(link.content) - 1}/{len(link.content)}")
        self.send_header("Content-Type", link.content_type)
        if link.etag is not None:
            self.send_header("ETag", link.etag)
        self.send_header("Connection", "close")
        if not link.chunked:
            self.send_header("Content-Length", str(len(link.content) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        self._body(link, link.content[start:])

    def _body(self, link: Served, body: bytes) -> None:
        if link.break_after is not None:
            cut, link.break_after, link.statuses = link.break_after, None, link.then
            self.wfile.write(body[:cut])
        elif link.hold_after is not None:
            cut, link.hold_after = link.hold_after, None
            self.wfile.write(body[:cut])
            self.wfile.flush()
            self.station.wait_here()
            self.wfile.write(body[cut:])
        else:
            self.wfile.write(body)

    def _start(self, link: Served) -> int | None:
        """Where the range begins that is asked for and given."""
        asked, known = self.headers.get("Range"), self.headers.get("If-Range")
        if not link.ranges or asked is None or (known is not None and known != link.etag):
            return None
        return int(asked.removeprefix("bytes=").partition("-")[0])
