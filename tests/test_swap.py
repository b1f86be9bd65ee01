"""New models while the daemon works: nothing is lost, the change is clean, and bad files change nothing."""

from __future__ import annotations

import asyncio
import gc
import json
import signal
from collections.abc import AsyncGenerator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from daemon.assembly import make_engine, make_rules
from daemon.crew import load_models, make_crew
from daemon.engine import Engine
from daemon.ledger import Ledger
from daemon.messages import AudioChunk, StreamEnd
from daemon.metrics import Metrics
from daemon.model import Model
from daemon.pipeline import Pipeline
from daemon.settings import Settings
from daemon.sources.status import SourceStatus
from daemon.swap import ModelSwap
from models.card import Label
from tests.parts import ListSink
from tests.process import Daemon, running, wait_for
from tests.signals import tones, write_wav
from tests.strategies import EPOCH, FORMAT
from tests.test_service import settings_file
from tests.tiny_model import LABELS, tiny_scores, write_tiny_model

LIMIT_S = 60.0
RATE_HZ = FORMAT.sample_rate_hz


class Endless:
    """A stream that goes on until it is told to stop, at a word's end."""

    def __init__(self, stream: str) -> None:
        self.status, self.live = SourceStatus(stream, "list"), False
        self.stop = asyncio.Event()
        self._stream = stream

    async def chunks(self) -> AsyncGenerator[AudioChunk | StreamEnd, None]:
        """A second at a time, one hop at least."""
        audio = tones(1, RATE_HZ, 1).tobytes()
        second = 0
        while second < 6 or not self.stop.is_set():
            yield AudioChunk(self._stream, EPOCH, second * RATE_HZ, FORMAT, audio, 1000.0 + second)
            second += 1


class World:
    """A pipeline at work, and the swap of its models."""

    def __init__(self, settings: Settings) -> None:
        self.settings = self.on_disk = settings
        self.metrics = Metrics(CollectorRegistry())
        self.ledger = Ledger(self.metrics)
        models = load_models(settings)
        self.engine: Engine = make_engine(make_crew(models, settings, self.metrics), settings, self.metrics)
        self.sink = ListSink()
        rules = make_rules(models[0].card, settings)
        self.pipeline = Pipeline(self.engine, [self.sink], rules, self.ledger, self.metrics)
        self.told: list[list[str]] = []
        self.swap = ModelSwap(self.engine, models, settings, lambda: self.on_disk, self.metrics, self._tell)

    def _tell(self, models: Sequence[Model]) -> None:
        self.told.append([f"{model.id.name} {model.id.version}" for model in models])

    def count(self, result: str) -> float:
        """Reloads that came to that."""
        return self.metrics.registry.get_sample_value("genred_model_reloads_total", {"result": result}) or 0.0

    async def ask(self, result: str) -> None:
        """Ask for a swap, and wait for what comes of it."""
        before = self.count(result)
        self.swap.request()
        await self.until(lambda: self.count(result) > before)

    async def until(self, question: Any) -> None:
        """Wait for something."""
        async with asyncio.timeout(LIMIT_S):
            while not question():  # noqa: ASYNC110 - a state of threads and files, which say nothing
                await asyncio.sleep(0.001)


def tiny(path: Path, version: str, **changes: Any) -> Path:
    """A tiny model of that version, put in place at once."""
    made = write_tiny_model(path.with_suffix(".new"), version=version, **changes)
    return made.replace(path)


def settings_of(path: Path, **more: Any) -> Settings:
    return Settings(model=str(path), engine={"device": "cpu", "threads": 2}, model_watch_s=0, **more)  # type: ignore[arg-type]


def test_twenty_swaps_under_load_lose_no_window(tmp_path: Path) -> None:
    async def run() -> World:
        model = tiny(tmp_path / "model.onnx", "0")
        world = World(settings_of(model))
        sources = [Endless(f"s{number}") for number in range(3)]
        world.engine.start()
        tasks = [asyncio.create_task(world.pipeline.feed(source)) for source in sources]
        delivery = asyncio.create_task(world.pipeline.deliver_all())
        swapping = asyncio.create_task(world.swap.run())
        for version in range(1, 21):
            scored = len(world.sink.windows)
            await world.until(lambda scored=scored: len(world.sink.windows) > scored)
            tiny(model, str(version))
            await world.ask("served")
        for source in sources:
            source.stop.set()
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*tasks)
            world.engine.close()
            await delivery
        swapping.cancel()
        return world

    world = asyncio.run(run())
    assert world.sink.windows[0].model.version == "0"
    assert world.told == [[f"tiny {version}"] for version in range(1, 21)]
    by_stream = {
        stream: [w for w in world.sink.windows if w.stream == stream]
        for stream in {w.stream for w in world.sink.windows}
    }
    assert len(by_stream) == 3
    for windows in by_stream.values():
        assert [window.window for window in windows] == list(range(len(windows)))
        versions = [int(version) for version, _ in groupby(window.model.version for window in windows)]
        assert versions == sorted(set(versions))  # each once, and in order: a clean boundary
    assert world.pipeline.in_flight_s == pytest.approx(0)
    assert world.ledger.unaccounted_s(0.0) == pytest.approx(0, abs=1e-6)


def idle(world: World, steps: Any) -> None:
    """Run `steps(world)` beside the swap, without audio."""

    async def run() -> None:
        swapping = asyncio.create_task(world.swap.run())
        await steps(world)
        swapping.cancel()

    asyncio.run(run())


