"""One ONNX network bound to torch's memory: its inputs and scores never leave the device on its account."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import onnxruntime as ort  # isort: skip  after torch, which loads the CUDA libraries

from daemon.errors import AcceleratorUnavailable, ModelRefused
from daemon.gpu.lanes import Lanes
from daemon.gpu.memory import is_out_of_memory
from daemon.gpu.network_options import (
    GOLDEN_TOLERANCE,
    Backend,
    NetworkOptions,
    Precision,
    providers,
)
from daemon.inference import CPU_PROVIDER, first_line, read_model, session_options
from daemon.messages import ModelId
from models.card import Card, CardError, card_from_metadata

# ONNX Runtime's name of an element type -> torch's, and its number in ONNX: numpy knows no bfloat16.
_ELEMENTS = {
    "tensor(float)": (torch.float32, 1),
    "tensor(float16)": (torch.float16, 10),
    "tensor(bfloat16)": (torch.bfloat16, 16),
}
_FLOAT = 1
_FILE_PRECISION = {torch.float16: Precision.FP16, torch.bfloat16: Precision.BF16}


class BoundNetwork:
    """A network that has proved itself on the device it will run on. Runs in the computing lane and waits for nothing.

    ModelRefused when the file is missing, is not ONNX, has no card, was made for another precision, or does not
    reproduce its golden output. AcceleratorUnavailable when the provider does not start on this machine.
    """

    def __init__(self, path: Path, lanes: Lanes, options: NetworkOptions) -> None:
        content = read_model(path)
        self.path, self.options = path, options
        self._lanes = lanes
        self.card = _card(content, path)
        self.id = ModelId(self.card.name, self.card.version, hashlib.sha256(content).hexdigest())
        self._session = _session(content, path, self.card, lanes, options)
        self.provider: str = self._session.get_providers()[0]
        self._input, self._input_number = self._element(self._session.get_inputs(), self.card.input_name)
        self._output, self._output_number = self._element(self._session.get_outputs(), self.card.output_name)
        self._check_precision()
        self.carry_size = self._carry_size()
        self._binding = self._session.io_binding()
        self._padded: dict[int, _PaddedRun] = {}
        self._run_options = _run_options(graph_id=-1 if options.cuda_graphs else None)
        self.golden_deviation = self._check_golden()

    @property
    def of_one_length(self) -> bool:
        """Whether the network takes inputs of one shape only."""
        shapes = {entry.name: entry.shape for entry in self._session.get_inputs()}
        return all(isinstance(size, int) for size in shapes[self.card.input_name][1:])

    @torch.inference_mode()
    def scores(self, windows: Tensor) -> Tensor:
        """float32 (batch, *card.input_shape) on the device -> scores in [0, 1], float32 (batch, labels), there too.

        With CUDA graphs the result may be overwritten by what the next call enqueues: copy it, in the same lane.
        """
        with self._lanes.computing():
            if self.options.cuda_graphs and len(windows) <= self.options.max_batch:
                return self._padded_scores(windows)
            given = windows.to(self._input).contiguous()
            scores = torch.empty((len(given), len(self.card.labels)), dtype=self._output, device=given.device)
            self._bind(self._binding, given, scores)
            self._session.run_with_iobinding(self._binding, self._run_options)
            return scores.to(torch.float32)

    @torch.inference_mode()
    def scores_and_carries(self, windows: Tensor, carried: Tensor | None) -> tuple[Tensor, Tensor]:
        """As `scores`, and what each window hands on to the next one of its stream, float32 (batch, carry_size).

        carried: what the windows before handed on; None where there were none. Only for a network with a carry_size.
        """
        carry = self.card.carry
        assert carry is not None and self.carry_size is not None
        with self._lanes.computing():
            given = windows.to(self._input).contiguous()
            scores = torch.empty((len(given), len(self.card.labels)), dtype=self._output, device=given.device)
            handed_on = torch.empty((len(given), self.carry_size), dtype=torch.float32, device=given.device)
            binding = self._session.io_binding()  # its own: an input that was bound once stays bound
            self._bind(binding, given, scores)
            binding.bind_output(
                carry.output_name, *_place(handed_on), _FLOAT, tuple(handed_on.shape), handed_on.data_ptr()
            )
            if carried is not None:
                binding.bind_input(carry.input_name, *_place(carried), _FLOAT, tuple(carried.shape), carried.data_ptr())
            self._session.run_with_iobinding(binding, self._run_options)
            return scores.to(torch.float32), handed_on

    def _padded_scores(self, windows: Tensor) -> Tensor:
        """`scores` through memory of its own, which a captured graph reads and writes each time."""
        batch = len(windows)
        size = min(1 << (batch - 1).bit_length(), self.options.max_batch)
        run = self._padded.get(size)
        if run is None or run.given.shape[1:] != windows.shape[1:]:
            run = self._padded[size] = self._new_padded_run(size, windows)
        run.given[:batch].copy_(windows)
        self._session.run_with_iobinding(run.binding, run.options)
        return run.scores[:batch].to(torch.float32)

    def _new_padded_run(self, size: int, like: Tensor) -> _PaddedRun:
        given = torch.zeros((size, *like.shape[1:]), dtype=self._input, device=like.device)
        scores = torch.empty((size, len(self.card.labels)), dtype=self._output, device=like.device)
        binding = self._session.io_binding()
        self._bind(binding, given, scores)
        return _PaddedRun(given, scores, binding, _run_options(graph_id=size))

    def _bind(self, binding: ort.IOBinding, given: Tensor, scores: Tensor) -> None:
        shape = tuple(given.shape)
        binding.bind_input(self.card.input_name, *_place(given), self._input_number, shape, given.data_ptr())
        shape = tuple(scores.shape)
        binding.bind_output(self.card.output_name, *_place(scores), self._output_number, shape, scores.data_ptr())

    def _element(self, entries: list[ort.NodeArg], name: str) -> tuple[torch.dtype, int]:
        """The element type of an input or output, for torch and for ONNX."""
        types = {entry.name: entry.type for entry in entries}
        if name not in types:
            raise ModelRefused(f"model {self.path}: its card names {name!r}, but the network has {', '.join(types)}")
        if types[name] not in _ELEMENTS:
            raise ModelRefused(f"model {self.path}: {name} is a {types[name]}, which is no floating point type")
        return _ELEMENTS[types[name]]

    def _carry_size(self) -> int | None:
        """Numbers that a window hands on; None for a network that computes every window whole, or is to be a graph."""
        carry = self.card.carry
        if carry is None or self.options.cuda_graphs or self.options.backend is Backend.TENSORRT:
            return None
        # An input with a default is no input to ONNX Runtime, but an initializer that may be given.
        given = {entry.name: entry for entry in self._session.get_overridable_initializers()}
        outputs = {entry.name for entry in self._session.get_outputs()}
        if carry.input_name not in given or carry.output_name not in outputs:
            raise ModelRefused(
                f"model {self.path}: its card names the carry {carry.input_name!r} -> {carry.output_name!r}, which the "
                "network does not have"
            )
        size = given[carry.input_name].shape[-1]
        return size if isinstance(size, int) and given[carry.input_name].type == "tensor(float)" else None

    def _check_precision(self) -> None:
        made_for = _FILE_PRECISION.get(self._input)
        wanted = self.options.precision
        half = wanted if wanted in (Precision.FP16, Precision.BF16) else None
        if made_for is not None and made_for is not half:
            raise ModelRefused(f"model {self.path}: it was converted to {made_for}; set precision = {made_for}")
        if made_for is None and half is not None and self.options.backend is not Backend.TENSORRT:
            raise ModelRefused(
                f"model {self.path}: it is a float32 network, and only TensorRT computes one in {half}; use a "
                "converted file, precision = tf32, or TensorRT"
            )

    def _check_golden(self) -> float:
        """Largest deviation from the card's golden output; ModelRefused over the tolerance of the precision."""
        try:
            with self._lanes.computing():
                golden = torch.from_numpy(self.card.golden_input[np.newaxis].copy()).to(self._lanes.device)
                scores = self.scores(golden).cpu().numpy()
        except Exception as error:  # onnxruntime's exceptions share no base class
            if is_out_of_memory(error):
                raise
            raise ModelRefused(f"model {self.path}: the golden input cannot be scored: {first_line(error)}") from error
        deviation = float(np.abs(scores[0] - self.card.golden_output).max())
        allowed = GOLDEN_TOLERANCE[self.options.precision]
        if not deviation <= allowed:
            raise ModelRefused(
                f"model {self.path}: golden check failed, scores are off by {deviation:.2g} (allowed {allowed:g} in "
                f"{self.options.precision}); the file is damaged or this runtime computes wrongly"
            )
        return deviation


