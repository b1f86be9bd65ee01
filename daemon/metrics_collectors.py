"""Metrics that are read when they are asked for: of stages, the lag, the GPU's memory, the log, streams."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from daemon.logs import log_output
from daemon.stages import Stages

OTHER = "other"
STREAM_FORGOTTEN_S = 600.0  # without a window: its place is another's then


class StageMetrics(Collector):
    """What each stage has taken in and given out."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    def describe(self) -> Iterable[Metric]:
        """The families without samples."""
        return (
            CounterMetricFamily("genred_stage_windows_in", "Windows that came into a stage.", labels=["stage"]),
            CounterMetricFamily("genred_stage_windows_out", "Windows that left a stage.", labels=["stage"]),
            GaugeMetricFamily("genred_stage_windows_in_progress", "Windows in a stage now.", labels=["stage"]),
            GaugeMetricFamily(
                "genred_stage_last_progress_timestamp_seconds",
                "Unix time when a window last left a stage, or came into it while it was empty.",
                labels=["stage"],
            ),
        )

    def collect(self) -> Iterable[Metric]:
        """The families as they are now."""
        families = tuple(self.describe())
        came, left, inside, progress = families
        for stage, count in self._stages.counts.items():
            windows_in, windows_out, last_s = count.read()
            came.add_sample("genred_stage_windows_in_total", {"stage": stage}, windows_in)
            left.add_sample("genred_stage_windows_out_total", {"stage": stage}, windows_out)
            inside.add_sample(inside.name, {"stage": stage}, windows_in - windows_out)
            progress.add_sample(progress.name, {"stage": stage}, last_s)
        return families


class GpuMemoryMetrics(Collector):
    """Memory of the GPU that this process uses; no series where it uses none."""

    def describe(self) -> Iterable[Metric]:
        """The family without samples."""
        return (
            GaugeMetricFamily(
                "genred_gpu_memory_bytes",
                "Memory of the GPU: held by this process's tensors (allocated), kept for them (reserved).",
                labels=["kind"],
            ),
        )

    def collect(self) -> Iterable[Metric]:
        """The family as it is now."""
        (family,) = self.describe()
        # Only what is loaded already is looked at: without a GPU the daemon never loads torch.
        torch: Any = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            devices = range(torch.cuda.device_count())
            allocated = sum(torch.cuda.memory_allocated(device) for device in devices)
            reserved = sum(torch.cuda.memory_reserved(device) for device in devices)
            family.add_sample(family.name, {"kind": "allocated"}, allocated)
            family.add_sample(family.name, {"kind": "reserved"}, reserved)
        return (family,) if family.samples else ()


class LagMetrics(Collector):
    """How far a Kafka source is behind its log; no series while nobody can know. Without such a source: nought."""

    def __init__(self) -> None:
        self._records: Mapping[tuple[str, int], int] = {}
        self._audio_s: float | None = 0.0

    def know(self, records: Mapping[tuple[str, int], int], audio_s: float) -> None:
        """Records behind by topic and partition, and all of them in seconds of audio."""
        self._records, self._audio_s = records, audio_s

    def forget(self) -> None:
        """The brokers do not say: what they said last is no longer true."""
        self._records, self._audio_s = {}, None

    def describe(self) -> Iterable[Metric]:
        """The families without samples."""
        return (
            GaugeMetricFamily(
                "genred_consumer_lag_records",
                "Records behind the committed offset, as Kafka counts it.",
                labels=["topic", "partition"],
            ),
            GaugeMetricFamily(
                "genred_consumer_lag_audio_seconds", "The same in seconds of audio, by the mean record.", labels=[]
            ),
        )

    def collect(self) -> Iterable[Metric]:
        """The families as they are now."""
        records, audio = families = tuple(self.describe())
        for (topic, partition), count in self._records.items():
            records.add_sample(records.name, {"topic": topic, "partition": str(partition)}, count)
        if self._audio_s is not None:
            audio.add_sample(audio.name, {}, self._audio_s)
        return families


class LogMetrics(Collector):
    """What is not in the log."""

    def describe(self) -> Iterable[Metric]:
        """The families without samples."""
        return (
            CounterMetricFamily("genred_log_messages_suppressed", "Messages left out of the log: repeats of others."),
            CounterMetricFamily("genred_log_lines_lost", "Lines of the log that could not be written."),
        )

    def collect(self) -> Iterable[Metric]:
        """The families as they are now."""
        output = log_output()
        counts = (0, 0) if output is None else (output.left_out, output.lost)
        families = tuple(self.describe())
        for family, count in zip(families, counts, strict=True):
            family.add_sample(f"{family.name}_total", {}, count)
        return families


@dataclass(frozen=True, slots=True)
class _LastWindow:
    """A stream's last window: its lag, Unix time of its publication, and the same by a clock that never jumps."""

    lag_s: float
    at_s: float
    heard_s: float


class StreamMetrics(Collector):
    """The streams by name, the first `most` of them; the rest together, as `other`. With 0 nothing is kept.

    Belongs to one thread. A stream without a window for ten minutes is forgotten, whether anybody scrapes or not;
    `clock` never jumps, seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most, self._clock = most, clock
        self._last: dict[str, _LastWindow] = {}  # in the order in which the streams came
        self._looked_s = clock()

    def published(self, stream: str, end_at_s: float, now_s: float) -> None:
        """A window of `stream` whose audio ended at `end_at_s` has been published now (Unix times)."""
        heard_s = self._clock()
        self._last[stream] = _LastWindow(max(0.0, now_s - end_at_s), now_s, heard_s)
        if heard_s - self._looked_s >= STREAM_FORGOTTEN_S:
            self._forget(heard_s)

    def describe(self) -> Iterable[Metric]:
        """The families without samples."""
        return (
            GaugeMetricFamily(
                "genred_stream_lag_seconds",
                "From the end of the stream's last window to its publication; of the others, the largest.",
                labels=["stream"],
            ),
            GaugeMetricFamily(
                "genred_stream_last_window_timestamp_seconds",
                "Unix time when the stream's last window was published; of the others, the newest.",
                labels=["stream"],
            ),
        )

    def collect(self) -> Iterable[Metric]:
        """The families as they are now."""
        self._forget(self._clock())
        found: dict[str, tuple[float, float]] = {}
        for stream, last in self._last.items():
            if len(found) - (OTHER in found) < self.most and stream != OTHER:
                found[stream] = last.lag_s, last.at_s
            else:
                lag_s, at_s = found.get(OTHER, (last.lag_s, last.at_s))
                found[OTHER] = max(lag_s, last.lag_s), max(at_s, last.at_s)
        lags, times = families = tuple(self.describe())
        for stream, (lag_s, at_s) in found.items():
            lags.add_sample(lags.name, {"stream": stream}, lag_s)
            times.add_sample(times.name, {"stream": stream}, at_s)
        return families if found else ()

    def _forget(self, now_s: float) -> None:
        oldest_s, self._looked_s = now_s - STREAM_FORGOTTEN_S, now_s
        self._last = {stream: last for stream, last in self._last.items() if last.heard_s >= oldest_s}
