"""Windows to scores on a GPU: audio up once, scores down once, two batches under way at a time.

`begin` only enqueues. A batch's copy runs beside the computing of the batch before it; `scored` sleeps until the scores
are there. On torch's CPU device the same code computes in `begin`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from daemon.cuts import Window
from daemon.errors import SettingsError
from daemon.gpu.audio_upload import Upload
from daemon.gpu.block_groups import ResampleOn
from daemon.gpu.bound_network import BoundNetwork
from daemon.gpu.device_features import DeviceFeatures
from daemon.gpu.lanes import Lanes, Mark
from daemon.gpu.memory import memory_guard
from daemon.scoring import ScoredWindow, StageTimer


class GpuScorer:
    """Scores batches on a device; `count_unusable` hears of NaN samples and the like.

    networks: at least one, all with the same front end; a window's scores are theirs, one after the other. They were
    made with the same `lanes`. `timed` hears of the stages upload, features, inference and download, in seconds of the
    device, when a batch's scores are asked for.
    """

    depth = 2

    def __init__(
        self,
        networks: Sequence[BoundNetwork],
        lanes: Lanes,
        silence_dbfs: float,
        count_unusable: Callable[[int], None],
        timed: StageTimer,
        resample_on: ResampleOn = ResampleOn.DEVICE,
    ) -> None:
        self.features = DeviceFeatures(networks[0].card.front_end, lanes, count_unusable, resample_on)
        self.serve(networks)
        self._lanes = lanes
        self._silence_power = 10 ** (silence_dbfs / 10)
        self._timed = timed
        self._idle: list[_Buffers] = []

    def serve(self, networks: Sequence[BoundNetwork]) -> None:
        """Score with these networks from the next batch on; blocks keep the features they have.

        SettingsError when a network hears other spectrograms than the first ones did.
        """
        for network in networks:
            if network.card.front_end != self.features.front_end:
                raise SettingsError(
                    f"model {network.card.name} hears other spectrograms than those of this process: serve it in one "
                    "of its own"
                )
        self.networks = tuple(networks)

    @torch.inference_mode()
    def begin(self, windows: Sequence[Window]) -> GpuBatch:
        """Enqueue the batch. AcceleratorOutOfMemory when the device cannot hold it."""
        lanes = self._lanes
        with memory_guard(lanes.device, len(windows)):
            buffers = self._idle.pop() if self._idle else _Buffers(lanes)
            sent = self.features.send(windows, buffers.upload)
            with lanes.computing():
                lanes.compute_after(sent.arrived)
                marks = [sent.started, sent.arrived, lanes.mark_work()]
                self.features.compute(sent)
                spectrograms, mean_squares = self.features.windows(sent.window_rows)
                marks.append(lanes.mark_work())
                scores = [network.scores(spectrograms) for network in self.networks]
                answer = torch.cat([mean_squares, *scores], dim=1)
                marks.append(lanes.mark_work())
                result = buffers.download(answer)
                marks.append(lanes.mark_work())
        return GpuBatch(self, windows, result, mean_squares.shape[1], marks, buffers)

    def finish(self, batch: GpuBatch) -> list[ScoredWindow]:
        """The batch's windows with their scores; waits for the device."""
        with memory_guard(self._lanes.device, len(batch.windows)):
            batch.marks[-1].wait()
        answer = batch.result.numpy().copy()
        self._idle.append(batch.buffers)
        self._tell(batch.marks)
        scored = []
        for window, row in zip(batch.windows, answer, strict=True):
            mean_squares = row[: batch.n_blocks].tolist()
            for block, mean_square in zip(window.blocks, mean_squares, strict=True):
                block.mean_square = mean_square
            silent = math.fsum(mean_squares) / batch.n_blocks < self._silence_power
            scored.append(ScoredWindow(window, None if silent else row[batch.n_blocks :]))
        return scored

    def _tell(self, marks: Sequence[Mark]) -> None:
        sent, arrived, waited, featured, inferred, down = marks
        self._timed("upload", arrived.seconds_since(sent))
        self._timed("features", featured.seconds_since(waited))
        self._timed("inference", inferred.seconds_since(featured))
        self._timed("download", down.seconds_since(inferred))


class GpuBatch:
    """Windows under way on the device."""

    def __init__(
        self,
        scorer: GpuScorer,
        windows: Sequence[Window],
        result: Tensor,
        n_blocks: int,
        marks: Sequence[Mark],
        buffers: _Buffers,
    ) -> None:
        self.windows, self.result, self.n_blocks = windows, result, n_blocks
        self.marks, self.buffers = marks, buffers
        self._scorer = scorer
        self._scored: list[ScoredWindow] | None = None

    def scored(self) -> list[ScoredWindow]:
        """The windows with their scores, in order; waits for them."""
        if self._scored is None:
            self._scored = self._scorer.finish(self)
        return self._scored


class _Buffers:
    """A batch's memory on the host and its twin on the device; another batch's when its scores have been read."""

    def __init__(self, lanes: Lanes) -> None:
        self.upload = Upload(lanes)
        self._lanes = lanes
        self._pinned = torch.empty(0, dtype=torch.float32)

    def download(self, answer: Tensor) -> Tensor:
        """Start copying float32 (windows, columns) down; the result holds it once the lane has come past this."""
        if not self._lanes.on_gpu:
            return answer
        if self._pinned.numel() < answer.numel():
            size = 1 << (answer.numel() - 1).bit_length()
            self._pinned = torch.empty(size, dtype=torch.float32, pin_memory=True)
        return self._pinned[: answer.numel()].view(answer.shape).copy_(answer, non_blocking=True)
