"""The device path agrees with the CPU path, window for window, and keeps batches apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from daemon.audio_format import AudioFormat, SampleFormat
from daemon.cuts import Window
from daemon.errors import AcceleratorOutOfMemory, SettingsError
from daemon.gpu.block_groups import ResampleOn
from daemon.gpu.bound_network import BoundNetwork
from daemon.gpu.gpu_scorer import GpuScorer
from daemon.gpu.lanes import Lanes
from daemon.gpu.memory import is_out_of_memory, memory_guard
from daemon.gpu.network_options import NetworkOptions
from daemon.inference import Scores
from daemon.vocabulary import Merge
from models.catalogue import pretrained_models
from tests.gpu_twins import (
    DEVICES,
    ON_CUDA,
    TOLERANCE,
    Floats,
    Told,
    cpu_scorer,
    cut,
    cutter,
    encoded,
    gpu_scorer,
    lanes_of,
    loose,
    music,
    spectrograms,
)
from tests.tiny_model import tiny_card, write_tiny_model


def assert_twins(found: Sequence[Scores | None], wanted: Sequence[Scores | None]) -> None:
    """Silent alike, with the same scores."""
    assert [scores is None for scores in found] == [scores is None for scores in wanted]
    for ours, theirs in zip(found, wanted, strict=True):
        if ours is not None and theirs is not None:
            assert ours.dtype == np.float32
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE)


def assert_same_features(scorer: GpuScorer, ours: Sequence[Window], theirs: Sequence[Window]) -> None:
    """Every feature, and every block's power."""
    wanted = np.stack([np.concatenate([block.features for block in window.blocks]) for window in theirs])
    np.testing.assert_allclose(spectrograms(scorer, ours), wanted, rtol=0, atol=TOLERANCE)
    for window, twin in zip(ours, theirs, strict=True):
        for block, other in zip(window.blocks, twin.blocks, strict=True):
            assert block.mean_square == pytest.approx(other.mean_square, rel=1e-4, abs=1e-12)
            assert block.audio is None


@DEVICES
@pytest.mark.parametrize("resample_on", list(ResampleOn))
@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 22051, 32000, 44100, 48000, 96000])
def test_every_rate(device: str, rate_hz: int, resample_on: ResampleOn, tiny_model: Path) -> None:
    windows = cutter(6.5, rate_hz, 2)
    scorer = gpu_scorer(tiny_model, lanes_of(device), Told(), resample_on)
    ours, theirs = windows(), windows()
    assert len(ours) == 2
    assert_twins(scorer.begin(ours).scores(), cpu_scorer(tiny_model, Told()).begin(theirs).scores())
    assert_same_features(scorer, ours, theirs)


@DEVICES
@pytest.mark.parametrize("channels", [1, 2, 3, 8])
@pytest.mark.parametrize("kind", list(SampleFormat))
def test_every_format(device: str, kind: SampleFormat, channels: int, tiny_model: Path) -> None:
    windows = cutter(4.5, 16000, channels, kind)
    scorer = gpu_scorer(tiny_model, lanes_of(device), Told())
    ours, theirs = windows(), windows()
    assert_twins(scorer.begin(ours).scores(), cpu_scorer(tiny_model, Told()).begin(theirs).scores())
    assert_same_features(scorer, ours, theirs)


@DEVICES
@pytest.mark.parametrize("model", pretrained_models(), ids=lambda path: path.stem)
def test_the_shipped_models(device: str, model: Path) -> None:
    windows = cutter(6.5, 44100, 2)
    ours = gpu_scorer(model, lanes_of(device), Told()).begin(windows()).scores()
    assert_twins(ours, cpu_scorer(model, Told()).begin(windows()).scores())


