"""A real HTTP server on loopback that broadcasts stepped tones in real time, with faults on command.

What is on air depends on the clock alone: a listener that comes back hears where the broadcast is by then.
"""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av

from tests.audio_files import encode, stepped_tones

RATE = 44_100
AIR_S = 40  # what is on air, again and again
METAINT = 4000
TICK_S = 0.05
SEGMENT_S = 1
LISTED = 4  # pieces in the live playlist


@cache
def on_air(codec: str = "libmp3lame", container: str = "mp3", rate_hz: int = RATE) -> bytes:
    """The broadcast, as a stream that a decoder can enter anywhere."""
    options = {"write_xing": "0", "id3v2_version": "0"} if container == "mp3" else None
    return encode(stepped_tones(AIR_S, rate_hz), codec, container, rate_hz, options=options)


@cache
def segments() -> list[bytes]:
    """The broadcast as HLS pieces (MPEG-TS, AAC) of SEGMENT_S on one clock."""
    pieces: list[bytes] = []
    cut = io.BytesIO()
    with av.open(io.BytesIO(on_air("aac", "mpegts")), "r") as source:
        out = av.open(cut, mode="w", format="mpegts")
        stream = out.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(source.streams.audio[0]):
            if packet.pts is None or packet.time_base is None:
                continue
            if packet.pts * packet.time_base >= SEGMENT_S * (len(pieces) + 1):
                out.close()
                pieces.append(cut.getvalue())
                cut = io.BytesIO()
                out = av.open(cut, mode="w", format="mpegts")
                stream = out.add_stream_from_template(source.streams.audio[0])
            packet.stream = stream
            out.mux(packet)
        out.close()
        pieces.append(cut.getvalue())
    return pieces[:AIR_S]


class Radio:
    """The station: what is broadcast and what goes wrong."""

    def __init__(self) -> None:
        self.content = on_air()
        self.content_type = "audio/mpeg"
        self.title: str | None = None
        self.status = 200
        self.began_s = time.monotonic()
        self.listeners = 0  # connections so far
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.file = b""
        self.break_file_after: int | None = None  # bytes, once
        self.lost_pieces: set[int] = set()  # of HLS: not found
        self._frozen_s: float | None = None
        self._on_air = threading.Event()
        self._on_air.set()
        self._generation = 0
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def now_s(self) -> float:
        """Seconds since the broadcast began."""
        return time.monotonic() - self.began_s if self._frozen_s is None else self._frozen_s

    def url(self, path: str, user: str = "") -> str:
        """Where `path` is served."""
        if path.startswith("/hls/"):
            segments()  # made before somebody waits for them
        return f"http://{user}127.0.0.1:{self._port}{path}"

    def start(self) -> None:
        """Listen, on the same port as before."""
        radio = self

        class Handler(_Handler):
            station = radio

        self._server = _Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def refuse(self) -> None:
        """Stop listening: new connections are refused; the present ones end."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
        self.drop()

    def drop(self) -> None:
        """Close every connection."""
        self._generation += 1
        self._on_air.set()

    def stall(self) -> None:
        """Send nothing more, but keep the connections."""
        self._on_air.clear()

    def freeze(self) -> None:
        """The broadcast's clock stands still."""
        self._frozen_s = self.now_s

    def go_on(self) -> None:
        """End of the stall, for new listeners; the stalled ones are closed."""
        self.drop()

    def bytes_on_air(self) -> Iterator[bytes]:
        """What one listener gets of the present `content`, in real time, until it is dropped."""
        generation, whole = self._generation, self.content
        byte_rate = len(whole) / AIR_S
        sent_to = int(self.now_s * byte_rate)
        while generation == self._generation:
            self._on_air.wait(0.1)
            if not self._on_air.is_set():
                continue
            due = int(self.now_s * byte_rate)
            if due > sent_to and generation == self._generation:
                start = sent_to % len(whole)
                yield (whole[start:] + whole)[: due - sent_to]
                sent_to = due
            threading.Event().wait(TICK_S)


@contextmanager
def broadcasting() -> Iterator[Radio]:
    """A station that is on air."""
    radio = Radio()
    radio.start()
    try:
        yield radio
    finally:
        radio.refuse()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 32


