"""The GPU's team in the whole pipeline, on torch's CPU device: the results of the CPU's, and models changed in turn."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from daemon.assembly import make_engine, make_rules
from daemon.audio_format import AudioFormat, SampleFormat
from daemon.engine import Crew
from daemon.gpu.team import GpuTeam, gpu_team
from daemon.ledger import Ledger
from daemon.messages import WindowTags
from daemon.metrics import Metrics
from daemon.pipeline import Pipeline
from daemon.settings import EngineSettings, Settings
from daemon.team import Task
from daemon.vocabulary import each_for_itself
from tests.parts import ListSink, ListSource, make_parts, run_through
from tests.signals import tones
from tests.strategies import chunk_of
from tests.tiny_model import write_tiny_model

FORMAT = AudioFormat(SampleFormat.S16LE, 44100, 2)
AUDIO = tones(25, 44100, 2).tobytes()
LIMIT_S = 60.0


def crew_of(team: GpuTeam, path: Path, metrics: Metrics) -> Crew:
    """The team with one model."""
    models = [team.load(path)]
    count = metrics.unusable_samples.inc
    scorers, limits = team.scorers(Task(models, None, -60.0, count, metrics.stage_took, False, metrics.stages))
    return Crew(each_for_itself(models, False), scorers, limits)


def source(name: str) -> ListSource:
    """25 s of stereo at another rate than the model's."""
    chunks = [chunk_of(AUDIO, second * 44100, (second + 1) * 44100, fmt=FORMAT) for second in range(25)]
    return ListSource(name, chunks)


def windows_on_the_team(first: Path, second: Path) -> list[WindowTags]:
    """A stream scored by `first`, then by `second`."""

    async def go() -> list[WindowTags]:
        metrics, team = Metrics(CollectorRegistry()), GpuTeam(EngineSettings(device="cpu", max_batch=2))
        settings = Settings(model=str(first), engine={"device": "cpu", "queue_windows": 2})  # type: ignore[arg-type]
        crew = crew_of(team, first, metrics)
        engine = make_engine(crew, settings, metrics)
        sink, ledger = ListSink(), Ledger(metrics)
        card = team.load(first).card
        pipeline = Pipeline(engine, [sink], make_rules(card, settings), ledger, metrics)
        engine.start()

        async def deliver() -> None:
            async for batch in engine.results():
                await pipeline.deliver(batch)
                if len(sink.windows) < 4:
                    engine.serve(crew_of(team, second, metrics))

        delivery = asyncio.create_task(deliver())
        async with asyncio.timeout(LIMIT_S):
            await pipeline.feed(source("s"))
            engine.close()
            await delivery
        return sink.windows

    return asyncio.run(go())


def test_the_team_says_what_the_cpu_says_and_changes_models(tmp_path: Path, tiny_model: Path) -> None:
    other = write_tiny_model(tmp_path / "two.onnx", version="2")
    found = windows_on_the_team(tiny_model, other)
    parts = make_parts(tiny_model)
    wanted = asyncio.run(run_through(parts, [source("s")])).windows
    assert [window.window for window in found] == [window.window for window in wanted]
    for ours, theirs in zip(found, wanted, strict=True):
        assert ours.scores == pytest.approx(theirs.scores, abs=1e-3)
    versions = [window.model.version for window in found]
    assert versions == sorted(versions)
    assert {"1", "2"} == set(versions)


def test_one_team_a_process() -> None:
    settings = EngineSettings(device="cpu")
    assert gpu_team(settings) is gpu_team(EngineSettings(device="cpu"))


def test_a_carry_is_used_on_the_team(tmp_path: Path) -> None:
    """The shipped model through both, hop by hop."""
    from models.catalogue import resolve_model

    path = resolve_model("musicnn-msd")
    found = windows_on_the_team(path, path)
    wanted = asyncio.run(run_through(make_parts(path), [source("s")])).windows
    deviations = [
        np.abs(np.subtract(list(a.scores.values()), list(b.scores.values()))).max()
        for a, b in zip(found, wanted, strict=True)
    ]
    assert max(deviations) < 1e-3
