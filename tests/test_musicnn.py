"""The network: fast equals plain, and the shipped files equal the original package's scores."""

import json
from collections.abc import Callable

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from models.card_file import read_card
from models.catalogue import resolve_model
from models.front_ends.frames import make_frames, whole_frames
from models.musicnn.folding import MaximumActivation, dense_after, folded_norm, grown, upward_sign
from models.musicnn.hops import FRAMES_PER_BLOCK, FirstCarry, HopMusicnn
from models.musicnn.living import LivingMusicnn, all_kept
from models.musicnn.network import FrontBlock, Musicnn
from models.musicnn.packed_conv import PackedFrontBlocks
from models.musicnn.spectral_conv import CHUNK_FRAMES, SpectralFrontBlock
from tests.reference_data import REFERENCE, needs_reference, reference

CLIPS = pytest.mark.parametrize("clip", ["TRWJ", "joram"])
MODELS = pytest.mark.parametrize("model", ["msd", "mtt"])


def shake_norms(network: nn.Module, seed: int) -> None:
    """Give every normalisation statistics as after training: some gammas negative, some variances small."""
    generator = torch.Generator().manual_seed(seed)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            n = norm.num_features
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.weight.data = torch.randn(n, generator=generator)
            norm.bias.data = torch.randn(n, generator=generator)
            norm.running_mean.data = torch.randn(n, generator=generator) * 0.1
            norm.running_var.data = torch.rand(n, generator=generator) + 0.05


@pytest.fixture(scope="module")
def network() -> Musicnn:
    """A network of random weights, in evaluation."""
    torch.manual_seed(0)
    made = Musicnn(n_labels=7)
    shake_norms(made, seed=1)
    return made.eval()


def windows(batch: int, n_frames: int = 250, seed: int = 0) -> Tensor:
    """Numbers like a log-mel spectrum's: (batch, n_frames, 96), 0..4."""
    return 4 * torch.rand(batch, n_frames, 96, generator=torch.Generator().manual_seed(seed)) ** 2


def test_shapes_of_the_three_outputs(network: Musicnn) -> None:
    with torch.inference_mode():
        scores, logits, embedding = network(windows(2)), network.logits(windows(2)), network.embedding(windows(2))
    assert (scores.shape, logits.shape, embedding.shape) == ((2, 7), (2, 7), (2, 200))
    torch.testing.assert_close(torch.sigmoid(logits), scores)


def test_it_can_be_trained(network: Musicnn) -> None:
    trained = Musicnn(n_labels=3).train()
    loss = nn.functional.binary_cross_entropy_with_logits(trained.logits(windows(2, 40)), torch.ones(2, 3))
    loss.backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in trained.parameters())


def test_hop_by_hop_equals_plain(network: Musicnn) -> None:
    hops, n_windows = HopMusicnn(LivingMusicnn(network, all_kept(network))).eval(), 5
    streams = torch.cat([torch.zeros(1, 750, 96), windows(2, 750)])
    streams[1, 300:500] = 0  # silence in the middle of music
    with torch.inference_mode():
        carried = hops.first_carry(streams[:, :250])
        assert carried.shape == (3, hops.carry_size)
        for window in range(n_windows):
            frames = streams[:, window * FRAMES_PER_BLOCK :][:, : 2 * FRAMES_PER_BLOCK]
            torch.testing.assert_close(FirstCarry(hops)(frames), carried, rtol=0, atol=1e-5)
            logits, carried = hops(frames, carried)
            torch.testing.assert_close(torch.sigmoid(logits), network(frames), rtol=0, atol=2e-6)


def test_a_carry_is_what_the_windows_share_and_nothing_else(network: Musicnn) -> None:
    """What came before the older block, and another window's carry, must and must not matter."""
    hops = HopMusicnn(LivingMusicnn(network, all_kept(network))).eval()
    ours, theirs = windows(1, seed=1), windows(1, seed=2)
    with torch.inference_mode():
        right, wrong = hops.first_carry(ours), hops.first_carry(theirs)
        assert (hops(ours, right)[0] - hops(ours, wrong)[0]).abs().max() > 1e-3
        after_other_past = torch.cat([theirs[:, :125], ours[:, :125]], dim=1)
        _, carry = hops(after_other_past, wrong)
    torch.testing.assert_close(carry, right, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("height", "n_points", "n_parts"),
    [(38, 96, 1), (67, 64, 2), (67, 96, 1), (67, 52, 3), (38, 80, 2), (94, 96, 1), (95, 96, 1)],
)
@pytest.mark.parametrize("n_frames", [5, CHUNK_FRAMES, 50])
def test_the_fourier_way_is_the_convolution(height: int, n_points: int, n_parts: int, n_frames: int) -> None:
    torch.manual_seed(height)
    block = FrontBlock(16, 7, height)
    shake_norms(block, seed=height)
    spectral = SpectralFrontBlock(block.eval(), n_points, n_parts)
    normalised = torch.randn(2, n_frames, 96)
    with torch.inference_mode():
        wanted = block(normalised.unsqueeze(1))
        torch.testing.assert_close(spectral(normalised), wanted, rtol=1e-5, atol=2e-5)


def test_a_transform_too_short_is_refused() -> None:
    with pytest.raises(AssertionError, match="wrap around"):
        SpectralFrontBlock(FrontBlock(4, 7, 38).eval(), 64, 1)