@DEVICES
def test_a_batch_of_all_sorts(device: str, tiny_model: Path) -> None:
    sorts = [
        cutter(8.5, 44100, 2, seed=1),
        cutter(6.5, 16000, 1, seed=2),
        cutter(6.5, 48000, 1, SampleFormat.F32LE, seed=3),
        cutter(4.5, 22051, 2, seed=4),
        cutter(6.5, 16000, 3, SampleFormat.U8, seed=5),
    ]
    ours = [window for windows in sorts for window in windows()]
    theirs = [window for windows in sorts for window in windows()]
    scorer = gpu_scorer(tiny_model, lanes_of(device), Told())
    assert_twins(scorer.begin(ours).scores(), cpu_scorer(tiny_model, Told()).begin(theirs).scores())
    assert_same_features(scorer, ours, theirs)


@DEVICES
def test_windows_that_share_blocks_in_and_across_batches(device: str, tiny_model: Path) -> None:
    windows = cutter(20.5, 32000, 2)
    ours, wanted = windows(), cpu_scorer(tiny_model, Told()).begin(windows()).scores()
    scorer = gpu_scorer(tiny_model, lanes_of(device), Told())
    assert ours[0].blocks[1] is ours[1].blocks[0]
    batches = [scorer.begin(ours[:3]), scorer.begin(ours[3:4])]
    found = [item for batch in batches for item in batch.scores()]
    found += scorer.begin(ours[4:]).scores()
    assert_twins(found, wanted)


@DEVICES
def test_a_window_twice_in_a_batch_and_again_in_the_next(device: str, tiny_model: Path) -> None:
    (window,) = cutter(4.5)()
    scorer = gpu_scorer(tiny_model, lanes_of(device), Told())
    first, second = scorer.begin([window, window]).scores()
    (third,) = scorer.begin([window]).scores()
    assert first is not None
    for other in (second, third):
        assert other is not None
        np.testing.assert_allclose(other, first, atol=1e-6)


@DEVICES
def test_batches_under_way_keep_their_results(device: str, tiny_model: Path) -> None:
    streams = [cutter(6.5, 44100, 2, seed=seed) for seed in range(6)]
    wanted = [cpu_scorer(tiny_model, Told()).begin(windows()).scores() for windows in streams]
    scorer = gpu_scorer(tiny_model, lanes_of(device), Told())
    assert scorer.depth == 2
    waiting = [scorer.begin(streams[0]())]
    found = []
    for windows in streams[1:]:
        waiting.append(scorer.begin(windows()))
        found.append(waiting.pop(0).scores())
    found.append(waiting[0].scores())
    for ours, theirs in zip(found, wanted, strict=True):
        assert_twins(ours, theirs)
    assert waiting[0].scores() is found[-1]  # asked again


@DEVICES
def test_more_batches_under_way_than_promised(device: str, tiny_model: Path) -> None:
    streams = [cutter(4.5, seed=seed) for seed in range(5)]
    scorer = gpu_scorer(tiny_model, lanes_of(device), Told())
    batches = [scorer.begin(windows()) for windows in streams]
    for batch, windows in zip(batches, streams, strict=True):
        assert_twins(batch.scores(), cpu_scorer(tiny_model, Told()).begin(windows()).scores())


@DEVICES
@pytest.mark.parametrize("size", [1, 3, 5, 17, 70])
def test_odd_batch_sizes_and_a_pool_that_grows(device: str, size: int, tiny_model: Path) -> None:
    windows = cutter(2 * size + 2.5)
    ours = windows()
    assert len(ours) == size
    scorer = gpu_scorer(tiny_model, lanes_of(device), Told())
    assert_twins(scorer.begin(ours).scores(), cpu_scorer(tiny_model, Told()).begin(windows()).scores())
    assert scorer.features.rows_in_use == size + 1


@DEVICES
def test_rows_are_given_back_with_their_blocks(device: str, tiny_model: Path) -> None:
    windows = cutter(20.5)()
    scorer = gpu_scorer(tiny_model, lanes_of(device), Told())
    for _ in range(9):
        scorer.begin(windows[:1]).scores()
        del windows[0]
        assert scorer.features.rows_in_use == (len(windows) and 1)


