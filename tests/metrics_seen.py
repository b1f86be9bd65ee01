"""Real daemons brought through everything that a metric tells of, and what their pages said meanwhile."""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.kafka.content_type import raw_content_type
from tests.kafka_sending import Sent, send_all
from tests.kafka_workers import Topics, topics_on, workers
from tests.process import Daemon, running, wait_for
from tests.radio_server import broadcasting
from tests.signals import tones, write_wav
from tests.tiny_model import write_tiny_model

RATE_HZ = 8000
PCM = AudioFormat(SampleFormat.S16LE, RATE_HZ, 1)
FLOATS = AudioFormat(SampleFormat.F32LE, RATE_HZ, 1)
SECOND = tones(1, RATE_HZ).tobytes()
PIECE_S = 16  # less than is skipped
BACKLOG_S = 400  # of each partition: some seconds of work for the shipped network


@dataclass
class Seen:
    """Every value of every series of each family, over all daemons and looks. `pages`: the last of each daemon."""

    values: defaultdict[str, defaultdict[str, set[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(set))
    )
    pages: dict[int, str] = field(default_factory=dict)
    counting: set[str] = field(default_factory=set)

    def look(self, *daemons: Daemon) -> bool:
        """Read the pages; true, so that it can stand before a condition."""
        for daemon in daemons:
            page = self.pages[daemon.process.pid] = daemon.get("/metrics")[1]
            for family in text_string_to_metric_families(page):
                if family.type in {"counter", "histogram"}:
                    self.counting.add(family.name.removeprefix("genred_"))
                for sample in family.samples:
                    series = f"{daemon.process.pid} {sample.name} {sorted(sample.labels.items())}"
                    self.values[family.name.removeprefix("genred_")][series].add(sample.value)
        return True

    def most(self, family: str, **labels: str) -> float:
        """The largest value of a series with these labels."""
        found = self.values[family].items()
        wanted = [values for name, values in found if all(f"'{k}', '{v}'" in name for k, v in labels.items())]
        return max((value for values in wanted for value in values), default=0.0)

    def moved(self, family: str) -> bool:
        """Whether a series of the family had two values; what only grows has moved where it is not nought."""
        moved = any(len(values) > 1 for values in self.values[family].values())
        return moved or (family in self.counting and self.most(family) > 0)

    def wait(self, daemons: Iterable[Daemon], condition: Callable[[], bool], what: str) -> None:
        """Look until it is so."""
        wait_for(lambda: self.look(*daemons) and condition(), what, 45.0)


def see_live(seen: Seen, folder: Path) -> None:
    """Files, a source that breaks, a radio that stalls and comes back, models swapped and refused."""
    model = write_tiny_model(folder / "model.onnx")
    loud = write_wav(folder / "tones.wav", tones(5, 16_000), 16_000)
    silent = write_wav(folder / "silence.wav", 0 * tones(5, 16_000), 16_000)
    breaking = write_wav(folder / "breaking.wav", tones(2, 16_000), 16_000)
    with broadcasting() as radio:
        path = folder / "live.toml"
        path.write_text(f"""
model = "{model}"
engine = {{ device = "cpu", threads = 1 }}
metrics.streams = 1
sources = [
  {{ kind = "file", path = "{loud}", stream = "radio", realtime = true, loop = true }},
  {{ kind = "file", path = "{silent}", stream = "quiet", realtime = true, loop = true }},
  {{ kind = "file", path = "{breaking}", stream = "broken", realtime = true, loop = true }},
  {{ kind = "url", url = "{radio.url("/live")}", stream = "url", stall_timeout_s = 0.5 }},
]
sinks = [{{ kind = "jsonl", path = "{folder / "out.jsonl"}" }}]
""")
        with running(path) as daemon:
            seen.wait([daemon], lambda: seen.most("live_streams") == 4, "four streams")
            breaking.unlink()  # when it begins anew it is not there
            seen.wait([daemon], lambda: seen.most("failed_sources") == 1, "a failure")
            radio.stall()
            seen.wait([daemon], lambda: seen.most("stalled_streams") == 1, "a stall")
            radio.go_on()
            seen.wait([daemon], lambda: seen.most("source_restarts") >= 1, "a restart")
            seen.wait([daemon], lambda: state(daemon, "url") == "running", "the radio again")
            radio.stall()  # what was said of the first one is not said again
            seen.wait([daemon], lambda: seen.moved("log_messages_suppressed"), "a message that is left out")
            radio.go_on()
            write_tiny_model(model, version="2")
            daemon.process.send_signal(signal.SIGHUP)
            seen.wait([daemon], lambda: seen.most("model_info", version="2") == 1, "the new model")
            model.write_bytes(b"broken")
            daemon.process.send_signal(signal.SIGHUP)
            seen.wait([daemon], lambda: seen.most("model_reloads", result="refused") == 1, "a refusal")
            seen.wait([daemon], lambda: seen.most("windows", outcome="silent") > 1, "silence")
            seen.wait([daemon], lambda: seen.moved("stream_lag_seconds"), "a stream's second window")


def see_kafka(seen: Seen, folder: Path, bootstrap: str) -> None:
    """Gaps, NaN, dead letters, more than can be scored at once, and a second worker that comes."""
    topics = topics_on(bootstrap, 2)
    with workers(topics, folder, Path("musicnn-msd"), "at-least-once") as pool:
        first = pool.start('overload = "skip"\nmax_lag_s = 20')
        send(topics, [*seconds(0, range(8)), *seconds(1, [*range(4), *range(5, 12)]), *bad()])
        seen.wait([first], lambda: seen.most("unusable_samples") > 0, "samples that are none")
        seen.wait([first], lambda: seen.most("dead_letters") > 0, "a dead letter")
        topics.until_caught_up()
        first.process.send_signal(signal.SIGSTOP)  # so that it finds them all at once
        send(topics, [sent for n in range(20, 20 + BACKLOG_S) for p in (0, 1) for sent in seconds(p, [n])])
        first.process.send_signal(signal.SIGCONT)
        seen.wait([first], lambda: seen.most("skipped_records") > 0, "records left out")
        send(topics, [sent for n in range(600, 606) for p in (0, 1) for sent in seconds(p, [n])])
        topics.until_caught_up()
        look_at_work(seen, first, topics)
        topics.until_caught_up()
        # where the last pieces were left out nothing is open, and whoever takes over has nothing to read again
        send(topics, [sent for n in range(1990, 1993) for p in (0, 1) for sent in seconds(p, [n])])
        topics.until_caught_up()
        both = [first, pool.start()]
        seen.wait(both, lambda: seen.most("rebalances") > 0, "a rebalance")
        seen.wait(both, lambda: seen.most("takeovers", past="whole") > 0, "a partition taken over")
        # not the one, with nothing to read again, that came of a long stop
        seen.wait(both, lambda: seen.most("replayed_records") > 0, "records that were read again")
        seen.wait(both, lambda: seen.most("takeover_seconds") > 0, "the end of that")
        send(topics, [sent for n in range(2000, 2004) for p in (0, 1) for sent in seconds(p, [n])])
        topics.until_caught_up()
        seen.look(*both)
        assert pool.balanced()


def look_at_work(seen: Seen, daemon: Daemon, topics: Topics) -> None:
    """Until a look falls into the engine's work, which is done in some milliseconds."""
    for start in range(606, 1900, PIECE_S):
        send(topics, [sent for n in range(start, start + PIECE_S) for p in (0, 1) for sent in seconds(p, [n])])
        for _ in range(20):
            if seen.look(daemon) and seen.moved("engine_busy_seconds"):
                return


def seen_everything(folder: Path, bootstrap: str) -> Seen:
    """All of it."""
    seen = Seen()
    see_live(seen, folder)
    see_kafka(seen, folder, bootstrap)
    return seen


def state(daemon: Daemon, stream: str) -> str:
    """A source's, by `/status`."""
    return next(str(source["state"]) for source in daemon.status()["sources"] if source["name"] == stream)


def seconds(partition: int, which: Iterable[int]) -> list[Sent]:
    """Seconds of the partition's stream, a record each."""
    return [Sent(partition, b"s%d" % partition, SECOND, headers(PCM, b"%d" % (second * RATE_HZ))) for second in which]


def bad() -> list[Sent]:
    """A stream of samples that are no numbers, and a record of no stream."""
    nan = np.full(6 * RATE_HZ, np.nan, "<f4").tobytes()
    return [Sent(0, b"nan", nan, headers(FLOATS, b"0")), Sent(1, None, SECOND, headers(PCM, b"0"))]


def headers(audio: AudioFormat, position: bytes) -> list[tuple[str, bytes]]:
    """Of an audio record."""
    return [("content-type", raw_content_type(audio).encode()), ("epoch", b"e"), ("position", position)]


def send(topics: Topics, records: list[Sent]) -> None:
    """Into the input topic."""
    send_all(topics.bootstrap, topics.audio, records)
