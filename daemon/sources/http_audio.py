"""Audio over HTTP as a file object for PyAV: a radio that ends with its connection, or a file that survives it."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

from daemon.errors import UrlUnreachable
from daemon.sources.handover import ReaderGoneError
from daemon.sources.http_client import HttpClient, Reply, UrlFaultError
from daemon.sources.icy import IcyDemuxer, metadata_interval

NO_AUDIO_S = 15.0  # bytes for so long without decodable audio are a fault


class HttpAudio:
    """The body of `reply` as a binary file object.

    A *finite* body (its length is known, and it is no radio) is a file: `read` and `seek` open the connection again at
    their place as often as it breaks; `recover(fault)` is called before each try, waits and may raise to give up.
    Otherwise `title` is what the radio calls the present piece. When the bytes end too early, `fault` says why (nothing
    is raised through FFmpeg: it would lose what it holds). Blocking.
    """

    def __init__(self, client: HttpClient, reply: Reply, recover: Callable[[UrlFaultError], None]) -> None:
        self._client, self._address, self._recover = client, reply.address, recover
        self._reply: Reply | None = reply
        self._place = 0  # of the next byte
        self._length = reply.length
        self._tag = reply.headers.get("etag")
        self._ranges = reply.headers.get("accept-ranges", "").lower() == "bytes"
        interval = metadata_interval(reply.headers)
        self._icy = None if interval is None else IcyDemuxer(reply.read, interval)
        self.finite = self._length is not None and not any(name.startswith("icy-") for name in reply.headers)
        self._head = b""  # read before FFmpeg asked for it
        self.fault: Exception | None = None
        self.first_byte_at = self.last_byte_at = self.decoded_at = time.monotonic()

    @property
    def title(self) -> str | None:
        """What is playing, by the radio's own word."""
        return None if self._icy is None else self._icy.title

    def read(self, size: int) -> bytes:
        """Some bytes; b"" at the end."""
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return self._more(size)

    def peek(self, size: int) -> bytes:
        """The first `size` bytes (fewer only when there are no more); they are read again by `read`."""
        while len(self._head) < size and (more := self._more(size - len(self._head))):
            self._head += more
        return self._head

    def be_finite(self) -> None:
        """The container has an end, though HTTP told no length: then the body's end is the file's."""
        self.finite, self.fault = True, None

    def seekable(self) -> bool:
        """Whether the server gives any part of a finite file."""
        return self.finite and self._ranges

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte of a finite file."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._length or 0}[whence]
        if start + offset != self._place:
            self._close_reply()
            self._place = start + offset
        return self._place

    def tell(self) -> int:
        """The place of the next byte."""
        return self._place

    def close(self) -> None:
        """Give the connection back."""
        self._close_reply()

    def _more(self, size: int) -> bytes:
        while self.fault is None:
            try:
                try:
                    return self._read(size)
                except UrlFaultError as fault:
                    self._close_reply()
                    if not self.finite:
                        raise
                    self._recover(fault)
            except (UrlFaultError, UrlUnreachable, ReaderGoneError) as fault:
                self.fault = fault
        return b""

    def _read(self, size: int) -> bytes:
        if self.finite and self._length is not None and self._place >= self._length:
            return b""
        if self._reply is None:
            self._reply = self._reopened()
        data = self._icy.read(size) if self._icy is not None else self._reply.read(size)
        if not data:
            self._ended()
            return b""
        if self._place == 0:
            self.first_byte_at = time.monotonic()
        self._place += len(data)
        self.last_byte_at = time.monotonic()
        if not self.finite and self.last_byte_at - self.decoded_at > NO_AUDIO_S:
            raise UrlFaultError(f"no audio could be decoded for {NO_AUDIO_S:g} s")
        return data

    def _ended(self) -> None:
        """The body is over: raises unless it is a whole file."""
        if not self.finite:
            raise UrlFaultError("the server closed the connection")
        if self._length is not None and self._place < self._length:
            raise UrlFaultError(f"the server closed the connection after {self._place} of {self._length} bytes")

    def _reopened(self) -> Reply:
        """The same file from `_place` on; a server that knows no ranges sends what is known already, to be skipped."""
        reply = self._client.get(self._address, f"{self._place}-" if self._place else None)
        try:
            whole = reply.response.status == 200
            length = reply.length if whole else _range_length(reply.headers.get("content-range", ""))
            if reply.headers.get("etag") != self._tag or (self._length is not None and length != self._length):
                raise UrlUnreachable(f"{self._address.shown}: the file on the server changed while it was read")
            left = self._place if whole else 0
            while left:
                left -= len(reply.read(min(left, 65536))) or left + 1
            if left < 0:
                raise UrlFaultError("the server closed the connection")
        except (UrlFaultError, UrlUnreachable):
            reply.close()
            raise
        return reply

    def _close_reply(self) -> None:
        if self._reply is not None:
            self._reply.close()
            self._reply = None


def _range_length(content_range: str) -> int | None:
    """The whole length in `bytes 5-9/10`."""
    length = content_range.rpartition("/")[2]
    return int(length) if length.isdigit() else None