@DEVICES
def test_silent_windows_come_out_as_on_the_cpu(device: str, tiny_model: Path) -> None:
    fmt = AudioFormat(SampleFormat.S16LE, 44100, 2)
    loud, quiet = music(4, 44100, 2), 2e-4 * music(4, 44100, 2)
    stretches = [encoded(loud, fmt.sample_format), fmt.silence(6 * 44100), encoded(quiet, fmt.sample_format)]
    audio = b"".join([*stretches, stretches[0]])
    ours = gpu_scorer(tiny_model, lanes_of(device), Told()).begin(cut(audio, fmt)).scores()
    assert [scores is None for scores in ours] == [False, False, True, True, True, True, False, False]
    assert_twins(ours, cpu_scorer(tiny_model, Told()).begin(cut(audio, fmt)).scores())


@DEVICES
@pytest.mark.parametrize("rate_hz", [16000, 44100])
def test_unusable_samples_are_counted_and_zeroed(device: str, rate_hz: int, tiny_model: Path) -> None:
    samples = music(4.5, rate_hz, 2)
    samples[1000:1100, 0] = np.nan
    samples[2000, 1], samples[3000, 0] = np.inf, -1e30
    audio, fmt = samples.tobytes(), AudioFormat(SampleFormat.F32LE, rate_hz, 2)
    told, wanted = Told(), Told()
    ours = gpu_scorer(tiny_model, lanes_of(device), told).begin(cut(audio, fmt)).scores()
    assert_twins(ours, cpu_scorer(tiny_model, wanted).begin(cut(audio, fmt)).scores())
    assert told.unusable == wanted.unusable == 102


@DEVICES
def test_float_audio_that_is_not_audio_is_silence(device: str, tiny_model: Path) -> None:
    (window,) = cutter(4.5, 16000, 1, SampleFormat.F32LE)()
    nothing = loose(window, [np.full(len(block.audio or b"") // 4, np.nan, "<f4").tobytes() for block in window.blocks])
    (scores,) = gpu_scorer(tiny_model, lanes_of(device), Told()).begin([nothing]).scores()
    assert scores is None


@DEVICES
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1, 1, 1), (2, 2, 2), (3, 1, 2), (6,)])
def test_what_windows_hand_on(device: str, sizes: tuple[int, ...], tmp_path: Path) -> None:
    """Streams that begin at other times, in batches of all sorts; the shipped networks, which carry half a window."""
    streams = [cutter(14.5, 16000, seed=1)(), cutter(14.5, 16000, seed=2)(), cutter(14.5, 44100, 2, seed=3)()]
    later = [streams[0], [*streams[1][2:]], [*streams[2][1:]]]
    lanes, told = lanes_of(device), Told()
    networks = [BoundNetwork(path, lanes, NetworkOptions()) for path in pretrained_models()]
    assert all(network.carry_size for network in networks)
    scorer = GpuScorer(networks, lanes, -60, told.count, told.timed)
    place = 0
    for size in sizes:
        windows = [window for stream in later for window in stream[place : place + size]]
        found = scorer.begin(windows).scores()
        assert_twins(found, whole_scores(networks, spectrograms(scorer, windows), lanes))
        place += size


def whole_scores(networks: Sequence[BoundNetwork], found: Floats, lanes: Lanes) -> list[Scores | None]:
    """Every window scored by itself, from the device's spectrograms float32 (windows, frames, n_mels)."""
    with lanes.computing():
        windows = torch.from_numpy(found).to(lanes.device)
        alone = [torch.cat([network.scores(one[None]) for network in networks], dim=1)[0] for one in windows]
        return [scores.cpu().numpy() for scores in alone]


@DEVICES
def test_several_networks_share_the_features(device: str, tiny_model: Path) -> None:
    windows = cutter(6.5, 44100, 2)
    scorer = gpu_scorer(tiny_model, lanes_of(device), Told(), copies=3)
    found = scorer.begin(windows()).scores()
    (once, again) = gpu_scorer(tiny_model, lanes_of(device), Told()).begin(windows()).scores()
    for ours, single in zip(found, (once, again), strict=True):
        assert ours is not None and single is not None
        np.testing.assert_allclose(ours, np.tile(single, 3), atol=1e-6)


