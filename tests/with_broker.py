"""Runs a command beside a real broker of its own: `python -m tests.with_broker COMMAND… {bootstrap} …`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.kafka_broker import Broker


def main() -> None:
    """The command's exit code is this program's; the broker keeps to the first core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    with tempfile.TemporaryDirectory(prefix="genred-broker-") as folder, Broker(Path(folder)) as broker:
        os.sched_setaffinity(0, cores)
        command = [word.replace("{bootstrap}", broker.bootstrap) for word in sys.argv[1:]]
        code = subprocess.run(command, check=False).returncode
    sys.exit(code)


if __name__ == "__main__":
    main()
