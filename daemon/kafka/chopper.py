"""Audio in chunks of any length -> chunks of one length. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.messages import AudioChunk


class Chopper:
    """One stream's audio in chunks of `chunk_s` seconds, at least a frame.

    The last one before a hole, or before the end, is shorter. Each chunk keeps its position, and the time when its own
    first frame was captured.
    """

    def __init__(self, chunk_s: float) -> None:
        self._chunk_s = chunk_s
        self._held = bytearray()
        self._first: AudioChunk | None = None  # a chunk without its audio: what is held begins like this

    def push(self, chunk: AudioChunk) -> Iterator[AudioChunk]:
        """The chunks that `chunk` completes."""
        if self._first is not None and not self._goes_on(self._first, chunk):
            yield from self.flush()
        if self._first is None:
            self._first = _at(chunk, chunk.position)
        self._held += chunk.audio
        length = max(1, round(self._chunk_s * chunk.format.sample_rate_hz))
        size = length * chunk.format.frame_bytes
        while len(self._held) >= size:
            first = self._first
            yield _with(first, bytes(self._held[:size]))
            del self._held[:size]
            self._first = _at(chunk, first.position + length)  # what is left came with this chunk
        if not self._held:
            self._first = None

    def flush(self) -> Iterator[AudioChunk]:
        """What is held, if anything."""
        first, self._first = self._first, None
        if first is not None and self._held:
            audio = bytes(self._held)
            self._held.clear()
            yield _with(first, audio)

    def _goes_on(self, first: AudioChunk, chunk: AudioChunk) -> bool:
        end = first.position + len(self._held) // first.format.frame_bytes
        return (first.epoch, first.format, end) == (chunk.epoch, chunk.format, chunk.position)


def _at(chunk: AudioChunk, position: int) -> AudioChunk:
    """What a chunk beginning at `position`, inside `chunk`, is like; without audio."""
    at_s = chunk.captured_at_s + (position - chunk.position) / chunk.format.sample_rate_hz
    return AudioChunk(chunk.stream, chunk.epoch, position, chunk.format, b"", at_s, chunk.title)


def _with(first: AudioChunk, audio: bytes) -> AudioChunk:
    return AudioChunk(first.stream, first.epoch, first.position, first.format, audio, first.captured_at_s, first.title)
