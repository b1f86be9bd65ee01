"""Work that is left behind holds no end up: of a call, of a loop, of a daemon that loads a model."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from daemon.own_thread import in_own_thread, left_behind
from models.card_file import write_model
from tests.process import running, wait_for
from tests.signals import tones, write_wav
from tests.test_service import first_window, settings_file
from tests.tiny_model import LABELS, tiny_card

LONG = 1 << 40  # turns of a loop: days
AT_WORK_S = 0.5
END_S = 10.0  # a drain takes a tenth of it


def endless_model(path: Path) -> Path:
    """A network with a card whose golden check takes days, in ONNX Runtime's own code."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go_on"], ["on"]), helper.make_node("Add", ["before", "before"], ["after"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("before", TensorProto.FLOAT, ["batch", len(LABELS)]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, ["batch", len(LABELS)]),
        ],
    )
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["log_mel"], ["mean"], axes=[1], keepdims=0),
            helper.make_node("MatMul", ["mean", "weights"], ["bands"]),
            helper.make_node("Loop", ["turns", "", "bands"], ["scores"], body=body),
        ],
        "endless",
        [helper.make_tensor_value_info("log_mel", TensorProto.FLOAT, ["batch", "frames", 96])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", len(LABELS)])],
        [
            numpy_helper.from_array(np.zeros((96, len(LABELS)), np.float32), "weights"),
            numpy_helper.from_array(np.array(LONG, np.int64), "turns"),
        ],
    )
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    write_model(model, tiny_card(), path)
    return path


def threads_s(pid: int) -> dict[str, float]:
    """The processor time of each thread of a process, seconds."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        found[task.name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def test_a_model_that_is_being_loaded_does_not_hold_the_end_up(tmp_path: Path, tiny_model: Path) -> None:
    audio = write_wav(tmp_path / "tones.wav", tones(5, 16000), 16000)
    model = tmp_path / "model.onnx"
    model.write_bytes(tiny_model.read_bytes())
    endless = endless_model(tmp_path / "endless.onnx")
    with running(settings_file(tmp_path, model, audio, "model_watch_s = 0")) as daemon:
        wait_for(lambda: first_window(daemon), "the first window")
        before = threads_s(daemon.process.pid)
        endless.replace(model)
        daemon.process.send_signal(signal.SIGHUP)

        def loading() -> bool:
            now = threads_s(daemon.process.pid)
            return any(took_s - before.get(thread, 0.0) > AT_WORK_S for thread, took_s in now.items())

        wait_for(loading, "a thread that loads the model")
        daemon.process.send_signal(signal.SIGTERM)
        began_s = time.monotonic()
        assert daemon.process.wait(END_S) == 0, daemon.log
        assert time.monotonic() - began_s < END_S
        assert "stopped" in daemon.log
        assert '"final":true' in (tmp_path / "out.jsonl").read_text().replace(" ", "").splitlines()[-1]


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        ("None", 0, ""),
        ("errors.SinkFailed('a full disk\\nand more')", 70, "genred: a full disk\ngenred: and more\n"),
        ("errors.DrainTimedOut('too slow')", 75, "genred: too slow\n"),
    ],
)
def test_the_process_ends_with_its_code_whatever_is_left_behind(raised: str, code: int, said: str) -> None:
    program = f"""
import asyncio, threading
from daemon import deadline, errors, own_thread

async def work():
    waiting = asyncio.create_task(own_thread.in_own_thread(threading.Event().wait))
    await asyncio.sleep(0)
    waiting.cancel()
    if {raised} is not None:
        raise {raised}

asyncio.run(deadline.ending_on_time(work()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=END_S, check=False)
    assert (done.returncode, done.stderr) == (code, said)


def test_what_a_thread_gives_or_raises_comes_back() -> None:
    async def run() -> None:
        assert await in_own_thread(threading.current_thread) is not threading.current_thread()
        with pytest.raises(ZeroDivisionError):
            await in_own_thread(lambda: 1 // 0)

    asyncio.run(run())


def test_what_comes_late_is_dropped() -> None:
    """For a caller that was cancelled, and for a loop that is closed."""
    late = threading.Event()

    async def cancelled() -> None:
        waiting = asyncio.create_task(in_own_thread(late.wait))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancelled())
    assert left_behind()
    late.set()
    wait_for(lambda: not left_behind(), "the thread's end")
