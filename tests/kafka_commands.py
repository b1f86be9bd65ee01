"""Commands that run until they are stopped, and the settings files that they read."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomli_w
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition

from tests.process import TIME_LIMIT_S, wait_for


def settings_file(folder: Path, kafka: Mapping[str, Any], **more: Any) -> Path:
    """A settings file with this `[kafka]`."""
    path = folder / "genred.toml"
    path.write_text(tomli_w.dumps({"http": {"port": 0}, "kafka": _plain(kafka), **more}))
    return path


class Running:
    """A running `genred ...`, its output in files."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process, self._out, self._err = process, out, err

    @property
    def out(self) -> str:
        """Standard output so far."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """Standard error so far."""
        return self._err.read_text()

    def wait_for_output(self, text: str, times: int = 1) -> None:
        """Until `text` stands in the output."""
        wait_for(lambda: self.out.count(text) >= times or self._ended(), f"{text!r} in the output")
        assert self.out.count(text) >= times, self.err

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(TIME_LIMIT_S)

    def _ended(self) -> bool:
        return self.process.poll() is not None


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[Running]:
    """`genred arguments`, killed at the end if it is still there."""
    out, err = folder / "out.txt", folder / "err.txt"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        command = [sys.executable, "-m", "daemon", *arguments]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
    try:
        yield Running(process, out, err)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(TIME_LIMIT_S)


async def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """The offset after the last record of each partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    try:
        await consumer.start()
        numbers = await consumer._client._wait_on_metadata(topic)
        offsets = await consumer.end_offsets([TopicPartition(topic, number) for number in numbers])
        return {partition.partition: offset for partition, offset in offsets.items()}
    finally:
        await consumer.stop()


def _plain(value: Any) -> Any:
    """Paths as text, as TOML has them."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return str(value) if isinstance(value, Path) else value
