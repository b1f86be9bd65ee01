"""Windows to scores on a GPU: audio up once, scores down once, two batches under way at a time.

`begin` only enqueues. A batch's copy runs beside the computing of the batch before it; `scores` sleeps until they are
there. On torch's CPU device the same code computes in `begin`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor

import torch
from torch import Tensor

from daemon.cuts import Window
from daemon.errors import SettingsError
from daemon.gpu.audio_upload import Upload
from daemon.gpu.block_groups import ResampleOn
from daemon.gpu.bound_network import BoundNetwork
from daemon.gpu.device_features import DeviceFeatures
from daemon.gpu.ensemble import Ensemble
from daemon.gpu.lanes import Lanes, Mark
from daemon.gpu.memory import memory_guard
from daemon.inference import Scores
from daemon.scoring import StageTimer
from daemon.stages import Stage, Stages
from daemon.vocabulary import Merge

_COPY_THREADS = 4


class GpuScorer:
    """Scores batches on a device; `count_unusable` hears of NaN samples and the like.

    networks: at least one, all with the same front end; a window's scores are theirs, one after the other. They were
    made with the same `lanes`. merge: what becomes of these scores; None leaves them as they are. `timed` hears of the
    stages upload, features, inference and download, in seconds of the device, when a batch's scores are asked for.
    """

    depth = 2

    def __init__(
        self,
        networks: Sequence[BoundNetwork],
        lanes: Lanes,
        silence_dbfs: float,
        count_unusable: Callable[[int], None],
        timed: StageTimer,
        merge: Merge | None = None,
        resample_on: ResampleOn = ResampleOn.DEVICE,
        stages: Stages | None = None,
    ) -> None:
        self._stages = stages or Stages()
        self._lanes = lanes
        self.features = DeviceFeatures(networks[0].card.front_end, lanes, count_unusable, resample_on)
        self.serve(networks, merge)
        self._silence_power = 10 ** (silence_dbfs / 10)
        self._timed = timed
        self._idle: list[_Buffers] = []
        self._copiers = ThreadPoolExecutor(_COPY_THREADS, "genred-upload")

    def serve(self, networks: Sequence[BoundNetwork], merge: Merge | None = None) -> None:
        """Score with these networks from the next batch on; blocks keep the features they have.

        SettingsError when a network hears with another front end than the first ones did.
        """
        for network in networks:
            if network.card.front_end != self.features.front_end:
                raise SettingsError(
                    f"model {network.card.name} hears with another front end than those of this process: serve it in "
                    "one of its own"
                )
        self._ensemble = Ensemble(networks, merge, self._lanes.device)

    @torch.inference_mode()
    def begin(self, windows: Sequence[Window]) -> GpuBatch:
        """Enqueue the batch. AcceleratorOutOfMemory when the device cannot hold it."""
        lanes, ensemble = self._lanes, self._ensemble
        self._stages.began(Stage.FEATURES, windows)
        order, n_whole = ensemble.whole_first(windows)
        ordered = [windows[place] for place in order]
        with memory_guard(lanes.device, len(windows)):
            buffers = self._idle.pop() if self._idle else _Buffers(lanes, self._copiers)
            sent = self.features.send(ordered, buffers.upload)
            with lanes.computing():
                lanes.compute_after(sent.arrived)
                marks = [sent.started, sent.arrived, lanes.mark_work()]
                self.features.compute(sent)
                inputs, mean_squares = self.features.windows(sent.window_rows)
                marks.append(lanes.mark_work())
                scores = ensemble.scores(inputs, sent.window_rows, n_whole, self.features.rows)
                answer = torch.cat([mean_squares, scores], dim=1)
                marks.append(lanes.mark_work())
                result = buffers.download(answer)
                marks.append(lanes.mark_work())
        ensemble.note_carries(windows)
        self._stages.ended(Stage.FEATURES, windows)  # enqueued; from here on the device has them
        self._stages.began(Stage.INFERENCE, windows)
        return GpuBatch(self, windows, order, result, mean_squares.shape[1], marks, buffers, ensemble.merge)

    def finish(self, batch: GpuBatch) -> list[Scores | None]:
        """What `GpuBatch.scores` gives; the batch's buffers are another's from then on."""
        with memory_guard(self._lanes.device, len(batch.windows)):
            batch.marks[-1].wait()
        answer = batch.result.numpy().copy()
        self._idle.append(batch.buffers)
        self._tell(batch.marks)
        self._stages.ended(Stage.INFERENCE, batch.windows)
        powers = answer[:, : batch.n_blocks].tolist()
        scores = answer[:, batch.n_blocks :] if batch.merge is None else batch.merge(answer[:, batch.n_blocks :])
        found: list[Scores | None] = [None] * len(batch.windows)
        for place, mean_squares, own in zip(batch.order, powers, scores, strict=True):
            for block, mean_square in zip(batch.windows[place].blocks, mean_squares, strict=True):
                block.mean_square = mean_square
            if math.fsum(mean_squares) / batch.n_blocks >= self._silence_power:
                found[place] = own
        return found

    def _tell(self, marks: Sequence[Mark]) -> None:
        sent, arrived, waited, featured, inferred, down = marks
        self._timed("upload", arrived.seconds_since(sent))
        self._timed("features", featured.seconds_since(waited))
        self._timed("inference", inferred.seconds_since(featured))
        self._timed("download", down.seconds_since(inferred))


class GpuBatch:
    """Windows under way on the device. order: their places, in the order in which `result` has them."""

    def __init__(
        self,
        scorer: GpuScorer,
        windows: Sequence[Window],
        order: Sequence[int],
        result: Tensor,
        n_blocks: int,
        marks: Sequence[Mark],
        buffers: _Buffers,
        merge: Merge | None,
    ) -> None:
        self.windows, self.order, self.result, self.n_blocks = windows, order, result, n_blocks
        self.marks, self.buffers, self.merge = marks, buffers, merge
        self._scorer = scorer
        self._found: list[Scores | None] | None = None

    def scores(self) -> list[Scores | None]:
        """Each window's scores, in order, None for a silent one; waits for them."""
        if self._found is None:
            self._found = self._scorer.finish(self)
        return self._found


class _Buffers:
    """A batch's memory on the host and its twin on the device; another batch's when its scores have been read."""

    def __init__(self, lanes: Lanes, copiers: Executor) -> None:
        self.upload = Upload(lanes, copiers)
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