@pytest.mark.parametrize("frames_per_block", [125, 70, 40])
def test_packed_convolutions_are_the_separate_ones(frames_per_block: int) -> None:
    torch.manual_seed(3)
    blocks = [FrontBlock(51, width, 1) for width in (128, 64, 32)]
    for seed, block in enumerate(blocks):
        shake_norms(block.eval(), seed)
    packed = PackedFrontBlocks(blocks, frames_per_block)
    stream = torch.randn(2, 3 * frames_per_block, 96)
    with torch.inference_mode():
        carried = packed.carry(stream[:, :frames_per_block])
        assert carried.shape == (2, packed.carry_size)
        for start in (0, frames_per_block):
            window = stream[:, start : start + 2 * frames_per_block]
            found, carried = packed(window, carried)
            wanted = torch.cat([block(window.unsqueeze(1)) for block in blocks], dim=1)
            torch.testing.assert_close(found[:, :153], wanted, rtol=1e-5, atol=1e-5)
            assert not found[:, 153:].any()


def test_folding_is_exact() -> None:
    torch.manual_seed(4)
    norm, dense = nn.BatchNorm1d(6), nn.Linear(6, 3)
    shake_norms(nn.Sequential(norm), seed=4)
    values = torch.randn(5, 6)
    with torch.inference_mode():
        torch.testing.assert_close(dense_after(norm, dense)(values), dense(norm.eval()(values)))
        scale, shift = folded_norm(norm)
        torch.testing.assert_close((values * scale + shift).float(), norm(values))
    assert grown(torch.ones(2, 3), 4).sum(dim=1).tolist() == [3, 3, 0, 0]


def test_the_maximum_comes_before_the_activation() -> None:
    norm, bias, values = nn.BatchNorm2d(8), torch.randn(8), torch.randn(2, 8, 5, 9)
    shake_norms(nn.Sequential(norm), seed=5)
    activation = MaximumActivation([bias], [norm], 8)
    with torch.inference_mode():
        sign = upward_sign(norm).float()[:, None, None]
        wanted = norm.eval()(torch.relu(values + bias[:, None, None])).amax(dim=3)
        torch.testing.assert_close(activation((values * sign).amax(dim=3)), wanted)


def session(model: str) -> onnxruntime.InferenceSession:
    """A shipped model on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(resolve_model(f"musicnn-{model}")), options)


@MODELS
def test_the_shipped_files_reproduce_their_golden_scores(model: str) -> None:
    card = read_card(resolve_model(f"musicnn-{model}"))
    scores = session(model).run([card.output_name], {card.input_name: card.golden_input[np.newaxis]})[0][0]
    np.testing.assert_allclose(scores, card.golden_output, rtol=0, atol=2e-6)
    assert card.golden_output.max() - card.golden_output.min() > 0.1  # a window that says something


@MODELS
def test_a_window_scores_the_same_in_any_batch(model: str) -> None:
    running = session(model)
    batch = windows(5).numpy()
    together = running.run(None, {"log_mel": batch})[0]
    for window, scores in zip(batch, together, strict=True):
        alone = running.run(None, {"log_mel": window[np.newaxis]})[0][0]
        np.testing.assert_allclose(alone, scores, rtol=0, atol=2e-6)


@MODELS
def test_the_shipped_files_say_nothing_of_the_machine_they_were_made_on(model: str) -> None:
    content = resolve_model(f"musicnn-{model}").read_bytes()
    for trace in (b"site-packages", b".py", b"/home/", b"/root/", b"/tmp/"):
        assert trace not in content


@needs_reference
@MODELS
def test_labels_are_the_packages(model: str) -> None:
    card = read_card(resolve_model(f"musicnn-{model}"))
    assert list(card.label_names) == json.loads((REFERENCE / f"{model.upper()}_tags.json").read_text())


@needs_reference
@MODELS
@CLIPS
def test_scores_from_the_windows_are_the_originals(model: str, clip: str) -> None:
    spectrograms = reference(f"{clip}_win250hop125_f32")
    found = session(model).run(None, {"log_mel": spectrograms})[0]
    wanted = reference(f"{model.upper()}_musicnn_{clip}_win250hop125_sigmoid")
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def spectrograms_whole(clip: str) -> np.ndarray:
    """The front end over the whole recording, cut into windows of 250 frames every 125."""
    frames = whole_frames(reference(f"{clip}_audio16k"), read_card(resolve_model("musicnn-msd")).front_end)
    return np.stack([frames[first : first + 250] for first in range(0, len(frames) - 249, 125)])


def spectrograms_by_block(clip: str) -> np.ndarray:
    """The front end over blocks of 2 s with their margin, as the daemon does it, joined in pairs."""
    samples = np.pad(reference(f"{clip}_audio16k"), (256, 0))
    n_blocks = (len(samples) - 256) // 32_000
    blocks = np.stack([samples[32_000 * b : 32_000 * (b + 1) + 256] for b in range(n_blocks)])
    frames = make_frames(read_card(resolve_model("musicnn-msd")).front_end).frames_of(blocks)
    return np.concatenate([frames[:-1], frames[1:]], axis=1)


@needs_reference
@MODELS
@CLIPS
@pytest.mark.parametrize("spectrograms_of", [spectrograms_whole, spectrograms_by_block])
def test_scores_from_the_audio_are_the_originals(
    model: str, clip: str, spectrograms_of: Callable[[str], np.ndarray]
) -> None:
    wanted = reference(f"{model.upper()}_musicnn_{clip}_win250hop125_sigmoid")
    spectrograms = spectrograms_of(clip)
    assert len(spectrograms) >= len(wanted) - 1
    found = session(model).run(None, {"log_mel": spectrograms})[0][: len(wanted)]
    np.testing.assert_allclose(found, wanted[: len(found)], rtol=0, atol=1e-4)
