"""The device's two lanes: copies beside computing. On the CPU, where tests run too, everything happens when asked."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from time import perf_counter

import torch


class Mark:
    """A point in a lane's work that can be waited for and measured from."""

    def __init__(self, stream: torch.cuda.Stream | None) -> None:
        self._at_s = perf_counter()
        self.event: torch.cuda.Event | None = None
        if stream is not None:
            # blocking: who waits sleeps; a spinning wait would burn a core between batches
            self.event = torch.cuda.Event(enable_timing=True, blocking=True)  # type: ignore[no-untyped-call]
            self.event.record(stream)

    def wait(self) -> None:
        """Until the device has come here."""
        if self.event is not None:
            self.event.synchronize()

    def seconds_since(self, earlier: Mark) -> float:
        """Device seconds between two marks that both have been reached."""
        if self.event is None or earlier.event is None:
            return self._at_s - earlier._at_s
        return float(earlier.event.elapsed_time(self.event)) / 1000


class Lanes:
    """A device and the order of work on it: one stream for copies to it, one for computing and the way back.

    device: as `daemon.gpu.device.open_device` gives it. Used from one thread at a time.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        on_gpu = device.type == "cuda"
        self._copies = _stream(device) if on_gpu else None
        self._work = _stream(device) if on_gpu else None

    @property
    def on_gpu(self) -> bool:
        """Whether there is a GPU."""
        return self._work is not None

    @property
    def work_handle(self) -> int | None:
        """The computing stream's CUDA handle, for ONNX Runtime; None on the CPU."""
        return None if self._work is None else self._work.cuda_stream

    def copying(self) -> AbstractContextManager[object]:
        """What torch does inside goes to the copying lane."""
        return nullcontext() if self._copies is None else torch.cuda.stream(self._copies)

    def computing(self) -> AbstractContextManager[object]:
        """What torch does inside goes to the computing lane."""
        return nullcontext() if self._work is None else torch.cuda.stream(self._work)

    def mark_copies(self) -> Mark:
        """Here, in the copying lane."""
        return Mark(self._copies)

    def mark_work(self) -> Mark:
        """Here, in the computing lane."""
        return Mark(self._work)

    def compute_after(self, mark: Mark) -> None:
        """Later computing waits for `mark`, on the device; the host does not."""
        if self._work is not None and mark.event is not None:
            self._work.wait_event(mark.event)


def _stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
