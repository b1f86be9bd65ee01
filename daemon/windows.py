"""Audio in any chunking -> hop blocks -> windows. Pure: no clock, no I/O.

`Windower.push(chunk)` and `flush()` return, in order, the windows that became complete, and the losses and holes that
became certain. Every received frame ends in exactly one place: as a fresh frame of a window, or in a `Loss`.
"""

from __future__ import annotations

from collections import deque

from daemon.audio_format import AudioFormat
from daemon.cuts import Cut, HopBlock, Loss, LossReason, Missing, Window
from daemon.errors import BadChunk
from daemon.grid import Grid
from daemon.messages import AudioChunk
from daemon.record_map import RecordMap

MAX_RECORDS_OF_A_GAP = 256  # a longer past is not kept for the sake of a gap's length


class Windower:
    """Cuts one run (stream, epoch, format) into windows.

    `first_window` > 0 resumes a run whose earlier windows were published by another: they are not made again, and
    audio from `grid.needed_from(first_window)` on is enough to make the rest exactly as they would have been.
    """

    def __init__(self, stream: str, epoch: str, audio_format: AudioFormat, grid: Grid, first_window: int = 0) -> None:
        self.stream, self.epoch, self.format, self.grid = stream, epoch, audio_format, grid
        self._first_window = first_window
        self._audio = bytearray()
        self._base = 0  # frame at which _audio begins
        self._next: int | None = None  # frame that should come next: the end of _audio
        self._block = 0  # next block to cut
        self._missing: deque[tuple[int, int]] = deque()  # ranges that never came and reach into _block or later
        self._run: deque[HopBlock] = deque()  # the last consecutive usable blocks, fewer than a window
        self._uncovered = 0  # received frames of _run that no window covers yet
        self._gap_frames = 0  # missing frames since the last window's end
        self._gap_from = 0  # that end, or where the run was joined
        self._follows: int | None = None  # end of a previous owner's last window, when the run is yet to be joined
        self._clock = (0, 0.0)  # a frame and its wall time
        self._records = RecordMap()

    def push(self, chunk: AudioChunk) -> list[Cut]:
        """Take the run's next chunk. BadChunk when its format or position cannot be the run's."""
        if chunk.format is not self.format and chunk.format != self.format:
            raise BadChunk("format_changed", f"stream {self.stream}: the format changed within epoch {self.epoch}")
        if chunk.position < 0:
            raise BadChunk("position", f"stream {self.stream}: position {chunk.position} is negative")
        out: list[Cut] = []
        expected, frames = self._join(chunk.position) if self._next is None else self._next, chunk.frames
        duplicate = min(max(0, expected - chunk.position), frames)
        if duplicate:
            out.append(Loss(LossReason.DUPLICATE, duplicate))
        if duplicate == frames:
            return out
        self._clock = (chunk.position, chunk.captured_at_s)
        if chunk.offset is not None:
            self._records.add(chunk.position, chunk.offset)
        if chunk.position > expected:
            self._skip_to(chunk.position, expected, chunk.title, out)
        self._append(chunk, duplicate, out)
        self._cut(chunk.title, out)
        return out

    def flush(self) -> list[Cut]:
        """The run has ended: what is still whole, then the tail. Silence stands in beyond the end."""
        out: list[Cut] = []
        if self._next is None:
            return out
        end = self._next
        self._append_silence(end + self.grid.right_frames)
        self._cut(None, out)
        tail = self._uncovered + self._partial_frames(end)
        if tail:
            out.append(Loss(LossReason.TAIL, tail))
        self._uncovered, self._next = 0, None
        return out

    @property
    def next_window(self) -> int:
        """The first window that may still be made."""
        return self._run[0].index if self._run else self._block

    @property
    def needed_offset(self) -> int | None:
        """The log record from which a new owner must read to make `next_window` and all after it."""
        return self._records.offset_at(self._needed_from())

    def follow(self, end_frame: int) -> None:
        """A previous owner's last window ended at `end_frame`: what came between is gone, and is the next one's gap."""
        if self._next is None:
            self._follows = end_frame
        elif end_frame < self._gap_from:
            self._gap_frames += self._gap_from - end_frame
            self._gap_from = end_frame

    def disown(self) -> int:
        """A previous owner has published what covers the last block: its frames are not fresh. How many they are."""
        replayed, self._uncovered = self._uncovered, 0
        return replayed

    @property
    def pending_frames(self) -> int:
        """Received frames that are in no window and no loss yet."""
        return 0 if self._next is None else self._uncovered + self._partial_frames(self._next)

    def _join(self, position: int) -> int:
        """Begin at `position`; the first block to be cut is the first that is whole from here on."""
        self._block = max(-(-position // self.grid.hop_frames), self._first_window)
        self._base = self._next = self._gap_from = position
        if self._follows is not None:
            self.follow(self._follows)
        return position

    def _append(self, chunk: AudioChunk, skip_frames: int, out: list[Cut]) -> None:
        frame_bytes, frames = self.format.frame_bytes, chunk.frames
        start, self._next = chunk.position + skip_frames, chunk.position + frames
        self._audio += memoryview(chunk.audio)[skip_frames * frame_bytes : frames * frame_bytes]
        before_first_block = min(self._next, self._block * self.grid.hop_frames) - start
        if before_first_block > 0:
            reason = LossReason.REPLAYED if self._first_window else LossReason.LEAD_IN
            out.append(Loss(reason, before_first_block))

    def _append_silence(self, until: int) -> None:
        assert self._next is not None
        self._audio += self.format.silence(until - self._next)
        self._next = until

    def _skip_to(self, position: int, expected: int, title: str | None, out: list[Cut]) -> None:
        """Note that [expected, position) never came. Blocks that lie wholly inside are passed over, not made."""
        grid, hop = self.grid, self.grid.hop_frames
        self._missing.append((expected, position))
        near = min(position, (expected // hop + 1) * hop + grid.right_frames)
        self._append_silence(near)
        self._cut(title, out)
        far = position // hop * hop - grid.left_frames
        if far > near:
            self._pass_over_blocks(position // hop, out)
            self._audio.clear()
            self._base = self._next = far
        self._append_silence(position)

    def _pass_over_blocks(self, block: int, out: list[Cut]) -> None:
        """Blocks _block .. block - 1 are wholly missing."""
        missing = (block - self._block) * self.grid.hop_frames
        if missing > 0:
            self._break_run(out)
            self._note_missing(missing, False, out)
            self._block = block

    def _cut(self, title: str | None, out: list[Cut]) -> None:
        """Make every block whose range and right margin are there, and the windows they complete."""
        assert self._next is not None
        hop = self.grid.hop_frames
        while (self._block + 1) * hop + self.grid.right_frames <= self._next:
            missing = self._missing_between(self._block * hop, (self._block + 1) * hop)
            usable = missing <= self.grid.max_fill_frames
            self._note_missing(missing, usable, out)
            if usable:
                self._add_block(hop - missing, title, out)
            else:
                self._break_run(out)
                if missing < hop:
                    out.append(Loss(LossReason.GAP, hop - missing))
            self._block += 1
        self._forget_before(self._block * hop)

    def _add_block(self, received: int, title: str | None, out: list[Cut]) -> None:
        grid = self.grid
        self._run.append(HopBlock(self._block, self._block_audio()))
        if self._first_window and self._block < self._first_window + grid.blocks_per_window - 1:
            out.append(Loss(LossReason.REPLAYED, received))
        else:
            self._uncovered += received
        if len(self._run) == grid.blocks_per_window:
            out.append(self._window(title))
            self._run.popleft()

    def _window(self, title: str | None) -> Window:
        index = self._run[0].index
        origin = self._records.origin(self.grid.needed_from(index))
        fresh, self._uncovered = self._uncovered, 0
        gap, self._gap_frames = self._gap_frames, 0
        self._gap_from = (self._block + 1) * self.grid.hop_frames
        known_frame, known_s = self._clock
        end = (self._block + 1) * self.grid.hop_frames
        return Window(
            stream=self.stream,
            epoch=self.epoch,
            index=index,
            grid=self.grid,
            format=self.format,
            blocks=tuple(self._run),
            fresh_frames=fresh,
            gap_frames=gap,
            end_at_s=known_s + (end - known_frame) / self.format.sample_rate_hz,
            title=title,
            origin=origin,
        )

    def _block_audio(self) -> bytes:
        """The next block's frames with both margins; what lies before the first known frame is silence."""
        first = self._block * self.grid.hop_frames - self.grid.left_frames
        stop = (self._block + 1) * self.grid.hop_frames + self.grid.right_frames
        frame_bytes = self.format.frame_bytes
        before = max(0, self._base - first)
        with memoryview(self._audio) as audio:
            known = bytes(audio[(first + before - self._base) * frame_bytes : (stop - self._base) * frame_bytes])
        return self.format.silence(before) + known if before else known

    def _break_run(self, out: list[Cut]) -> None:
        """The next block will not follow on the last one."""
        if self._uncovered:
            out.append(Loss(LossReason.GAP, self._uncovered))
            self._uncovered = 0
        self._run.clear()

    def _note_missing(self, frames: int, filled: bool, out: list[Cut]) -> None:
        if frames:
            self._gap_frames += frames
            out.append(Missing(frames, filled))

    def _missing_between(self, start: int, stop: int) -> int:
        return sum(max(0, min(stop, end) - max(start, begin)) for begin, end in self._missing)

    def _partial_frames(self, end: int) -> int:
        """Received frames of the block that is being gathered, up to frame `end`."""
        start = self._block * self.grid.hop_frames
        return max(0, end - start) - self._missing_between(start, max(start, end))

    def _needed_from(self) -> int:
        """The first frame that the next window needs; a gap before it, too, or nobody could say how long it was."""
        needed = self.grid.needed_from(self.next_window)
        if self._gap_frames and len(self._records) < MAX_RECORDS_OF_A_GAP:
            return min(needed, self._gap_from)
        return needed

    def _forget_before(self, frame: int) -> None:
        while self._missing and self._missing[0][1] <= frame:
            self._missing.popleft()
        assert self._next is not None
        self._records.forget_before(self._needed_from())
        unneeded = min(frame - self.grid.left_frames, self._next) - self._base
        if unneeded > 0:
            del self._audio[: unneeded * self.format.frame_bytes]
            self._base += unneeded
