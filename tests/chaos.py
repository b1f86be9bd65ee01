"""`make chaos`: the Kafka service under every fault of tests/chaos_scenarios.py, many times over; a report of it."""

from __future__ import annotations

import argparse
import logging
import random
import re
import shlex
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos_report import Row, markdown
from tests.chaos_scenarios import SCENARIOS, Scenario, Scene
from tests.kafka_broker import Broker, Cluster
from tests.kafka_oracle import Broadcast, Truth, outcome
from tests.kafka_workers import Workers, topics_on, workers
from tests.process import wait_for
from tests.tiny_model import write_tiny_model

DELIVERIES = ("at-least-once", "exactly-once")
BROADCAST = Broadcast(streams=12, seconds=300)
READY_S = 60.0
END_S = 300.0
TAKEN_OVER = re.compile(r"streams taken over at offset \d+ in ([\d.]+) s")


def main() -> int:
    """The exit code: 0 when all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--delivery", choices=DELIVERIES, action="append", help="default: both")
    parser.add_argument("--only", choices=[s.name for s in SCENARIOS], action="append", help="default: all")
    parser.add_argument("--report", type=Path, help="write a page of Markdown")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the feeding's and the readers' client complains of brokers that are meant to go
    say(f"seed {arguments.seed}")
    rows = []
    with tempfile.TemporaryDirectory(prefix="genred-chaos-") as folder:
        model = Path(folder) / "tiny.onnx"
        write_tiny_model(model)
        say(f"the truth: {BROADCAST.streams} streams of {BROADCAST.seconds:g} s")
        truth = BROADCAST.truth(model)
        for delivery in arguments.delivery or DELIVERIES:
            for scenario in SCENARIOS:
                if not arguments.only or scenario.name in arguments.only:
                    at = Path(folder) / f"{scenario.name}-{delivery}"
                    at.mkdir()
                    rows.append(run(scenario, delivery, truth, model, at, arguments.seed))
    if arguments.report is not None:
        command = shlex.join(["python", "-m", "tests.chaos", *sys.argv[1:]])
        arguments.report.write_text(markdown(rows, command, arguments.seed, BROADCAST))
    wrong = [row for row in rows if row.wrong]
    for row in wrong:
        say(f"{row.scenario}, {row.delivery} (--seed {arguments.seed}): {'; '.join(row.wrong)}")
    say("all held" if not wrong else f"{len(wrong)} of {len(rows)} did not hold; the seed was {arguments.seed}")
    return 1 if wrong else 0


def run(scenario: Scenario, delivery: str, truth: Truth, model: Path, folder: Path, seed: int) -> Row:
    """One scenario on a Kafka of its own."""
    row, began_s = Row(scenario.what, delivery), time.monotonic()
    say(f"{scenario.what}, {delivery}")
    try:
        with (
            Broker(folder / "kafka") if scenario.brokers == 1 else Cluster(folder / "kafka", scenario.brokers) as kafka
        ):
            put_to_the_test(scenario, row, kafka, truth, model, folder, seed)
    except Exception as error:  # whatever it is, it belongs in the report
        row.wrong.append(f"{type(error).__name__}: {error}")
    row.lasted_s = time.monotonic() - began_s
    say(" | ".join(row.cells()))
    for what in row.wrong:
        say(f"wrong: {what}")
    return row


def put_to_the_test(
    scenario: Scenario, row: Row, kafka: Broker | Cluster, truth: Truth, model: Path, folder: Path, seed: int
) -> None:
    """Feed, hurt, wait for the end, compare."""
    topics = topics_on(kafka.bootstrap)
    with workers(topics, folder, model, row.delivery) as pool:
        both = [pool.start(), pool.start()]
        wait_for(lambda: all(daemon.status()["ready"] for daemon in both), "two workers that are ready", READY_S)
        feeding = pool.feed(BROADCAST, BROADCAST.seconds / scenario.lasts_s)
        rng = random.Random(f"{seed} {scenario.name}")
        scene = Scene(kafka, topics, pool, feeding, rng, lambda text: say(f"  {text}"))
        try:
            for _ in range(scenario.times):
                scenario.act(scene)
            feeding.hurry()
            feeding.join(END_S)
            topics.until_caught_up()
            pool.assert_alive()
            take_the_books(row, pool)
            for daemon in list(pool.running):
                pool.stop(daemon)
        finally:
            row.faults, row.amid_work = scene.faults, scene.amid_work
            row.takeovers_s = [float(seconds) for log in pool.logs for seconds in TAKEN_OVER.findall(log)]
    found = outcome(kafka.bootstrap, topics.windows, topics.tags, committed_only=True)
    row.windows, row.tags = found.compared(truth)
    exactly_once = row.delivery == "exactly-once"
    row.wrong += [f"windows: {fault}" for fault in row.windows.faults(exactly_once)]
    row.wrong += [f"tags: {fault}" for fault in row.tags.faults(exactly_once)]


def take_the_books(row: Row, pool: Workers) -> None:
    """Every second that a worker received is accounted for."""
    books = [daemon.status()["seconds"] for daemon in pool.running]
    row.received_s = sum(book["received"] for book in books)
    row.unaccounted_s = max((book["unaccounted"] for book in books), key=abs)
    if abs(row.unaccounted_s) >= 0.001:
        row.wrong.append(f"{row.unaccounted_s:.3f} s are not accounted for: {books}")


def say(text: str) -> None:
    """Progress, for whoever watches."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
