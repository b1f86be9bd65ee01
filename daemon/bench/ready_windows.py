"""Windows that were cut beforehand: the engine's own speed is measured without anything before it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import count

from daemon.audio_format import AudioFormat
from daemon.bench.music import music_pcm
from daemon.cuts import HopBlock, Window
from daemon.grid import Grid


class Arrival(StrEnum):
    """How windows follow one another."""

    LIVE = "live"  # many streams in turn: each window has the carry of the one before
    BEHIND = "behind"  # one stream with much to catch up on: windows in chains
    FIRST = "first"  # every window the first of its stream: nothing carried


class ReadyWindows:
    """Makes windows of any number of streams. They share their audio; blocks are a stream's own, as in operation."""

    def __init__(self, grid: Grid, audio_format: AudioFormat) -> None:
        self._grid, self._format = grid, audio_format
        self._audio = _blocks_of_audio(grid, audio_format)

    def arriving(self, arrival: Arrival, streams: int) -> Iterator[Window]:
        """Windows without end; `streams` of them side by side when LIVE."""
        match arrival:
            case Arrival.LIVE:
                return self._side_by_side(streams)
            case Arrival.BEHIND:
                return self._side_by_side(1)
            case Arrival.FIRST:
                return (next(self._of_stream(stream)) for stream in count())

    def _side_by_side(self, streams: int) -> Iterator[Window]:
        each = [self._of_stream(stream) for stream in range(streams)]
        while True:
            for windows in each:
                yield next(windows)

    def _of_stream(self, stream: int) -> Iterator[Window]:
        grid, name = self._grid, f"stream-{stream}"
        blocks = tuple(self._block(stream, index) for index in range(grid.blocks_per_window))
        for index in count():
            yield Window(name, "bench", index, grid, self._format, blocks, grid.hop_frames, 0, 0.0)
            blocks = (*blocks[1:], self._block(stream, index + grid.blocks_per_window))

    def _block(self, stream: int, index: int) -> HopBlock:
        return HopBlock(index, self._audio[(7 * stream + index) % len(self._audio)])


def _blocks_of_audio(grid: Grid, audio_format: AudioFormat) -> list[bytes]:
    """Hops of music with their margins, as the windower cuts them; the music goes round."""
    music, frame_bytes = music_pcm(audio_format), audio_format.frame_bytes
    hops = len(music) // (grid.hop_frames * frame_bytes)
    assert hops, "the hop is longer than the music"
    round_and_round = music * 3
    starts = (len(music) // frame_bytes + hop * grid.hop_frames for hop in range(hops))
    return [
        round_and_round[(start - grid.left_frames) * frame_bytes :][
            : (grid.left_frames + grid.hop_frames + grid.right_frames) * frame_bytes
        ]
        for start in starts
    ]
