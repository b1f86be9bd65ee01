"""One connection to a URL: who fetches it (we, or FFmpeg), whether it is live, and the decoder on top. Blocking."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import av
from av.container import InputContainer

from daemon.errors import BadChunk
from daemon.sources.address import FFMPEG_PROTOCOLS, Address
from daemon.sources.decode import Decoder
from daemon.sources.hls import OPTIONS as HLS_OPTIONS
from daemon.sources.hls import HlsFiles
from daemon.sources.http_audio import HttpAudio
from daemon.sources.http_client import MAX_REDIRECTS, HttpClient, Reply, UrlFaultError, followed
from daemon.sources.playlist import first_entry, is_hls, is_playlist

MAX_RADIO_PLAYLIST = 65_536  # bytes
LIVE_CHUNK_S, FINITE_CHUNK_S = 0.2, 2.0
# A radio's bytes come in real time: do not wait for FFmpeg's usual 5-8 s of them before the first sound.
HEAD = 4096
PROBE = {"analyzeduration": "500000", "probesize": "131072"}
NOT_AUDIO = re.compile(r"text/(?!plain)[\w.+-]+|image/[\w.+-]+|application/(json|xml|xhtml\+xml|pdf|javascript)")


class Feed(Protocol):
    """Where a connection's bytes come from, and what is known of them; times are of the monotonic clock."""

    fault: Exception | None  # why the bytes ended too early
    first_byte_at: float
    decoded_at: float  # when audio was last decoded, written by the reader

    @property
    def last_byte_at(self) -> float:
        """When bytes last came."""
        ...

    @property
    def title(self) -> str | None:
        """What is playing, by the radio's own word."""
        ...


@dataclass(slots=True)
class FfmpegFeed:
    """FFmpeg's own protocols (RTSP, ...) do not show their bytes: decoded audio stands for them."""

    fault: Exception | None = None
    title: str | None = None
    first_byte_at: float = field(default_factory=time.monotonic)
    decoded_at: float = field(default_factory=time.monotonic)

    @property
    def last_byte_at(self) -> float:
        """When audio was last decoded."""
        return self.decoded_at


@dataclass(slots=True)
class Connection:
    """An open URL; `live`: it has no end, and does not wait."""

    container: InputContainer
    decoder: Decoder
    feed: Feed
    live: bool

    def close(self) -> None:
        """Free FFmpeg's part, and the HTTP connection."""
        self.container.close()
        if isinstance(self.feed, HttpAudio):
            self.feed.close()

    def why_it_ended(self, stall_timeout_s: float) -> Exception:
        """The reason, after the last piece."""
        if self.feed.fault is not None:
            return self.feed.fault
        if isinstance(self.decoder.stopped_by, av.ExitError):
            return UrlFaultError(f"no data for {stall_timeout_s:g} s", stalled=True)
        if self.decoder.stopped_by is not None:
            return UrlFaultError(f"FFmpeg gave up: {self.decoder.stopped_by.strerror}")
        return UrlFaultError("the server ended the stream")


@dataclass(frozen=True, slots=True)
class Connector:
    """Opens `address`; `recover` is what a finite file calls when its connection breaks (see HttpAudio)."""

    address: Address
    client: HttpClient
    recover: Callable[[UrlFaultError], None]

    def connect(self) -> Connection:
        """A connection whose container is open. Raises UrlFaultError, ReaderGoneError."""
        if not self.address.is_http:
            return self._by_ffmpeg()
        reply = self.client.get(self.address, titles=True)
        for _ in range(MAX_REDIRECTS):
            if not is_playlist(reply.content_type, reply.address.suffix):
                return self._by_http(reply)
            text = _text(reply)
            if is_hls(text):
                return self._by_hls(reply.address)
            entry = first_entry(text)
            if entry is None:
                raise UrlFaultError("its playlist is empty")
            reply = self.client.get(followed(reply.address, entry), titles=True)
        reply.close()
        raise UrlFaultError(f"more than {MAX_REDIRECTS} playlists lead to one another")

    def _by_http(self, reply: Reply) -> Connection:
        if NOT_AUDIO.fullmatch(reply.content_type):
            reply.close()
            raise UrlFaultError(f"the server sent {reply.content_type[:60]}, not audio")
        audio = HttpAudio(self.client, reply, self.recover)
        options = {"protocol_whitelist": "none", **({} if audio.finite else PROBE)}
        try:
            kind = None if audio.finite else _kind_of(audio.peek(HEAD))
            container = _opened(audio, audio, options, kind)
        except BaseException:
            audio.close()
            raise
        if container.duration is not None and "icy-metaint" not in reply.headers:
            audio.be_finite()
        return _decoding(container, audio, live=not audio.finite)

    def _by_hls(self, address: Address) -> Connection:
        files = HlsFiles(self.client, address, self.recover)
        options = {**HLS_OPTIONS, **PROBE}
        container = _opened(address.url_without_user, files, options, "hls", io_open=files.open)
        return _decoding(container, files, live=container.duration is None)

    def _by_ffmpeg(self) -> Connection:
        feed = FfmpegFeed()
        options = {"protocol_whitelist": FFMPEG_PROTOCOLS[self.address.scheme], **PROBE}
        if self.address.scheme == "rtsp":
            options["rtsp_flags"] = "prefer_tcp"
        timeout = (self.client.connect_timeout_s, self.client.stall_timeout_s)
        container = _opened(self.address.url, feed, options, timeout=timeout)
        return _decoding(container, feed, live=container.duration is None)


def _opened(
    file: object,
    feed: Feed,
    options: dict[str, str],
    kind: str | None = None,
    timeout: tuple[float, float] | None = None,
    io_open: Callable[..., object] | None = None,
) -> InputContainer:
    """`av.open`, with one line for what can go wrong. Raises UrlFaultError."""
    try:
        return av.open(
            file, "r", format=kind, options=options, metadata_errors="replace", timeout=timeout, io_open=io_open
        )
    except av.ExitError:
        raise UrlFaultError(f"no answer within {(timeout or (0.0, 0.0))[0]:g} s") from None
    except (av.InvalidDataError, av.EOFError) as error:
        if feed.fault is not None and not isinstance(feed.fault, UrlFaultError):
            raise feed.fault from None
        raise UrlFaultError(f"no audio was found in what it sent ({feed.fault or error.strerror})") from None
    except av.FFmpegError as error:
        raise feed.fault or UrlFaultError(f"FFmpeg cannot open it: {error.strerror}") from None


def _kind_of(head: bytes) -> str | None:
    """FFmpeg's name for the container that begins with `head`, if so little is enough to tell."""
    try:
        with av.open(io.BytesIO(head), "r", options={"protocol_whitelist": "none"}) as container:
            return container.format.name.partition(",")[0]
    except (av.FFmpegError, UnicodeDecodeError):
        return None


def _decoding(container: InputContainer, feed: Feed, live: bool) -> Connection:
    try:
        decoder = Decoder(container, "the stream", LIVE_CHUNK_S if live else FINITE_CHUNK_S)
    except BadChunk as error:
        container.close()
        raise UrlFaultError(str(error)) from None
    return Connection(container, decoder, feed, live)


def _text(reply: Reply) -> str:
    try:
        return reply.read_all(MAX_RADIO_PLAYLIST).decode("utf-8", "replace")
    finally:
        reply.close()
