"""Apache Kafka's own programs: the jars that `.ci/setup test` fetched, the Java that runs them, the lag they read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

TIME_LIMIT_S = 60.0
LOG_LEVELS = (
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",  # each prints 300 lines of settings at a start
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.clients=warn",
)
TOOL_LOG_LEVELS = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=error",)
# Compile quickly rather than well, one collector thread, no files in /tmp: many brokers share few cores.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xlog:disable", "-Xlog:all=error:stderr")


def jars() -> Path:
    """The folder of Kafka's jars; a test that needs them fails with what to do."""
    pom = Path(__file__).parent.parent / ".ci" / "kafka-pom.xml"
    version = ElementTree.parse(pom).findtext("{http://maven.apache.org/POM/4.0.0}version")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "genred" / f"kafka-{version}"
    if not (folder / "pom.xml").exists():
        raise AssertionError(f"no Kafka in {folder}: run `make setup-test`, or set GENRED_TEST_BOOTSTRAP to a broker")
    if shutil.which("java") is None:
        raise AssertionError("Kafka needs Java: run `make setup-test`, or set GENRED_TEST_BOOTSTRAP to a broker")
    return folder


def archive() -> Path:
    """Where Kafka's classes lie parsed (a CDS archive): with it a JVM starts in two thirds of the time."""
    return jars() / "classes.jsa"


def java(main: str, *arguments: str, options: Sequence[str] = ()) -> list[str]:
    """The command that runs the class `main` of Kafka."""
    classpath = ":".join(str(jar) for jar in sorted(jars().glob("*.jar")))  # in one order: the archive insists
    shared = [f"-XX:SharedArchiveFile={archive()}"] if archive().exists() else []
    return ["java", *QUICK, *shared, *options, "-cp", classpath, main, *arguments]


def kafka_tool(main: str, *arguments: str) -> str:
    """What a command-line tool of Kafka printed, such as `org.apache.kafka.tools.TopicCommand`."""
    command = java(main, *arguments, options=("-Xmx128m", *TOOL_LOG_LEVELS))
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
    if done.returncode:
        raise AssertionError(f"{main} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def consumer_lag(bootstrap: str, group: str) -> dict[tuple[str, int], int | None]:
    """The lag of each (topic, partition) as `kafka-consumer-groups` reads it; None where nothing was committed."""
    described = kafka_tool(
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        *("--bootstrap-server", bootstrap, "--describe", "--group", group),
    )
    row = re.compile(rf"^{re.escape(group)}\s+(\S+)\s+(\d+)\s+(?:\d+|-)\s+(?:\d+|-)\s+(\d+|-)", re.MULTILINE)
    return {
        (topic, int(partition)): None if lag == "-" else int(lag) for topic, partition, lag in row.findall(described)
    }
