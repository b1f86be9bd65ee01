"""`make soak`: a hundred live streams for minutes or hours, the broker killed and the model swapped now and then.

Ends with 0 when memory did not grow, and every second that the broker took is in the results or has a name.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from models.catalogue import resolve_model
from tests.chaos import DELIVERIES
from tests.kafka_broker import Broker
from tests.kafka_reading import read_all
from tests.kafka_topics import until_committed
from tests.kafka_workers import PARTITIONS
from tests.process import Daemon, running, wait_for
from tests.soak_audio import HOP_S, music, truth_of
from tests.soak_books import Books, Fed
from tests.soak_faults import plan
from tests.soak_feed import Plan, Progress, read
from tests.soak_found import Found
from tests.soak_plot import draw
from tests.soak_report import markdown, rows
from tests.soak_scene import BROKER, Scene, make_topics, write_settings
from tests.soak_watch import Watch, value
from tests.tiny_model import write_tiny_model

EPOCH = "soak"
READY_S, END_S, CATCH_UP_S, READ_S = 120.0, 300.0, 600.0, 600.0


def main() -> int:
    """The exit code: 0 when all held."""
    arguments = parsed()
    logging.disable(logging.CRITICAL)  # the readers' client complains of a broker that is meant to go
    folder = Path(".cache") / f"soak-{arguments.delivery}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"seed {arguments.seed}; the log, the settings and the samples are in {folder}")
    found = soak(arguments, folder.resolve())
    for what, seen in rows(found):
        say(f"{what}: {seen}")
    if arguments.report is not None:
        picture = arguments.report.with_suffix(".png")
        draw(found, picture)
        command = shlex.join(["python", "-m", "tests.soak", *sys.argv[1:]])
        models = " and ".join(found.books.truths)
        arguments.report.write_text(markdown(found, command, models, picture.name))
    for what in found.wrong():
        say(f"wrong: {what}")
    say("all held" if not found.wrong() else f"not all held; the seed was {arguments.seed}")
    return 1 if found.wrong() else 0


def parsed() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--delivery", choices=DELIVERIES, default="exactly-once", help="the stricter is the default")
    parser.add_argument("--model", action="append", help="two to swap between; tiny: the tests' own; default: shipped")
    parser.add_argument("--warm-up", type=float, default=120.0, help="seconds, a fifth of the time at most")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--report", type=Path, help="write a page of Markdown, and a picture beside it")
    return parser.parse_args()


def soak(arguments: argparse.Namespace, folder: Path) -> Found:
    """Start everything, hurt it, let it end, read what came out."""
    models = models_of(arguments.model or ["musicnn-msd", "musicnn-mtt"], folder)
    loop = music(arguments.seed)
    (folder / "loop.pcm").write_bytes(loop)
    truths = [truth_of(model, loop) for model in models]
    seconds = max(3.0, round(arguments.minutes * 60 / HOP_S)) * HOP_S
    fed = Fed(arguments.streams, seconds, EPOCH)
    with Broker(folder / "kafka", settings=BROKER) as broker:
        topics = make_topics(broker.bootstrap)
        settings, audio = folder / "worker.toml", folder / "loop.pcm"
        write_settings(settings, topics, str(models[0]), arguments.delivery)
        with running(settings) as daemon:
            wait_for(lambda: daemon.status()["ready"], "a worker that is ready", READY_S)
            progress = str(folder / "progress.json")
            what = Plan(broker.bootstrap, topics.audio, PARTITIONS, fed.streams, seconds, str(audio), progress, EPOCH)
            watch = Watch(daemon, what, settings.with_suffix(".log"), folder / "samples.jsonl")
            with feeding(what) as process:
                began = wait_for(lambda: read(Path(progress)), "the begin of the feeding")
                began_unix = time.time() - time.monotonic() + began.began_s
                watch.start(began.began_s)
                scene = Scene(
                    broker, topics, daemon, settings, arguments.delivery, [str(model) for model in models],
                    [truth.model for truth in truths], began.began_s, lambda: check_alive(daemon, process), say,
                )  # fmt: skip
                scene.act(plan(arguments.seed, seconds))
                code = process.wait(max(0.0, began.began_s + seconds - time.monotonic()) + END_S)
            asyncio.run(until_committed(topics.bootstrap, topics.audio, topics.group, CATCH_UP_S))
            watch.stop()
            status, page = daemon.status(), daemon.get("/metrics")[1]
            daemon.process.send_signal(signal.SIGTERM)
            troubles = [*watch.errors, *ends_of(code, daemon.wait(), read(Path(progress)), fed)]
        books = read_out(broker.bootstrap, topics.windows, topics.tags, Books(fed, {t.model: t for t in truths}))
        return Found(
            began_unix, arguments.delivery, arguments.seed, seconds, min(arguments.warm_up, seconds / 5),
            watch.samples, scene.outages, scene.swaps, watch.unready, daemon.log, books, status["seconds"],
            round(value(page, 'genred_model_reloads_total{result="served"}')), troubles,
        )  # fmt: skip


def models_of(asked: Sequence[str], folder: Path) -> list[Path]:
    """The files of the models to swap between."""
    if asked == ["tiny"]:
        return [
            write_tiny_model(folder / "tiny.onnx"),
            write_tiny_model(folder / "other.onnx", offset=2.5, name="other", version="2"),
        ]
    return [resolve_model(name).resolve() for name in asked]


@contextmanager
def feeding(what: Plan) -> Iterator[subprocess.Popen[bytes]]:
    """The process that feeds, killed at the end if it is still there."""
    process = subprocess.Popen([sys.executable, "-m", "tests.soak_feed", json.dumps(asdict(what))])
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def check_alive(daemon: Daemon, process: subprocess.Popen[bytes]) -> None:
    """AssertionError when either has ended before its time."""
    assert daemon.process.poll() is None, f"genred ended with {daemon.process.returncode}: {daemon.log[-5000:]}"
    assert process.poll() in (None, 0), f"the feeding ended with {process.returncode}"


def ends_of(fed_code: int, daemon_code: int, progress: Progress | None, fed: Fed) -> list[str]:
    """What is wrong with how the processes ended."""
    acked_s = 0.0 if progress is None else progress.acked_s
    failed = "" if progress is None else progress.failed
    troubles = [f"genred ended with {daemon_code}"] if daemon_code else []
    if fed_code or abs(acked_s - fed.total_s) > 1e-6:
        troubles.append(
            f"the feeding ended with {fed_code}: {acked_s:.1f} of {fed.total_s:.1f} s acknowledged; {failed}"
        )
    return troubles


def read_out(bootstrap: str, windows: str, tags: str, books: Books) -> Books:
    """The books with all that the result topics hold."""
    read_all(bootstrap, windows, True, books.window, READ_S)
    read_all(bootstrap, tags, True, lambda id_, _: books.tags.update((id_,)), READ_S)
    return books


def say(text: str) -> None:
    """Progress, for whoever watches."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