def test_what_is_wrong_leaves_the_old_one_serving(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = tiny(tmp_path / "model.onnx", "1")
    wrong = np.zeros(len(LABELS), np.float32)

    async def steps(world: World) -> None:
        for spoil, reason in (
            (lambda: model.write_bytes(b"no network"), "not a usable ONNX file"),
            (lambda: tiny(model, "2", golden_output=wrong), "golden check failed"),
            (lambda: model.unlink(), "is not a file"),
        ):
            spoil()
            await world.ask("refused")
            assert reason in caplog.records[-1].message
            assert "tiny 1" in caplog.records[-1].message
        assert world.engine.roster.main.model.version == "1"
        tiny(model, "3")
        await world.ask("served")
        assert world.engine.roster.main.model.version == "3"
        await world.ask("unchanged")

    idle(World(settings_of(model)), steps)


def test_a_defect_in_loading_leaves_the_old_one_serving(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = tiny(tmp_path / "model.onnx", "1")

    async def steps(world: World) -> None:
        def broken() -> Settings:
            raise RuntimeError("a defect")

        world.swap._reread = broken
        await world.ask("refused")
        assert "tiny 1" in caplog.records[-1].message
        world.swap._reread = lambda: world.on_disk
        tiny(model, "2")
        await world.ask("served")  # the next one is heard

    idle(World(settings_of(model)), steps)


def test_a_model_that_hears_differently_takes_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = tiny(tmp_path / "model.onnx", "1")

    async def steps(world: World) -> None:
        golden = np.ones((500, 96), np.float32)
        tiny(model, "2", window_s=8.0, golden_input=golden, golden_output=tiny_scores(golden))
        await world.ask("refused")
        assert "hears differently" in caplog.records[-1].message
        assert "restart" in caplog.records[-1].message

    idle(World(settings_of(model)), steps)


def test_the_settings_on_disk_name_the_models(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    first, second = tiny(tmp_path / "a.onnx", "1"), tiny(tmp_path / "b.onnx", "2", name="other")

    async def steps(world: World) -> None:
        world.on_disk = settings_of(second, drain_timeout_s=3.0)
        await world.ask("served")
        assert any("settings: drain_timeout_s changed; that takes a restart" in r.message for r in caplog.records)
        assert world.engine.roster.main.model.name == "other"
        world.on_disk = settings_of(first).model_copy(update={"models": (str(first), str(second))})
        await world.ask("served")
        assert [voice.model.name for voice in world.engine.roster.voices] == ["tiny", "other"]
        world.on_disk = world.on_disk.model_copy(update={"model_results": "merged"})
        await world.ask("served")
        assert [voice.model.name for voice in world.engine.roster.voices] == ["tiny+other"]

    idle(World(settings_of(first)), steps)


def test_a_changed_file_is_noticed_once_it_is_still(tmp_path: Path) -> None:
    model = tiny(tmp_path / "model.onnx", "1")
    settings = settings_of(model).model_copy(update={"model_watch_s": 0.05})

    async def steps(world: World) -> None:
        good = write_tiny_model(tmp_path / "next.onnx", version="2").read_bytes()
        with model.open("wb") as file:  # as a careless copy would: in place, bit by bit
            for start in range(0, len(good), 20_000):
                file.write(good[start : start + 20_000])
                file.flush()
                await asyncio.sleep(0.02)  # a slow copy is what the test is about
        await world.until(lambda: world.count("served") == 1)
        assert world.engine.roster.main.model.version == "2"
        assert world.count("refused") == 0

    idle(World(settings), steps)


def resident_mb() -> float:
    """Of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def test_two_hundred_swaps_do_not_grow(tmp_path: Path) -> None:
    paths = [
        tiny(tmp_path / "a.onnx", "1"),
        tiny(tmp_path / "b.onnx", "2", labels=tuple(Label(f"{n}", "genre") for n in range(4))),
    ]
    seen_mb = []

    async def steps(world: World) -> None:
        for number in range(200):
            world.on_disk = settings_of(paths[(number + 1) % 2])
            await world.ask("served")
            if number in (60, 199):
                gc.collect()
                seen_mb.append(resident_mb())

    idle(World(settings_of(paths[0])), steps)
    assert seen_mb[1] - seen_mb[0] < 8  # 200 tiny sessions that stayed would be some 40 MB


def test_sighup_swaps_a_running_daemon(tmp_path: Path) -> None:
    model = tiny(tmp_path / "model.onnx", "1")
    audio = write_wav(tmp_path / "tones.wav", tones(5, 16000), 16000)
    path = settings_file(tmp_path, model, audio)

    def windows(daemon: Daemon) -> int:
        count: int = daemon.status()["windows"]
        return count

    def served(daemon: Daemon, version: str) -> bool:
        return bool(daemon.status()["model"]["version"] == version)

    with running(path) as daemon:
        wait_for(lambda: windows(daemon), "the first window")
        tiny(model, "2")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: served(daemon, "2"), "the new model")
        model.write_bytes(b"broken")
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: 'genred_model_reloads_total{result="refused"} 1.0' in daemon.get("/metrics")[1], "a refusal")
        at = windows(daemon)
        wait_for(lambda: windows(daemon) > at + 1, "windows after a refusal")
        assert (
            f'genred_model_info{{name="tiny",sha256="{daemon.status()["model"]["sha256"]}",version="2"}} 1.0'
            in (daemon.get("/metrics")[1])
        )
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.wait() == 0, daemon.log
    said = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    scored = [result for result in said if result["type"] == "genred.window.v1"]
    assert [result["window"] for result in scored] == list(range(len(scored)))
    assert [version for version, _ in groupby(result["model"]["version"] for result in scored)] == ["1", "2"]
