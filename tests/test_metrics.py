"""Every metric that is declared moves in real runs; its page is one that Prometheus takes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics

from daemon.metrics import Metrics
from daemon.metrics_collectors import STREAM_FORGOTTEN_S, StreamMetrics
from daemon.metrics_page import metrics_page
from tests.metrics_seen import Seen, seen_everything

DECLARED = list(tomllib.loads((Path(__file__).parent.parent / "docs" / "metrics.toml").read_text())["metrics"])
# What is the same from the start of a process to its end, or 1 while it is there: to be there is all that it does.
FIXED = {
    "build", "inference_device", "model_info", "engine_workers", "queue_capacity_windows", "process_max_fds",
    "process_start_time_seconds",
}  # fmt: skip
# A GPU's and the lost lines have tests of their own; nothing but a defect moves garbage that cannot be collected.
ELSEWHERE = {"gpu_memory_bytes", "log_lines_lost", "python_gc_objects_uncollectable"}
PROMETHEUS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory, kafka: str) -> Seen:
    """What the pages said in runs through everything."""
    return seen_everything(tmp_path_factory.mktemp("seen"), kafka)


@pytest.mark.parametrize("name", [name for name in DECLARED if name not in ELSEWHERE])
def test_every_metric_moves(seen: Seen, name: str) -> None:
    family = name if name in seen.values else f"{name}_info"
    assert seen.values[family], "no series"
    assert seen.most(family) > 0 if name in FIXED else seen.moved(family), dict(seen.values[family])


def test_each_stage_gives_what_it_takes(seen: Seen) -> None:
    for stage in ("queue", "features", "inference", "publish"):
        assert seen.most("stage_windows_in", stage=stage) > 2
        assert seen.most("stage_windows_out", stage=stage) > 2
    assert min(value for values in seen.values["stage_windows_in_progress"].values() for value in values) == 0


def test_streams_are_bounded(seen: Seen) -> None:
    named = {name.rpartition("stream")[2] for name in seen.values["stream_lag_seconds"]}
    assert len(named) == 2 and any("other" in name for name in named)


def test_no_label_says_a_stream_unless_asked_for(seen: Seen) -> None:
    live, *kafka = seen.pages.values()
    assert 'stream="' in live
    assert not any('stream="' in page for page in kafka)


def test_promtool_takes_the_pages(seen: Seen) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    for page in seen.pages.values():
        assert page.count("\ngenred_") > 50
        said = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
        assert (said.returncode, said.stdout + said.stderr) == (0, "")


def test_both_formats_say_the_same() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry, 1)
    metrics.end_to_end_latency_seconds.observe(0.3, {"trace_id": "ab" * 16})
    metrics.streams.published('a "b"\n', 1.0, 2e9)
    plain, plain_type = metrics_page(registry, "")
    opened, open_type = metrics_page(registry, PROMETHEUS)
    assert plain_type.startswith("text/plain; version=0.0.4")
    assert open_type.startswith("application/openmetrics-text; version=1.0.0")
    families = list(open_metrics(opened.decode()))  # type: ignore[no-untyped-call]
    (exemplar,) = [sample.exemplar for family in families for sample in family.samples if sample.exemplar]
    assert exemplar.labels == {"trace_id": "ab" * 16}
    series = {(sample.name, tuple(sample.labels)) for family in families for sample in family.samples}
    names = {name for name, _ in series}
    rows = {row.partition("{")[0].partition(" ")[0] for row in plain.decode().splitlines() if not row.startswith("#")}
    assert rows == names


def test_streams_over_the_limit_are_others() -> None:
    registry, now_s = CollectorRegistry(), 0.0
    streams = StreamMetrics(2, lambda: now_s)
    registry.register(streams)
    for place, stream in enumerate(("other", "a", "b", "c")):  # one is called like the rest
        streams.published(stream, 4e9 - place, 4e9)

    def lag(stream: str) -> float | None:
        return registry.get_sample_value("genred_stream_lag_seconds", {"stream": stream})

    assert [lag(stream) for stream in ("a", "b", "c", "other")] == [1, 2, None, 3]
    now_s = STREAM_FORGOTTEN_S - 1
    for place, stream in enumerate(("other", "b", "c")):
        streams.published(stream, 2.0 - place, 2.0)  # the clock was stepped back: only a date
    assert [lag(stream) for stream in ("a", "b", "c", "other")] == [1, 1, None, 2]
    now_s += 2  # "a" is forgotten, and its place is the next one's
    assert [lag(stream) for stream in ("a", "b", "c", "other")] == [None, 1, 2, 0]


def test_streams_that_have_left_are_forgotten_even_if_nobody_scrapes() -> None:
    now_s = 0.0
    streams = StreamMetrics(2, lambda: now_s)
    for call in range(10_000):  # a stream a telephone call, say
        now_s += STREAM_FORGOTTEN_S / 100
        streams.published(f"call {call}", 1.0, 2.0)
    assert len(streams._last) <= 200


def test_a_gpu_tells_its_memory_and_nothing_else_does() -> None:
    torch = pytest.importorskip("torch")
    registry = CollectorRegistry()
    Metrics(registry)
    if not torch.cuda.is_available():
        assert b"gpu_memory" not in metrics_page(registry, "")[0]
        return
    held = torch.zeros(1 << 20, device="cuda")
    allocated = registry.get_sample_value("genred_gpu_memory_bytes", {"kind": "allocated"})
    assert allocated is not None and allocated >= held.numel() * 4


def test_lines_that_a_full_disk_does_not_take_are_counted() -> None:
    code = """
import logging
from prometheus_client import CollectorRegistry
from daemon.logs import flush_logs, set_up_logging
from daemon.metrics import Metrics
set_up_logging("info", "json")
registry = CollectorRegistry()
Metrics(registry)
logging.warning("nobody will read this")
flush_logs()
print(registry.get_sample_value("genred_log_lines_lost_total"))
"""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=full, text=True, check=False)
    assert float(done.stdout) >= 1
