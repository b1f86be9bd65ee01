"""The pretrained taggers against the original package's own scores, from the spectrogram and from the audio."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.inference import OnnxModel
from models.catalogue import PRETRAINED
from models.frontend import LogMel
from models.frontend_spec import MUSICNN_FRONT_END
from models.musicnn import Musicnn
from models.musicnn_fast import FastMusicnn
from tests.parts import ListSink, ListSource, make_parts, run_through
from tests.strategies import chunk_of, chunks_at

Floats = npt.NDArray[np.float32]

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data" / "musicnn"
FORMAT = AudioFormat(SampleFormat.F32LE, 16_000, 1)
HOP_FRAMES, WINDOW_FRAMES = 125, 250
# Kernels and biases of the convolutions and dense layers; scale and shift of every normalised channel.
N_PARAMETERS = 781_236 + 1_003 + 2 * 2_460
FAST_TOLERANCE = 2e-6

needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="the original's reference scores are not here")
models = pytest.mark.parametrize("model", ["msd", "mtt"])
clips = pytest.mark.parametrize("clip", ["TRWJ", "joram"])


def shipped(model: str) -> Path:
    """The path of a shipped model."""
    return PRETRAINED / f"musicnn-{model}.onnx"


def reference(name: str) -> Floats:
    """A reference array."""
    values: Floats = np.load(REFERENCE / f"{name}.npy")
    return values


def reference_scores(model: str, clip: str) -> Floats:
    """The original's scores, (windows, 50)."""
    return reference(f"{model.upper()}_musicnn_{clip}_win250hop125_sigmoid")


def random_network(seed: int) -> Musicnn:
    """A network with weights and statistics of no meaning, some gammas negative."""
    torch.manual_seed(seed)
    network = Musicnn().eval()
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.weight.data.normal_(0.3, 0.7)
            part.bias.data.normal_(0, 0.3)
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.5, 2)
    return network


@needs_reference
@models
@clips
def test_the_originals_scores_from_its_own_windows(model: str, clip: str) -> None:
    windows = reference(f"{clip}_win250hop125_f32")
    network = OnnxModel(shipped(model), "cpu", 1)
    np.testing.assert_allclose(network.scores(windows), reference_scores(model, clip), rtol=0, atol=1e-5)
    one_by_one = np.concatenate([network.scores(window[np.newaxis]) for window in windows[:3]])
    np.testing.assert_allclose(one_by_one, reference_scores(model, clip)[:3], rtol=0, atol=1e-5)


@needs_reference
@models
@clips
def test_the_originals_scores_from_the_audio(model: str, clip: str) -> None:
    frames = LogMel(MUSICNN_FRONT_END).whole(reference(f"{clip}_audio16k"))
    expected = reference_scores(model, clip)
    windows = np.stack([frames[HOP_FRAMES * k :][:WINDOW_FRAMES] for k in range(len(expected))])
    np.testing.assert_allclose(OnnxModel(shipped(model), "cpu", 1).scores(windows), expected, rtol=0, atol=1e-4)


@needs_reference
@models
@clips
def test_the_originals_scores_through_the_daemon(model: str, clip: str) -> None:
    samples = reference(f"{clip}_audio16k")
    sink = _through_the_daemon(shipped(model), samples.astype("<f4").tobytes())
    expected = reference_scores(model, clip)
    labels = json.loads((REFERENCE / f"{model.upper()}_tags.json").read_text())
    assert [window.window for window in sink.windows] == list(range(len(sink.windows)))
    assert len(expected) - 2 <= len(sink.windows) <= len(expected)
    assert all(set(window.scores) == set(labels) for window in sink.windows)
    found = np.array([[window.scores[label] for label in labels] for window in sink.windows])
    np.testing.assert_allclose(found, expected[: len(found)], rtol=0, atol=1e-4)


def _through_the_daemon(model: Path, audio: bytes) -> ListSink:
    """All results of one stream that comes in uneven chunks."""

    async def go() -> ListSink:
        parts = make_parts(model, tags={"all_labels": True})
        n_frames = len(audio) // FORMAT.frame_bytes
        chunks = chunks_at(audio, range(0, n_frames, 3217), FORMAT)
        assert chunks[0] == chunk_of(audio, 0, 3217, fmt=FORMAT)
        return await run_through(parts, [ListSource("list", chunks)])

    return asyncio.run(go())


@needs_reference
@models
def test_the_cards_labels_are_the_originals(model: str) -> None:
    labels = json.loads((REFERENCE / f"{model.upper()}_tags.json").read_text())
    assert list(OnnxModel(shipped(model), "cpu", 1).card.label_names) == labels


@models
def test_a_shipped_model_says_what_it_is(model: str) -> None:
    network = OnnxModel(shipped(model), "cpu", 1)
    card = network.card
    assert (card.name, card.licence) == (f"musicnn-{model}", "ISC")
    assert card.provenance["checkpoint"] == f"{model.upper()}_musicnn"
    assert card.front_end == MUSICNN_FRONT_END
    assert (card.frames_per_window, card.frames_per_hop, len(card.labels)) == (WINDOW_FRAMES, HOP_FRAMES, 50)
    assert card.genres
    assert network.golden_deviation <= 1e-5


@models
def test_a_shipped_model_takes_any_batch(model: str) -> None:
    session = onnxruntime.InferenceSession(shipped(model), providers=["CPUExecutionProvider"])
    windows = np.random.default_rng(5).uniform(0, 4, (5, WINDOW_FRAMES, 96)).astype(np.float32)
    together = session.run(None, {"log_mel": windows})[0]
    assert together.shape == (5, 50)
    for batch in (1, 2, 4):
        found = session.run(None, {"log_mel": windows[:batch]})[0]
        np.testing.assert_allclose(found, together[:batch], rtol=0, atol=FAST_TOLERANCE)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), batch=st.integers(1, 5), n_frames=st.integers(1, 300))
def test_the_fast_arrangement_is_the_same_function(seed: int, batch: int, n_frames: int) -> None:
    network = random_network(seed)
    windows = 4 * torch.rand(batch, n_frames, 96) ** 2
    with torch.inference_mode():
        np.testing.assert_allclose(FastMusicnn(network).eval()(windows), network(windows), rtol=0, atol=1e-5)


def test_the_network_has_the_papers_size_and_shapes() -> None:
    network = Musicnn().eval()
    windows = torch.rand(2, 40, 96)
    with torch.inference_mode():
        assert network(windows).shape == (2, 50)
        assert network.pooled(windows).shape == (2, 1506)
        assert network.embedding(windows).shape == (2, 200)
        assert torch.equal(torch.sigmoid(network.logits(windows)), network(windows))
    assert sum(parameter.numel() for parameter in network.parameters()) == N_PARAMETERS


def test_the_gradient_reaches_every_parameter() -> None:
    network = Musicnn(n_labels=3).train()
    loss = network.logits(torch.rand(4, 60, 96)).square().sum()
    torch.autograd.backward(loss)
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in network.parameters())
