"""Daemons under load and with faults, for a Prometheus to watch: a radio, files, Kafka, a worker that is too slow."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from models.card_file import write_model
from tests.kafka_sending import send_all
from tests.kafka_workers import Topics, topics_on, workers
from tests.metrics_seen import bad, seconds
from tests.process import Daemon, running, wait_for
from tests.prometheus_server import Prometheus, prometheus
from tests.radio_server import Radio, broadcasting
from tests.signals import tones, write_wav
from tests.tiny_model import tiny_card, tiny_graph, write_tiny_model

WIDE, ROUNDS = 4096, 24  # some 10 billion operations a window: half a second or more on one core
FED_S = 8  # seconds of each partition's audio in one sending, with a pause of half a second between two
TOO_MUCH = 'overload = "skip"\nmax_lag_s = 90\n'


@dataclass
class Observed:
    """All of them."""

    prometheus: Prometheus
    live: Daemon
    radio: Radio
    worker: Daemon
    slow: Daemon


@contextmanager
def observed(folder: Path, bootstrap: str) -> Iterator[Observed]:
    """Start everything, and wait until Prometheus has all of it."""
    with ExitStack() as stack:
        radio = stack.enter_context(broadcasting())
        live = stack.enter_context(running(live_settings(folder, radio)))
        tiny = write_tiny_model(folder / "kafka.onnx")
        quick, late = topics_on(bootstrap, 2), topics_on(bootstrap, 2)
        pool = stack.enter_context(workers(quick, made(folder / "quick"), tiny, "at-least-once"))
        heavy = write_slow_model(folder / "slow.onnx")
        behind = stack.enter_context(workers(late, made(folder / "late"), heavy, "at-least-once"))
        worker, slow = pool.start(), behind.start(TOO_MUCH + broken_source(folder))
        pool.until_working(worker)
        behind.until_working(slow)
        stack.enter_context(fed(quick, 1, broken=True))
        stack.enter_context(fed(late, FED_S))
        targets = {"live": live.address, "worker": worker.address, "slow": slow.address}
        server = stack.enter_context(prometheus(folder / "prometheus", targets))
        wait_for(lambda: server.up() == len(targets), "three targets that answer")
        live.process.send_signal(signal.SIGHUP)
        yield Observed(server, live, radio, worker, slow)


def made(folder: Path) -> Path:
    """The folder, which is there now."""
    folder.mkdir()
    return folder


def live_settings(folder: Path, radio: Radio) -> Path:
    """Files, one of them silent, and a radio; streams have series of their own."""
    model = write_tiny_model(folder / "model.onnx")
    loud = write_wav(folder / "tones.wav", tones(5, 16_000), 16_000)
    silent = write_wav(folder / "silence.wav", 0 * tones(5, 16_000), 16_000)
    path = folder / "live.toml"
    path.write_text(f"""
model = "{model}"
engine = {{ device = "cpu", threads = 1 }}
metrics.streams = 2
sources = [
  {{ kind = "file", path = "{loud}", stream = "radio", realtime = true, loop = true }},
  {{ kind = "file", path = "{silent}", stream = "quiet", realtime = true, loop = true }},
  {{ kind = "url", url = "{radio.url("/live")}", stream = "url", stall_timeout_s = 0.5 }},
]
sinks = [{{ kind = "jsonl", path = "{folder / "out.jsonl"}" }}]
""")
    return path


def broken_source(folder: Path) -> str:
    """One more source, which fails for good."""
    (folder / "broken.wav").write_text("no audio")
    return f'[[sources]]\nkind = "file"\npath = "{folder / "broken.wav"}"\nstream = "broken"\n'


def write_slow_model(path: Path) -> Path:
    """The tiny model with a great many multiplications beside it, whose result is added with nought for its weight."""
    model = tiny_graph()
    random = np.random.default_rng(1)
    wide, narrow = random.normal(size=(96, WIDE)), random.normal(size=(WIDE, 96))
    arrays = {"wide": wide, "narrow": narrow / WIDE, "nought": np.zeros((96, 4)), "none": np.zeros(1)}
    model.graph.initializer.extend(
        numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()
    )
    nodes, last = [], "log_mel"
    for turn in range(ROUNDS):
        nodes += [helper.make_node("MatMul", [last, "wide"], [f"w{turn}"])]
        nodes += [helper.make_node("MatMul", [f"w{turn}", "narrow"], [f"n{turn}"])]
        last = f"n{turn}"
    nodes += [
        helper.make_node("ReduceMean", [last], ["much"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["much", "nought"], ["little"]),
        helper.make_node("Add", ["logits", "little"], ["all"]),
    ]
    (sigmoid,) = [node for node in model.graph.node if node.op_type == "Sigmoid"]
    model.graph.node.remove(sigmoid)
    sigmoid.input[0] = "all"
    model.graph.node.extend([*nodes, sigmoid])
    onnx.checker.check_model(model)
    write_model(model, tiny_card(), path)
    return path


@contextmanager
def fed(topics: Topics, count: int, broken: bool = False) -> Iterator[None]:
    """Sends `count` seconds of each of two streams, again and again; `broken`: and among them what cannot be used."""
    end, failed = threading.Event(), []

    def feed() -> None:
        try:
            first = 0
            while not end.wait(0.5):
                records = [sent for partition in (0, 1) for sent in seconds(partition, range(first, first + count))]
                send_all(topics.bootstrap, topics.audio, [*records, *(bad() if broken else ())])
                first += count
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
        assert not failed, failed
