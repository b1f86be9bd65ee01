"""Traces of windows, as they come to a collector over HTTP; and nothing of them when nobody asked."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from daemon.errors import SettingsError
from daemon.messages import AudioChunk
from daemon.settings import Settings
from daemon.telemetry import make_tracer
from daemon.telemetry_settings import TracingSettings
from daemon.tracing import CLOSE_S, Tracer, exporting_to
from tests.collector import Collector, collecting, never_answering
from tests.kafka_sending import Sent, send_all
from tests.kafka_workers import topics_on, workers
from tests.metrics_seen import PCM, RATE_HZ, SECOND, headers
from tests.parts import ListSource, make_parts, run_through
from tests.process import Daemon, genred, running, wait_for
from tests.signals import tones, write_wav
from tests.strategies import EPOCH, FORMAT
from tests.test_service import settings_file

TRACE, ABOVE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARTS = {"queue", "features", "inference", "publish"}


def attributes(span: Span) -> dict[str, object]:
    """A span's, as Python has them."""
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in span.attributes}


def check(spans: dict[str, Span]) -> None:
    """A window's spans stand in their order, inside of it and below it."""
    window = spans["window"]
    assert set(spans) >= {"window", *PARTS}
    for name in set(spans) - {"window"}:
        below = spans[name]
        assert below.parent_span_id == window.span_id
        assert window.start_time_unix_nano <= below.start_time_unix_nano <= below.end_time_unix_nano
        assert below.end_time_unix_nano <= window.end_time_unix_nano
    starts = [spans[name].start_time_unix_nano for name in ("queue", "features", "inference", "publish")]
    assert starts == sorted(starts)
    assert attributes(window)["genred.genre"] in {"low", "middle", "high"}