class _PaddedRun:
    """A batch size's own memory and binding; kept, because a captured CUDA graph holds their addresses."""

    def __init__(self, given: Tensor, scores: Tensor, binding: ort.IOBinding, options: ort.RunOptions) -> None:
        self.given, self.scores, self.binding, self.options = given, scores, binding, options


def _place(tensor: Tensor) -> tuple[str, int]:
    """A tensor's device, as ONNX Runtime names it."""
    return tensor.device.type, tensor.device.index or 0


def _run_options(graph_id: int | None) -> ort.RunOptions:
    """Do not wait for the device at the end of a run; `graph_id`: the captured graph to use, -1 for none."""
    options = ort.RunOptions()
    options.add_run_config_entry("disable_synchronize_execution_providers", "1")
    if graph_id is not None:
        options.add_run_config_entry("gpu_graph_id", str(graph_id))
    return options


def _session(content: bytes, path: Path, card: Card, lanes: Lanes, options: NetworkOptions) -> ort.InferenceSession:
    wanted = providers(options, card, lanes.device, lanes.work_handle)
    settings = session_options(options.threads)
    try:
        session = ort.InferenceSession(content, settings, providers=wanted)
    except Exception as error:  # onnxruntime's exceptions share no base class
        raise ModelRefused(f"model {path}: cannot be loaded for {lanes.device}: {first_line(error)}") from error
    name, _ = wanted[0]
    if session.get_providers()[0] != name:
        raise AcceleratorUnavailable(
            f"{lanes.device}: {name} did not start on this machine; its libraries (CUDA, cuDNN, TensorRT) are missing "
            'or of another version: pip install "genred[gpu]" into an environment of its own'
        )
    return session


def _card(content: bytes, path: Path) -> Card:
    """The card, read before anything is built for the device."""
    settings = session_options(1)
    settings.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        bare = ort.InferenceSession(content, settings, providers=[CPU_PROVIDER])
    except Exception as error:  # onnxruntime's exceptions share no base class
        raise ModelRefused(f"model {path}: not a usable ONNX file: {first_line(error)}") from error
    try:
        return card_from_metadata(bare.get_modelmeta().custom_metadata_map)
    except CardError as error:
        raise ModelRefused(f"model {path}: {error}; make one with 'genred export'") from error
