"""A source that listens to a sound device, and keeps listening: stalls, unplugged devices, ended sound servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.errors import SoundDeviceUnavailable
from daemon.messages import AudioChunk, StreamEnd, rfc3339
from daemon.sources.capture import OPEN_S, Capture, hung
from daemon.sources.capture_wire import CaptureError, CaptureRequest, Delivered, Failure, Opened
from daemon.sources.frame_clock import FrameClock
from daemon.sources.live_buffer import LiveBuffer
from daemon.sources.status import SourceState, SourceStatus

FIRST_AUDIO_S = 3.0  # a sound server that was idle takes up to 2 s to begin
HEALTHY_S = 5.0  # audio for this long forgets the failures before it
HOPELESS = frozenset({Failure.NOT_INSTALLED, Failure.ABORTED})  # trying again is no use: someone must mend it


@dataclass(slots=True)
class _Run:
    """One epoch: an unbroken time line of frames of one format, across re-openings of the device."""

    epoch: str
    format: AudioFormat
    clock: FrameClock
    frames_read: int = 0  # of the capture process's own count


class DeviceSource:
    """The `Source` of one sound device; `device` is a name, part of one, an index, or `default`.

    Audio is 16-bit at the device's own rate with at most two channels, unless asked otherwise. `captured_at_s` comes
    from the monotonic clock of the deliveries; audio that was lost is a jump of `position`. The device's trouble is
    in `status`, and it is opened again until it gives audio; with `required`, `chunks()` raises
    SoundDeviceUnavailable when the first attempt to open it fails. `on_drop` gets each chunk that the reader was too
    slow for (more than `buffer_s` seconds waiting). A device is stalled after `stall_s` without audio; the pause
    between attempts to open it doubles from `retry_min_s` to `retry_max_s`.
    """

    def __init__(
        self,
        device: str | int,
        stream: str,
        on_drop: Callable[[AudioChunk], None],
        sample_rate_hz: int | None = None,
        channels: int | None = None,
        buffer_s: float = 10.0,
        stall_s: float = 2.0,
        retry_min_s: float = 0.5,
        retry_max_s: float = 8.0,
        required: bool = False,
    ) -> None:
        self.status = SourceStatus(name=stream, kind="device")
        self.live = True
        self._stream = stream
        self._request = CaptureRequest(device, sample_rate_hz, channels)
        self._on_drop = on_drop
        self._buffer_s = buffer_s
        self._stall_s = stall_s
        self._retry_min_s, self._retry_max_s = retry_min_s, retry_max_s
        self._required = required
        self._at_start = True  # the first attempt to open it is still to be decided
        self._run: _Run | None = None

    async def chunks(self) -> AsyncGenerator[AudioChunk | StreamEnd, None]:
        """Audio, from now until the iterator is closed. Raises SoundDeviceUnavailable (see the class)."""
        buffer = LiveBuffer(self._buffer_s, self._dropped)
        keeper = asyncio.create_task(self._keep_capturing(buffer), name=f"device {self._stream}")
        epoch: str | None = None
        try:
            while (chunk := await buffer.get()) is not None:
                if epoch is not None and chunk.epoch != epoch:
                    yield StreamEnd(self._stream, epoch)
                epoch = chunk.epoch
                yield chunk
        finally:
            keeper.cancel()
            await asyncio.wait({keeper})
            if self.status.state is not SourceState.FAILED:
                self.status.change(SourceState.ENDED, "closed")

    def _dropped(self, chunk: AudioChunk) -> None:
        self.status.dropped_s += chunk.seconds
        self._on_drop(chunk)

    async def _keep_capturing(self, buffer: LiveBuffer) -> None:
        """Open, listen, and after any trouble open again. Ends by cancellation, or by failing the buffer."""
        try:
            delay_s = self._retry_min_s
            while True:
                healthy = await self._capture_once(buffer)
                delay_s = self._retry_min_s if healthy else delay_s
                # Not with the device left open: PortAudio spins on one that does not begin, at a core's full cost.
                await asyncio.sleep(delay_s)
                if self.status.state is SourceState.STALLED:
                    self.status.change(SourceState.RETRYING, f"opening it again: {self.status.last_error}")
                delay_s = min(2 * delay_s, self._retry_max_s)
        except Exception as failure:
            self.status.change(SourceState.FAILED, str(failure))
            buffer.close(failure)

    async def _capture_once(self, buffer: LiveBuffer) -> bool:
        """Listen until trouble, which is noted in the status; whether the device was healthy before it."""
        capture: Capture | None = None
        began_s = time.monotonic()
        try:
            capture = await Capture.start(self._request)
            await self._listen(capture, buffer)
        except CaptureError as failed:
            self._refuse_to_start(failed, failed.failure in HOPELESS)
            self.status.change(SourceState.RETRYING, str(failed))
        except TimeoutError as stalled:
            self._refuse_to_start(stalled)
            self.status.change(SourceState.STALLED, str(stalled))
        finally:
            if capture is not None:
                await capture.kill()
        self._at_start = False
        if self._run is not None:
            self._run.clock.resume()
        return (self.status.last_audio_at_s or 0.0) - began_s >= HEALTHY_S

    async def _listen(self, capture: Capture, buffer: LiveBuffer) -> None:
        """Put what is heard into the buffer. Raises CaptureError, or TimeoutError with a reason for a stall."""
        try:
            opened = await capture.read(OPEN_S)
        except TimeoutError:
            raise TimeoutError(hung(self._request.device)) from None
        assert isinstance(opened, Opened)
        run = self._begin(opened)
        limit_s = max(self._stall_s, FIRST_AUDIO_S)
        while True:
            try:
                delivered = await capture.read(limit_s)
            except TimeoutError:
                raise TimeoutError(
                    f"sound device {self._request.device!r} has delivered nothing for {limit_s:g} s: is it suspended?"
                ) from None
            assert isinstance(delivered, Delivered)
            buffer.put(self._chunk(run, delivered))
            self.status.heard()
            limit_s = self._stall_s

    def _begin(self, opened: Opened) -> _Run:
        """The run that the opened device's audio belongs to: the present one, unless its format changed.

        Raises CaptureError for a rate or a number of channels that genred does not take.
        """
        try:
            layout = AudioFormat(SampleFormat.S16LE, opened.sample_rate_hz, opened.channels)
        except ValueError as error:
            reason = f"sound device {opened.device!r} cannot be used: {error}; ask for another rate or channels"
            raise CaptureError(Failure.NOT_OPENED, reason) from error
        self._at_start = False
        if self._run is None or self._run.format != layout:
            self._run = _Run("", layout, FrameClock(layout.sample_rate_hz))
        self._run.frames_read = 0
        return self._run

    def _chunk(self, run: _Run, delivered: Delivered) -> AudioChunk:
        frames = len(delivered.audio) // run.format.frame_bytes
        position = run.clock.place(delivered.delivered_s, frames, delivered.frames_before - run.frames_read)
        run.frames_read = delivered.frames_before + frames
        captured_at_s = time.time() - time.monotonic() + run.clock.time_of(position)
        run.epoch = run.epoch or rfc3339(captured_at_s)
        return AudioChunk(self._stream, run.epoch, position, run.format, delivered.audio, captured_at_s)

    def _refuse_to_start(self, reason: Exception, hopeless: bool = False) -> None:
        """Raises SoundDeviceUnavailable when this was the first attempt and there shall be, or can be, no other."""
        if self._at_start and (self._required or hopeless):
            raise SoundDeviceUnavailable(str(reason)) from reason