def exemplars(daemon: Daemon) -> set[str]:
    """Trace ids on the buckets of the latency."""
    request = urllib.request.Request(
        f"{daemon.address}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        assert response.headers["Content-Type"].startswith("application/openmetrics-text")
        page = response.read().decode()
    families = list(text_string_to_metric_families(page))  # type: ignore[no-untyped-call]
    samples = [(family.name, sample) for family in families for sample in family.samples]
    found = [(name, sample.exemplar) for name, sample in samples if sample.exemplar is not None]
    assert {name for name, _ in found} <= {"genred_end_to_end_latency_seconds"}
    return {exemplar.labels["trace_id"] for _, exemplar in found}


def test_a_daemon_tells_a_collector(tmp_path: Path, tiny_model: Path) -> None:
    audio = write_wav(tmp_path / "tones.wav", tones(5, 16000), 16000)
    with collecting() as collector:
        settings = settings_file(
            tmp_path, tiny_model, audio, f'tracing = {{ endpoint = "{collector.endpoint}", sample_share = 1.0 }}'
        )
        with running(settings) as daemon:
            wait_for(lambda: daemon.status()["windows"] >= 3, "three windows")
            on_buckets = wait_for(lambda: exemplars(daemon), "an exemplar")
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.wait() == 0, daemon.log
            windows = (tmp_path / "out.jsonl").read_text().count("genred.window.v1")
        traces = collector.traces()  # the rest came at the end
    assert len(traces) == windows
    assert on_buckets <= set(traces)
    assert collector.services == {"genred"}
    for spans in traces.values():
        check(spans)
        assert attributes(spans["window"])["genred.stream"] == "radio"


def test_a_record_brings_its_trace(kafka: str, tmp_path: Path, tiny_model: Path) -> None:
    """The span of a window is below the producer's; where the producer's trace is not sampled, there is none."""
    topics = topics_on(kafka, 1)

    def record(stream: bytes, second: int, traceparent: str) -> Sent:
        trace = ("traceparent", traceparent.encode())
        return Sent(0, stream, SECOND, [*headers(PCM, b"%d" % (second * RATE_HZ)), trace])

    with collecting() as collector, workers(topics, tmp_path, tiny_model, "at-least-once") as pool:
        path = topics.settings(tmp_path, tiny_model, "at-least-once", "traced")
        path.write_text(f'tracing = {{ endpoint = "{collector.endpoint}", sample_share = 1.0 }}\n' + path.read_text())
        worker = pool.start_with(path)
        sent = {b"sampled": f"00-{TRACE}-{ABOVE}-01", b"left-out": f"00-{TRACE[::-1]}-{ABOVE}-00", b"odd": "no such"}
        send_all(kafka, topics.audio, [record(stream, n, above) for stream, above in sent.items() for n in range(5)])
        wait_for(lambda: worker.status()["windows"] == 3, "a window of each stream")
        topics.until_caught_up()
        pool.stop(worker)
        traces = collector.traces()
    by_stream = {str(attributes(spans["window"])["genred.stream"]): spans for spans in traces.values()}
    assert set(by_stream) == {"sampled", "odd"}
    for spans in by_stream.values():
        check(spans)
    window = by_stream["sampled"]["window"]
    assert (window.trace_id.hex(), window.parent_span_id.hex()) == (TRACE, ABOVE)
    assert window.kind == Span.SPAN_KIND_CONSUMER
    assert attributes(window)["messaging.kafka.offset"] == 4
    assert not by_stream["odd"]["window"].parent_span_id


@pytest.mark.parametrize("share", [0.2, 1.0])
def test_a_share_of_the_windows_is_traced(tiny_model: Path, share: float) -> None:
    def traced(collector: Collector) -> tuple[int, int]:
        parts = make_parts(tiny_model)
        tracer = Tracer(exporting_to(collector.endpoint), share)
        parts.metrics.stages.watcher = tracer
        audio = np.tile(tones(1, FORMAT.sample_rate_hz), (400, FORMAT.channels)).tobytes()
        chunk = AudioChunk("a", EPOCH, 0, FORMAT, audio, time.time())
        asyncio.run(run_through(parts, [ListSource("a", [chunk])]))
        tracer.close()
        return len(collector.traces()), len(parts.sink.windows)

    with collecting() as collector:
        count, windows = traced(collector)
    assert windows > 90
    assert abs(count / windows - share) <= (0.2 if share < 1 else 0)


def test_a_collector_that_is_away_costs_nothing_but_traces(tmp_path: Path, tiny_model: Path) -> None:
    audio = write_wav(tmp_path / "tones.wav", tones(5, 16000), 16000)
    settings = settings_file(tmp_path, tiny_model, audio, realtime=False)
    began_s = time.monotonic()
    done = genred(
        *("run", "-c", str(settings)),
        GENRED_HTTP__PORT="0",
        GENRED_TRACING__ENDPOINT="http://127.0.0.1:9/v1/traces",
        GENRED_TRACING__SAMPLE_SHARE="1",
    )
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began_s < 20
    assert "genred.window.v1" in (tmp_path / "out.jsonl").read_text()
    assert len(done.stderr.splitlines()) < 10


def test_a_collector_that_never_answers_holds_no_end_up(tmp_path: Path, tiny_model: Path) -> None:
    """Its limit counts for all that waits, not for each of the library's batches of 512 spans."""
    audio = write_wav(tmp_path / "tones.wav", tones(600, 16000), 16000)
    settings = settings_file(tmp_path, tiny_model, audio, realtime=False)
    with never_answering() as endpoint:
        done = genred(
            *("run", "-c", str(settings)),
            GENRED_HTTP__PORT="0",
            GENRED_TRACING__ENDPOINT=endpoint,
            GENRED_TRACING__SAMPLE_SHARE="1",
        )
    ended_s = time.time() - (tmp_path / "out.jsonl").stat().st_mtime  # since the last result
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.jsonl").read_text().count("genred.window.v1") > 290  # more than three batches of spans
    assert "traces: the collector took longer than 2 s; the last ones are lost" in done.stderr
    assert ended_s < CLOSE_S + 2.0


def test_off_is_the_default_and_loads_nothing() -> None:
    assert make_tracer(Settings().tracing) is None
    code = "import sys, daemon.service; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_the_library_the_settings_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "daemon.tracing", None)
    with pytest.raises(SettingsError, match=r"tracing.endpoint: .* genred\[otel\]"):
        make_tracer(TracingSettings(endpoint="http://localhost:4318/v1/traces"))
