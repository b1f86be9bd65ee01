"""Every metric of the daemon, on one registry. Names and meanings are a contract: docs/metrics.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from daemon.errors import RecordFault
from daemon.messages import ModelId
from daemon.metrics_collectors import GpuMemoryMetrics, LagMetrics, LogMetrics, StageMetrics, StreamMetrics
from daemon.stages import Stages

# A stage of a GPU's batch takes half a millisecond or so, a whole batch on one core seconds.
STAGE_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)
TAKEOVER_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # engine.max_batch goes so far
DROP_REASONS = (
    "duplicate", "lead_in", "tail", "replayed", "overrun", "format_changed", "position", "grid", "stale_epoch",
    "handed_over", "skipped",
)  # fmt: skip
SMOOTHING = 0.1  # of realtime_factor: some ten batches


class Metrics:
    """The metrics as attributes, named as in the exposition but for the prefix `genred_` and `_total`.

    named_streams: how many streams have series of their own.
    """

    def __init__(self, registry: CollectorRegistry, named_streams: int = 0) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a `_created` series beside each counter helps nobody and doubles the page
        self.registry = registry
        self._factor: float | None = None
        self._audio()
        self._engine()
        self._outcome()
        self._kafka()
        self._identity()
        self._process(named_streams)
        self._begin_at_nought()

    def _audio(self) -> None:
        self.audio_received_seconds = self._counter(
            "audio_received_seconds", "Audio received; = tagged + silent + gap + dropped + in flight."
        )
        self.audio_tagged_seconds = self._counter("audio_tagged_seconds", "Received audio covered by a tagged window.")
        self.audio_silent_seconds = self._counter("audio_silent_seconds", "Received audio found silent.")
        self.audio_gap_seconds = self._counter(
            "audio_gap_seconds", "Received audio left untagged because audio around it was missing."
        )
        self.audio_dropped_seconds = self._counter(
            "audio_dropped_seconds", "Received audio given up, by reason.", ("reason",)
        )
        self.audio_in_flight_seconds = self._gauge("audio_in_flight_seconds", "Received audio not yet accounted for.")
        self.audio_missing_seconds = self._counter(
            "audio_missing_seconds", "Audio that never came, by what was done (filled, untagged).", ("handling",)
        )
        self.unusable_samples = self._counter("unusable_samples", "NaN, infinite or absurd samples, taken for zero.")

    def _engine(self) -> None:
        self.stage_duration_seconds = self._histogram(
            "stage_duration_seconds", "Time a batch spends in a stage.", STAGE_BUCKETS_S, ("stage",)
        )
        self.realtime_factor = self._gauge(
            "realtime_factor", "Seconds of audio that the engine scores in a second of its work."
        )
        self.queue_windows = self._gauge("queue_windows", "Windows waiting.", ("queue",))
        self.queue_capacity_windows = self._gauge("queue_capacity_windows", "Windows that may wait.", ("queue",))
        self.engine_workers = self._gauge("engine_workers", "Threads that score.")
        self.batch_size = self._histogram("batch_size", "Windows in a batch.", BATCH_BUCKETS)
        self.batch_wait_seconds = self._histogram(
            "batch_wait_seconds", "Time from a batch's first window to its closing.", STAGE_BUCKETS_S
        )

    def _outcome(self) -> None:
        self.windows = self._counter("windows", "Windows, by outcome (tagged, silent).", ("outcome",))
        self.genre_windows = self._counter(
            "genre_windows", "Windows, by their best genre; of several models, the first one's.", ("genre",)
        )
        self.end_to_end_latency_seconds = self._histogram(
            "end_to_end_latency_seconds", "From the end of a window to its acknowledged result.", LATENCY_BUCKETS_S
        )
        self.last_window_published_timestamp_seconds = self._gauge(
            "last_window_published_timestamp_seconds", "Unix time of the last published window."
        )
        self.errors = self._counter("errors", "Errors, by stage and type.", ("stage", "error_type"))
        self.live_streams = self._gauge("live_streams", "Streams that are being heard.")
        self.stalled_streams = self._gauge(
            "stalled_streams", "Sources that should be giving audio and are not, and are opened again until they do."
        )
        self.failed_sources = self._gauge("failed_sources", "Sources that have failed: nobody opens them again.")
        self.source_restarts = self._counter(
            "source_restarts", "Times a source was opened again, tries that failed included.", ("kind",)
        )

    def _kafka(self) -> None:
        self.dead_letters = self._counter("dead_letters", "Kafka records put aside, by reason.", ("reason",))
        self.rebalances = self._counter("rebalances", "Times the consumer group was dealt out anew.")
        self.takeovers = self._counter(
            "takeovers", "Partitions taken over, by how much of their past was there (whole, cut, none).", ("past",)
        )
        self.takeover_seconds = self._histogram(
            "takeover_seconds", "From the assignment of a partition to its first own record.", TAKEOVER_BUCKETS_S
        )
        self.consumer_lag = LagMetrics()
        self.registry.register(self.consumer_lag)
        self.replayed_records = self._counter(
            "replayed_records", "Records read again to rebuild what a partition's previous owner knew."
        )
        self.skipped_records = self._counter("skipped_records", "Records left out to catch up (overload = skip).")
        self.owned_partitions = self._gauge("owned_partitions", "Partitions of the input topic that are this worker's.")

    def _identity(self) -> None:
        self.build_info = Info("genred_build", "The running version.", registry=self.registry)
        self.model_info = self._gauge("model_info", "The serving models: 1.", ("name", "version", "sha256"))
        self.model_reloads = self._counter(
            "model_reloads",
            "Times new models were asked to serve, by what came of it (served, refused, unchanged).",
            ("result",),
        )
        self.inference_device_info = Info("genred_inference_device", "Where the network runs.", registry=self.registry)

    def _process(self, named_streams: int) -> None:
        self.stages = Stages()
        self.stage_windows = StageMetrics(self.stages)
        self.streams = StreamMetrics(named_streams)
        self.event_loop_lag_seconds = self._gauge(
            "event_loop_lag_seconds", "How late the event loop was at its last sign of life."
        )
        self.engine_busy_seconds = self._gauge(
            "engine_busy_seconds", "How long the slowest of the engine's workers has been at its batch."
        )
        self.gpu_memory = GpuMemoryMetrics()
        self.logged = LogMetrics()
        for collector in (self.stage_windows, self.streams, self.gpu_memory, self.logged):
            self.registry.register(collector)
        self.process = ProcessCollector(registry=self.registry)
        self.garbage = GCCollector(registry=self.registry)

    def _begin_at_nought(self) -> None:
        """Series whose labels are known are there from the start: else nobody sees the first step of `increase`."""
        known: tuple[tuple[Counter, Iterable[str]], ...] = (
            (self.audio_dropped_seconds, DROP_REASONS),
            (self.audio_missing_seconds, ("filled", "untagged")),
            (self.windows, ("tagged", "silent")),
            (self.dead_letters, RecordFault),
            (self.takeovers, ("whole", "cut", "none")),
            (self.model_reloads, ("served", "refused", "unchanged")),
        )
        for counter, values in known:
            for value in values:
                counter.labels(value)

    def serving(self, models: Sequence[ModelId]) -> None:
        """These models serve from now on."""
        self.model_info.clear()
        for model in models:
            self.model_info.labels(model.name, model.version, model.sha256).set(1)

    def stage_took(self, stage: str, seconds: float) -> None:
        """A batch spent `seconds` in `stage`."""
        self.stage_duration_seconds.labels(stage).observe(seconds)

    def not_written(self, error: BaseException) -> None:
        """Results were not taken; those who publish begin anew, or end."""
        self.errors.labels("publish", type(error).__name__).inc()

    def batch_took(self, audio_s: float, seconds: float) -> None:
        """The engine worked `seconds` on windows that advance their streams by `audio_s`."""
        if seconds <= 0:
            return
        factor = audio_s / seconds
        self._factor = factor if self._factor is None else self._factor + SMOOTHING * (factor - self._factor)
        self.realtime_factor.set(self._factor)

    def _counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(f"genred_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"genred_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()) -> Histogram:
        return Histogram(f"genred_{name}", text, labels, buckets=buckets, registry=self.registry)