class _Handler(BaseHTTPRequestHandler):
    station: Radio
    protocol_version = "HTTP/1.0"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        """Serve one path."""
        path = self.path.partition("?")[0]
        radio = self.station
        radio.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        routes: dict[str, Callable[[], None]] = {
            "/live": self._live,
            "/private": self._private,
            "/shoutcast": self._shoutcast,
            "/redirect": lambda: self._redirect("/live"),
            "/loop": lambda: self._redirect("/loop"),
            "/to-file": lambda: self._redirect("file:///etc/passwd"),
            "/radio.m3u": lambda: self._text("audio/x-mpegurl", "#EXTM3U\n#EXTINF:-1,Radio\n/live\n"),
            "/radio.pls": lambda: self._text("audio/x-scpls", "[playlist]\nNumberOfEntries=1\nFile1=/live\n"),
            "/circle.m3u": lambda: self._text("audio/x-mpegurl", "circle.m3u\n"),
            "/huge.m3u": lambda: self._text("audio/x-mpegurl", "# much\n" * 200_000),
            "/evil.m3u": lambda: self._text("audio/x-mpegurl", "file:///etc/passwd\n"),
            "/html": lambda: self._text("text/html", "<html>We are off air</html>"),
            "/garbage": lambda: self._text("audio/mpeg", "no audio at all " * 20_000),
            "/file": lambda: self._file(ranges=True),
            "/plain-file": lambda: self._file(ranges=False),
            "/hls/live.m3u8": self._hls_live,
            "/hls/all.m3u8": self._hls_all,
        }
        with suppress(ConnectionError):
            if radio.status != 200:
                self.send_error(radio.status)
            elif path.startswith("/hls/piece"):
                self._piece(int(path.removeprefix("/hls/piece").removesuffix(".ts")))
            else:
                routes.get(path, lambda: self.send_error(404))()

    def _live(self, status_line: bytes | None = None) -> None:
        radio = self.station
        radio.listeners += 1
        titles = self.headers.get("Icy-MetaData") == "1" and radio.title is not None
        if status_line is not None:
            self.wfile.write(status_line)
        else:
            self.send_response(200)
        self.send_header("Content-Type", radio.content_type)
        if titles:
            self.send_header("icy-metaint", str(METAINT))
        self.end_headers()
        parts = radio.bytes_on_air()
        for part in self._with_titles(parts) if titles else parts:
            self.wfile.write(part)

    def _with_titles(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        left, told = METAINT, None
        for part in parts:
            while part:
                now, part = part[:left], part[left:]
                yield now
                left -= len(now)
                if not left:
                    title = self.station.title
                    text = b"" if title == told else f"StreamTitle='{title}';StreamUrl='';".encode()
                    blocks = -(-len(text) // 16)
                    yield bytes([blocks]) + text.ljust(16 * blocks, b"\0")
                    left, told = METAINT, title

    def _private(self) -> None:
        wanted = "Basic " + base64.b64encode(b"dj:s3cret/word").decode()
        if self.headers.get("Authorization") == wanted:
            self._live()
        else:
            self.send_error(401)

    def _shoutcast(self) -> None:
        self._live(b"ICY 200 OK\r\n")

    def _redirect(self, where: str) -> None:
        self.send_response(302)
        self.send_header("Location", where)
        self.end_headers()

    def _text(self, content_type: str, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.end_headers()
        self.wfile.write(text.encode())

    def _file(self, ranges: bool) -> None:
        radio = self.station
        start = 0
        asked = self.headers.get("Range") if ranges else None
        self.send_response(206 if asked else 200)
        if asked:
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            self.send_header("Content-Range", f"bytes {start}-{len(radio.file) - 1}/{len(radio.file)}")
        if ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(radio.file) - start))
        self.send_header("ETag", f'"{hash(radio.file)}"')
        self.end_headers()
        end = None
        if radio.break_file_after is not None:
            end, radio.break_file_after = start + radio.break_file_after, None
        self.wfile.write(radio.file[start:end])

    def _hls_live(self) -> None:
        newest = int(self.station.now_s / SEGMENT_S)  # pieces that are complete
        first = max(0, newest - LISTED)
        self._playlist(first, newest, "")

    def _hls_all(self) -> None:
        self._playlist(0, 8, "#EXT-X-ENDLIST\n")

    def _playlist(self, first: int, newest: int, end: str) -> None:
        head = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:{SEGMENT_S}\n#EXT-X-MEDIA-SEQUENCE:{first}\n"
        pieces = "".join(f"#EXTINF:{SEGMENT_S}.0,\npiece{n}.ts\n" for n in range(first, newest))
        self._text("application/vnd.apple.mpegurl", head + pieces + end)

    def _piece(self, number: int) -> None:
        if number in self.station.lost_pieces:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        piece = segments()[number % AIR_S]
        self.send_header("Content-Length", str(len(piece)))
        self.end_headers()
        self.wfile.write(piece)
