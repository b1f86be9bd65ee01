"""One ONNX network behind ONNX Runtime: loaded, checked against its card's golden pair, then asked for scores."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from daemon.device import CUDA_PROVIDER, wants_gpu
from daemon.errors import AcceleratorUnavailable, ModelRefused
from daemon.messages import ModelId
from models.card import Card, CardError, card_from_metadata

Scores = npt.NDArray[np.float32]

GOLDEN_TOLERANCE = 1e-3
MAX_MODEL_BYTES = 2 << 30
CPU_PROVIDER = "CPUExecutionProvider"


class OnnxModel:
    """A network that has proved itself. Any number of threads may use it at once.

    threads: of the network's own, inside a run (0: one a usable core); several workers with one each are faster.
    ModelRefused when the file is missing, is not ONNX, has no card, or does not reproduce its golden output.
    AcceleratorUnavailable when `device` names a provider that is not active on this machine.
    """

    def __init__(self, path: Path, device: str = "auto", threads: int = 1) -> None:
        content = read_model(path)
        self.path = path
        self.threads = threads or len(os.sched_getaffinity(0))
        self._session = _session(content, path, device, self.threads)
        self.provider: str = self._session.get_providers()[0]
        try:
            self.card: Card = card_from_metadata(self._session.get_modelmeta().custom_metadata_map)
        except CardError as error:
            raise ModelRefused(f"model {path}: {error}; make one with 'genred export'") from error
        self._check_carry()
        self.id = ModelId(self.card.name, self.card.version, hashlib.sha256(content).hexdigest())
        self.golden_deviation = self._check_golden()

    @property
    def of_one_length(self) -> bool:
        """Whether the network takes inputs of one shape only."""
        return all(isinstance(size, int) for size in self._session.get_inputs()[0].shape[1:])

    def scores(self, windows: npt.NDArray[np.float32]) -> Scores:
        """Scores in [0, 1], float32 (batch, labels), of float32 (batch, *card.input_shape)."""
        (scores,) = self._session.run([self.card.output_name], {self.card.input_name: windows})
        return np.asarray(scores, np.float32)

    def fits_carry(self, blocks_per_window: int) -> bool:
        """Whether windows of so many hop blocks can hand on what they share."""
        return self.card.carry is not None and blocks_per_window == round(self.card.window_s / self.card.hop_s)

    def scores_and_carries(
        self, windows: npt.NDArray[np.float32], carried: npt.NDArray[np.float32] | None
    ) -> tuple[Scores, npt.NDArray[np.float32]]:
        """As `scores`, and what each window hands on to the next one of its stream, float32 (batch, n).

        carried: what the windows before handed on; None where there were none.
        """
        card, carry = self.card, self.card.carry
        assert carry is not None
        given = {card.input_name: windows}
        if carried is not None:
            given[carry.input_name] = carried
        scores, carries = self._session.run([card.output_name, carry.output_name], given)
        return scores, carries

    def _check_carry(self) -> None:
        """The graph has what the card says of a carry."""
        carry = self.card.carry
        if carry is None:
            return
        # an input with a default is no input to onnxruntime, but an initializer that may be given
        inputs = {entry.name for entry in self._session.get_overridable_initializers()}
        outputs = {entry.name for entry in self._session.get_outputs()}
        if carry.input_name not in inputs or carry.output_name not in outputs:
            raise ModelRefused(
                f"model {self.path}: its card names the carry {carry.input_name!r} -> {carry.output_name!r}, "
                "which the network does not have"
            )

    def _check_golden(self) -> float:
        """Largest deviation from the card's golden output; ModelRefused over the tolerance."""
        try:
            scores = self.scores(self.card.golden_input[np.newaxis])
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise ModelRefused(f"model {self.path}: the golden input cannot be scored: {first_line(error)}") from error
        if scores.shape != (1, len(self.card.labels)):
            raise ModelRefused(
                f"model {self.path}: {scores.shape[1:]} scores, but its card names {len(self.card.labels)}"
            )
        deviation = float(np.abs(scores[0] - self.card.golden_output).max())
        if not deviation <= GOLDEN_TOLERANCE:
            raise ModelRefused(
                f"model {self.path}: golden check failed, scores are off by {deviation:.2g} "
                f"(allowed {GOLDEN_TOLERANCE:g}); the file is damaged or this runtime computes wrongly"
            )
        return deviation


def read_model(path: Path) -> bytes:
    """The file's content; ModelRefused where it cannot be read or is absurdly large."""
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise ModelRefused(f"model {path}: larger than {MAX_MODEL_BYTES >> 30} GiB")
        return path.read_bytes()
    except OSError as error:
        raise ModelRefused(f"model {path}: {error.strerror or error}") from error


def _session(content: bytes, path: Path, device: str, threads: int) -> ort.InferenceSession:
    providers = _providers(device)
    try:
        session = ort.InferenceSession(content, session_options(threads), providers=providers)
    except Exception as error:  # onnxruntime's exceptions share no base class
        raise ModelRefused(f"model {path}: not a usable ONNX file: {first_line(error)}") from error
    wanted = providers[0][0] if isinstance(providers[0], tuple) else providers[0]
    if device != "auto" and session.get_providers()[0] != wanted:
        raise AcceleratorUnavailable(f"engine.device={device}: {wanted} did not start on this machine")
    return session


def session_options(threads: int) -> ort.SessionOptions:
    """Options of every session: so many threads of its own, errors said only."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads must not burn a core between windows.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _providers(device: str) -> list[str | tuple[str, dict[str, str]]]:
    """ONNX Runtime's provider list for a `device` setting."""
    if not wants_gpu(device):
        return [CPU_PROVIDER]
    return [(CUDA_PROVIDER, {"device_id": device.partition(":")[2] or "0"}), CPU_PROVIDER]


def first_line(error: Exception) -> str:
    """What onnxruntime says, short enough for a message of one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
