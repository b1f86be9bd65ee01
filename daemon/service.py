"""start -> run -> drain -> stop, on one screen."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial

from prometheus_client import CollectorRegistry

from daemon.assembly import make_engine, make_rules, make_sinks, make_sources, required_streams
from daemon.crew import load_models, make_crew
from daemon.engine import Engine
from daemon.errors import DrainTimedOut, GenredError
from daemon.guard import Guard
from daemon.health import Health
from daemon.ledger import Ledger
from daemon.metrics import Metrics
from daemon.model import Model
from daemon.native_memory import giving_back
from daemon.notify import notifier_of
from daemon.pipeline import Pipeline
from daemon.reporter import Reporter
from daemon.settings import Settings, service_manager
from daemon.sinks.sink import Sink
from daemon.sources.source import Feeder, Source
from daemon.sources.status import SourceState
from daemon.swap import ModelSwap
from daemon.telemetry import tracing
from daemon.version import genred_version

log = logging.getLogger(__name__)
FINITE_SOURCES_AT_ONCE = 4  # enough to keep the engine busy, few enough to finish file after file
ENGINE_END_S = 5.0  # a batch takes far less


async def serve(settings: Settings, reread: Callable[[], Settings]) -> None:
    """The daemon: runs until every source has ended or a signal asks it to stop. Raises a GenredError.

    reread: gives the settings as they are on disk, when SIGHUP asks for it.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # too early: what is on disk is being read
    metrics = Metrics(CollectorRegistry(), settings.metrics.streams)
    ledger = Ledger(metrics)
    models = load_models(settings)
    rules = make_rules(models[0].card, settings)
    sources, sinks = make_sources(settings, ledger.overrun), make_sinks(settings, metrics)
    engine = make_engine(make_crew(models, settings, metrics, measure=True), settings, metrics)
    pipeline = Pipeline(engine, sinks, rules, ledger, metrics)
    guard = Guard(engine, settings.health.stuck_after_s)
    health = Health(pipeline, engine, models, sources, ledger, metrics, guard)
    _say_who(metrics, models)
    metrics.event_loop_lag_seconds.set_function(lambda: guard.loop_lag_s)
    async with giving_back(), _http(settings, health, metrics), _reporting(settings, health) as reloaded:
        swap = ModelSwap(engine, models, settings, reread, metrics, health.serving, reloaded)
        del models  # those that are swapped go
        service = Service(pipeline, engine, sources, sinks, settings.drain_timeout_s, required_streams(settings))
        with tracing(settings.tracing, metrics), guard.watching():
            await service.run(health, swap)
    log.info("stopped; %.1f s of audio heard, %d windows published", ledger.received_s, pipeline.published_windows)