@DEVICES
def test_scores_that_are_merged(device: str, tiny_model: Path) -> None:
    windows = cutter(6.5)
    lanes, told = lanes_of(device), Told()
    networks = [BoundNetwork(tiny_model, lanes, NetworkOptions()) for _ in range(2)]
    mean = Merge(np.tile(np.eye(4, dtype=np.float32) / 2, (2, 1)))
    scorer = GpuScorer(networks, lanes, -60, told.count, told.timed, mean)
    assert_twins(scorer.begin(windows()).scores(), cpu_scorer(tiny_model, Told()).begin(windows()).scores())


@DEVICES
def test_other_networks_from_the_next_batch_on(device: str, tiny_model: Path) -> None:
    windows = cutter(8.5)()
    lanes = lanes_of(device)
    scorer = gpu_scorer(tiny_model, lanes, Told())
    scorer.begin(windows[:1]).scores()
    scorer.serve([BoundNetwork(tiny_model, lanes, NetworkOptions()) for _ in range(2)])
    (second,) = scorer.begin(windows[1:2]).scores()
    assert second is not None and second.shape == (8,)


def test_networks_that_hear_different_spectrograms_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    louder = replace(tiny_card().front_end, normalisation="window")
    other = write_tiny_model(tmp_path / "other.onnx", front_end=louder)
    lanes = lanes_of("cpu")
    networks = [BoundNetwork(path, lanes, NetworkOptions()) for path in (tiny_model, other)]
    with pytest.raises(SettingsError, match="hears with another front end"):
        GpuScorer(networks, lanes, -60, lambda n: None, lambda stage, seconds: None)


@DEVICES
def test_the_stages_are_told_with_the_scores(device: str, tiny_model: Path) -> None:
    told = Told()
    batch = gpu_scorer(tiny_model, lanes_of(device), told).begin(cutter(4.5)())
    assert told.stages == []
    batch.scores()
    assert [stage for stage, _ in told.stages] == ["upload", "features", "inference", "download"]
    assert all(seconds >= 0 for _, seconds in told.stages)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 1024"),
        RuntimeError("CUDNN failure 4003: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_a_full_device_says_what_to_set(error: Exception) -> None:
    with pytest.raises(AcceleratorOutOfMemory, match=r"batch of 64 windows.*engine\.max_batch to 32"):
        raise_in_guard(error)


def raise_in_guard(error: Exception) -> None:
    """Raise as the device would."""
    with memory_guard(torch.device("cpu"), 64):
        raise error


def test_other_errors_stay_what_they_are() -> None:
    assert not is_out_of_memory(ValueError("expected float32"))
    with pytest.raises(ValueError, match="expected"):
        raise_in_guard(ValueError("expected float32"))


@ON_CUDA
def test_a_device_that_is_really_full(tiny_model: Path) -> None:
    windows = cutter(400, 44100, 2)()
    scorer = gpu_scorer(tiny_model, lanes_of("cuda"), Told())
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-3)
    try:
        with pytest.raises(AcceleratorOutOfMemory, match=r"engine\.max_batch"):
            scorer.begin(windows).scores()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


@ON_CUDA
def test_beginning_waits_for_nothing(tiny_model: Path) -> None:
    """torch raises at whatever would wait for the device in `begin`."""
    scorer = gpu_scorer(tiny_model, lanes_of("cuda"), Told())
    streams = [cutter(6.5, 44100, 2, seed=seed) for seed in range(3)]
    scorer.begin(streams[0]()).scores()  # the resampler's matrix goes up once
    torch.cuda.set_sync_debug_mode("error")
    try:
        batches = [scorer.begin(windows()) for windows in streams[1:]]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for batch in batches:
        batch.scores()
