"""One ONNX network in bfloat16, by ONNX Runtime's OpenVINO provider: a third faster on processors that have it.

Its windows go through one at a time, each with what the window before it handed on. For one that has none, that is
computed first, in the same way: so a window has the same scores to the last bit wherever a stream is taken up.
"""

from __future__ import annotations

import json
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from daemon.errors import AcceleratorUnavailable, ModelRefused
from daemon.inference import OnnxModel, Scores, first_line, read_model
from daemon.openvino_graph import bf16_graph

OPENVINO_PROVIDER = "OpenVINOExecutionProvider"
BF16_TOLERANCE = 1e-2
CPU_INFO = Path("/proc/cpuinfo")
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


class OpenVinoModel(OnnxModel):
    """A network that has proved itself in float32, and in bfloat16. Any number of threads may use it at once.

    workers: how many threads do; each has a stream of OpenVINO's, of one thread.
    AcceleratorUnavailable where OpenVINO or a processor with bfloat16 is missing: it is never a silent float32 run.
    ModelRefused as `OnnxModel`, and for scores that are off by more than BF16_TOLERANCE.
    """

    def __init__(self, path: Path, workers: int = 1) -> None:
        require_bf16()
        self._in_bf16: ort.InferenceSession | None = None  # until it has proved itself in float32
        super().__init__(path, "cpu")
        content = read_model(path)
        if sha256(content).hexdigest() != self.id.sha256:
            raise ModelRefused(f"model {path}: it changed while it was read")
        try:
            content = bf16_graph(content, self.card)
        except ModelRefused as error:
            raise ModelRefused(f"model {path}: {error}") from error
        except Exception as error:  # onnx's and protobuf's exceptions share no base class
            raise ModelRefused(
                f"model {path}: its network cannot be arranged for bf16: {first_line(error)}; use engine.precision fp32"
            ) from error
        self._in_bf16 = _session(content, path, workers)
        self.provider = self._in_bf16.get_providers()[0]
        self.golden_deviation = self._check_bf16()

    def scores(self, windows: npt.NDArray[np.float32]) -> Scores:
        """As `OnnxModel.scores`; in float32 where a network with a carry gets windows of another length."""
        session, card = self._in_bf16, self.card
        if session is None or (card.carry is not None and windows.shape[1] != card.frames_per_window):
            return super().scores(windows)
        if card.carry is not None:
            return self.scores_and_carries(windows, None)[0]
        runs = [session.run([card.output_name], {card.input_name: window[np.newaxis]})[0] for window in windows]
        return np.concatenate(runs)

    def scores_and_carries(
        self, windows: npt.NDArray[np.float32], carried: npt.NDArray[np.float32] | None
    ) -> tuple[Scores, npt.NDArray[np.float32]]:
        """As `OnnxModel.scores_and_carries`."""
        session = self._in_bf16
        if session is None:
            return super().scores_and_carries(windows, carried)
        if carried is None:
            carried = self._first_carries(session, windows)
        runs = [self._hop(session, *given) for given in zip(windows, carried, strict=True)]
        scores, carries = zip(*runs, strict=True)
        return np.concatenate(scores), np.concatenate(carries)

    def _first_carries(
        self, session: ort.InferenceSession, windows: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """What the windows before would have handed on: it depends on these windows' first blocks only (ADR 5)."""
        carry, hop = self.card.carry, self.card.frames_per_hop
        assert carry is not None
        (given,) = (entry for entry in session.get_inputs() if entry.name == carry.input_name)
        none = np.zeros(given.shape[1:], np.float32)
        as_second = [np.concatenate([window[:hop], window[:hop]]) for window in windows]
        return np.concatenate([self._hop(session, window, none)[1] for window in as_second])

    def _hop(
        self, session: ort.InferenceSession, window: npt.NDArray[np.float32], carried: npt.NDArray[np.float32]
    ) -> tuple[Scores, npt.NDArray[np.float32]]:
        """One window (frames, n_mels) and its carry (n,) -> scores (1, labels), carry (1, n)."""
        card, carry = self.card, self.card.carry
        assert carry is not None
        given = {card.input_name: window[np.newaxis], carry.input_name: carried[np.newaxis]}
        scores, kept = session.run([card.output_name, carry.output_name], given)
        return scores, kept

    def _check_bf16(self) -> float:
        """Largest deviation from the card's golden output; ModelRefused over the tolerance."""
        found = self.scores(self.card.golden_input[np.newaxis])
        deviation = float(np.abs(found[0] - self.card.golden_output).max())
        if not deviation <= BF16_TOLERANCE:
            raise ModelRefused(
                f"model {self.path}: golden check failed in bf16, scores are off by {deviation:.2g} "
                f"(allowed {BF16_TOLERANCE:g}); use engine.precision fp32"
            )
        return deviation


def require_bf16() -> None:
    """AcceleratorUnavailable, saying what to do, unless this machine can compute in bfloat16."""
    available = ort.get_available_providers()
    if OPENVINO_PROVIDER not in available:
        raise AcceleratorUnavailable(
            f"engine.precision=bf16: this onnxruntime has no OpenVINO provider (it has {', '.join(available)}); "
            'install genred[openvino] instead of genred[cpu], or set precision = "fp32"'
        )
    if _BF16_FLAGS.isdisjoint(_processor_flags()):
        raise AcceleratorUnavailable(
            "engine.precision=bf16: this processor does not compute in bfloat16 (its flags have neither "
            'avx512_bf16 nor amx_bf16); set precision = "fp32"'
        )
    if find_spec("onnx") is None:
        raise AcceleratorUnavailable(
            "engine.precision=bf16: the package onnx is not installed; install genred[openvino] instead of genred[cpu]"
        )


def _processor_flags() -> set[str]:
    """What Linux says of the processor; nothing elsewhere."""
    try:
        lines = CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return next((set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), set())


def _session(content: bytes, path: Path, workers: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")  # all of it, or an error
    processor = {
        "INFERENCE_PRECISION_HINT": "bf16",
        # else each session's threads begin at the first core, and the sessions of all processes share it
        "ENABLE_CPU_PINNING": False,
    }
    ours = {
        "device_type": "CPU",
        "num_of_threads": str(workers),
        "num_streams": str(workers),
        "load_config": json.dumps({"CPU": processor}),
    }
    try:
        session = ort.InferenceSession(content, options, providers=[(OPENVINO_PROVIDER, ours)])
    except Exception as error:  # onnxruntime's exceptions share no base class
        raise ModelRefused(
            f"model {path}: OpenVINO does not take its network: {first_line(error)}; use engine.precision fp32"
        ) from error
    if session.get_providers()[0] != OPENVINO_PROVIDER:  # it does not say so itself
        raise AcceleratorUnavailable("engine.precision=bf16: OpenVINO did not start; use engine.precision fp32")
    return session
