"""HTTP Live Streaming: FFmpeg reads the playlists' logic, this fetches what it asks for, by our own rules for HTTP."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping

from daemon.errors import InputUnusable, UrlUnreachable
from daemon.sources.address import Address, parse_address
from daemon.sources.handover import ReaderGoneError
from daemon.sources.http_client import HttpClient, UrlFaultError
from daemon.sources.playlist import MAX_PLAYLIST, is_complete, is_hls, is_playlist, target_duration_s

MAX_SEGMENT = 64 * 2**20  # bytes
# FFmpeg must not look for sockets behind our file objects, nor open anything but through them.
OPTIONS = {"http_persistent": "0", "http_multiple": "0", "protocol_whitelist": "http,https", "max_reload": "3"}
STALL_PIECES = 3  # a live playlist without a new piece for as long as three of them has stalled


class HlsFiles:
    """What PyAV's `io_open` asks for; also the connection's facts (see `Feed`). Blocking.

    A live stream's lost piece is a hole (an empty file); a recording's is fetched until it comes: `recover(fault)` is
    called before each new try, waits and may raise to give up. A playlist that cannot be had ends the connection.
    """

    def __init__(self, client: HttpClient, address: Address, recover: Callable[[UrlFaultError], None]) -> None:
        self._client, self._address, self._recover = client, address, recover
        self._stall_s = client.stall_timeout_s
        self._recording = False
        self.title: str | None = None
        self.fault: Exception | None = None
        self.first_byte_at = self.last_byte_at = self.decoded_at = time.monotonic()
        self._pieces = 0

    def open(self, url: str, flags: int, options: Mapping[str, str]) -> io.BytesIO:
        """The file behind `url`, whole; an empty one, and `fault`, when it cannot be had."""
        del flags  # FFmpeg only reads
        if self.fault is not None:
            return io.BytesIO()
        try:
            return self._whole(self._checked(url), _byte_range(options))
        except (UrlFaultError, UrlUnreachable, ReaderGoneError) as fault:
            self.fault = fault
            return io.BytesIO()

    def _whole(self, address: Address, byte_range: str | None) -> io.BytesIO:
        while True:
            try:
                return self._fetched(address, byte_range)
            except UrlFaultError as fault:
                if is_playlist("", address.suffix):
                    raise
                if not self._recording:
                    return io.BytesIO()
                self._recover(fault)

    def _checked(self, url: str) -> Address:
        try:
            address = parse_address(url)
        except InputUnusable:
            raise UrlFaultError(f"{self._address.shown} leads to an address that is not followed") from None
        # FFmpeg joins addresses by itself: the user and password go along to the same host only.
        return self._address.joined(address.url) if address.is_http else _refuse(address)

    def _fetched(self, address: Address, byte_range: str | None) -> io.BytesIO:
        reply = self._client.get(address, byte_range)
        try:
            if is_playlist(reply.content_type, address.suffix):
                body = reply.read_all(MAX_PLAYLIST)
                self._note_playlist(body.decode("utf-8", "replace"))
            else:
                body = reply.read_all(MAX_SEGMENT)
                self._note_piece()
        finally:
            reply.close()
        return io.BytesIO(body)

    def _note_playlist(self, text: str) -> None:
        self._recording = self._recording or is_complete(text)
        target_s = target_duration_s(text)
        if not is_hls(text) or target_s is None or self._recording:
            return
        stall_s = self._stall_s + STALL_PIECES * target_s
        if time.monotonic() - self.last_byte_at > stall_s:
            raise UrlFaultError(f"no new piece in its playlist for {stall_s:g} s", stalled=True)

    def _note_piece(self) -> None:
        self.last_byte_at = time.monotonic()
        if not self._pieces:
            self.first_byte_at = self.last_byte_at
        self._pieces += 1


def _refuse(address: Address) -> Address:
    raise UrlFaultError(f"a {address.scheme}: address in a playlist is not followed")


def _byte_range(options: Mapping[str, str]) -> str | None:
    """FFmpeg's `offset` and `end_offset` (exclusive) as an HTTP range."""
    start, end = options.get("offset", "0"), options.get("end_offset", "0")
    if end == "0":
        return None if start == "0" else f"{start}-"
    return f"{start}-{int(end) - 1}"