class Service:
    """Runs the parts and takes them down in order. The first failed source's error is raised at the end.

    A failed source leaves the others alone, unless it is one of the `required` ones: then the end comes at once.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        engine: Engine,
        sources: Sequence[Source | Feeder],
        sinks: Sequence[Sink],
        drain_timeout_s: float,
        required: frozenset[str] = frozenset(),
    ) -> None:
        self._pipeline, self._engine = pipeline, engine
        self._sources, self._sinks = sources, sinks
        self._drain_timeout_s, self._required = drain_timeout_s, required
        self._stop = asyncio.Event()
        self._force = asyncio.Event()
        self.failures: list[GenredError] = []

    async def run(self, health: Health | None = None, swap: ModelSwap | None = None) -> None:
        """Start, run until the sources end or a signal comes, drain, stop. `swap`: new models meanwhile."""
        with self._signals(swap):
            self._engine.start()
            delivery = asyncio.create_task(self._pipeline.deliver_all(), name="deliver")
            feeding = asyncio.create_task(self._feed_all(), name="feed")
            stop = asyncio.create_task(self._stop.wait(), name="stop")
            swapping = asyncio.create_task(swap.run(), name="swap") if swap is not None else None
            await asyncio.wait({delivery, feeding, stop}, return_when=asyncio.FIRST_COMPLETED)
            if health is not None:
                health.drain()
            if swapping is not None:
                swapping.cancel()
            try:
                await self._drain(feeding, delivery)
            finally:
                stop.cancel()
                self._engine.close()
                await asyncio.to_thread(self._engine.join, ENGINE_END_S)
        if self.failures:
            raise self.failures[0]

    async def _drain(self, feeding: asyncio.Task[None], delivery: asyncio.Task[None]) -> None:
        """Stop fetching, finish windows, flush the sinks: within one deadline, or until a second signal."""
        work = asyncio.create_task(self._finish(feeding, delivery), name="drain")
        force = asyncio.create_task(self._force.wait(), name="force")
        await asyncio.wait({work, force}, timeout=self._drain_timeout_s, return_when=asyncio.FIRST_COMPLETED)
        force.cancel()
        if not work.done():
            for task in (work, feeding, delivery):
                task.cancel()
            await asyncio.wait({work, feeding, delivery}, timeout=1.0)
            why = "a second signal" if self._force.is_set() else f"drain_timeout_s = {self._drain_timeout_s:g}"
            raise DrainTimedOut(
                f"the drain was cut short by {why}; {self._pipeline.in_flight_s:.1f} s of audio were not tagged"
            )
        work.result()

    async def _finish(self, feeding: asyncio.Task[None], delivery: asyncio.Task[None]) -> None:
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding
        if not delivery.done():  # else the engine or a sink has failed, and there is nowhere to go
            ending = asyncio.create_task(self._pipeline.end_streams(), name="end-streams")
            await asyncio.wait({ending, delivery}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                self._engine.close()
            else:
                ending.cancel()
        await delivery
        for sink in self._sinks:
            await sink.close()

    async def _feed_all(self) -> None:
        room = asyncio.Semaphore(FINITE_SOURCES_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                group.create_task(self._feed(source, room), name=f"feed {source.status.name}")

    async def _feed(self, source: Source | Feeder, room: asyncio.Semaphore) -> None:
        async with contextlib.nullcontext() if source.live else room:
            try:
                if isinstance(source, Feeder):
                    await source.feed_into(self._pipeline)
                else:
                    await self._pipeline.feed(source)
            except GenredError as error:
                source.status.change(SourceState.FAILED, str(error))
                self.failures.append(error)
                self._pipeline.metrics.errors.labels("source", type(error).__name__).inc()
                if source.status.name in self._required:
                    self._stop.set()

    @contextlib.contextmanager
    def _signals(self, swap: ModelSwap | None) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        handlers: dict[signal.Signals, Callable[[], None]] = {
            number: partial(self._on_signal, number) for number in (signal.SIGTERM, signal.SIGINT)
        }
        if swap is not None:
            handlers[signal.SIGHUP] = swap.request
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            for number in handlers:
                loop.remove_signal_handler(number)

    def _on_signal(self, number: int) -> None:
        if self._stop.is_set():
            log.warning("%s again: stopping at once", signal.Signals(number).name)
            self._force.set()
        else:
            log.info("%s: draining", signal.Signals(number).name)
            self._stop.set()


@contextlib.asynccontextmanager
async def _http(settings: Settings, health: Health, metrics: Metrics) -> AsyncIterator[None]:
    """The HTTP face, up before the first audio and down after all else."""
    if not settings.http.enabled:
        yield
        return
    from daemon.http_server import HttpServer  # `genred tag` starts a third faster without an HTTP library

    server = HttpServer(health, metrics)
    await server.start(settings.http.host, settings.http.port)
    log.info("genred %s: metrics at %s/metrics, state at %s/status", genred_version(), server.address, server.address)
    try:
        yield
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def _reporting(settings: Settings, health: Health) -> AsyncIterator[Callable[[str | None], None]]:
    """Whoever started this process hears how it is, if they listen. Gives what is to hear of reloads."""
    notifier = notifier_of(service_manager())
    reporter = None if notifier is None else Reporter(notifier, health, settings.drain_timeout_s)

    def reloaded(outcome: str | None) -> None:
        health.last_reload = outcome or health.last_reload
        if reporter is not None:
            reporter.reload(outcome)

    if notifier is None or reporter is None:
        yield reloaded
        return
    health.on_drain = reporter.stopping
    reporting = asyncio.create_task(reporter.run(), name="report")
    try:
        yield reloaded
    finally:
        reporting.cancel()
        notifier.close()


def _say_who(metrics: Metrics, models: Sequence[Model]) -> None:
    metrics.build_info.info({"version": genred_version()})
    metrics.serving([model.id for model in models])
    metrics.inference_device_info.info({"provider": models[0].provider})
