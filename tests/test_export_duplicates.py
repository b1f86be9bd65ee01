"""The same music is found in another encoding, loudness and cut; other music is not, nor what has nothing to find."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import soxr

from export.data.clip import Clip
from export.data.duplicates import MOST_BIT_ERRORS, aligned_errors, same_audio
from export.data.fingerprint import LONGEST_S, RATE_HZ, Fingerprint, fingerprint
from export.data.listening import Heard, Unreadable, hear
from export.data.recordings import bound, duplicates, one_of_each
from tests.made_music import Samples, audio_bytes, tune

SECONDS = 12.0
SEEDS = range(6)


def print_of(path: Path) -> Fingerprint:
    heard = hear(path)
    assert isinstance(heard, Heard)
    assert isinstance(heard.content, Fingerprint)
    return heard.content


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Each seed's music as it is, in two low bit rates, cut by a good second, and quiet at another rate."""
    folder = tmp_path_factory.mktemp("versions")
    made: dict[str, list[Path]] = {name: [] for name in ("wav", "mp3", "ogg", "cut.mp3", "quiet.flac")}
    for seed in SEEDS:
        music = tune(seed, SECONDS)
        quiet = np.asarray(soxr.resample(0.1 * music, 16_000, 22_050), np.float32)
        contents = {
            "wav": audio_bytes(music, "wav"),
            "mp3": audio_bytes(music, "mp3", bit_rate=32_000),
            "ogg": audio_bytes(music, "ogg", bit_rate=48_000),
            "cut.mp3": audio_bytes(music[16_317:], "mp3", bit_rate=32_000),
            "quiet.flac": audio_bytes(quiet, "flac", 22_050),
        }
        for name, content in contents.items():
            made[name].append(folder / f"{seed}.{name}")
            made[name][-1].write_bytes(content)
    return made


def test_all_versions_of_a_recording_are_found_and_nothing_else(versions: dict[str, list[Path]]) -> None:
    prints = [(seed, print_of(paths[seed])) for paths in versions.values() for seed in SEEDS]
    expected = {(i, j) for i, j in combinations(range(len(prints)), 2) if prints[i][0] == prints[j][0]}
    assert set(same_audio([one for _, one in prints])) == expected


def test_the_threshold_lies_far_from_both(versions: dict[str, list[Path]]) -> None:
    """Strangers are tried at every offset: the nearest they ever come."""
    prints = [print_of(path) for path in versions["wav"]]
    compressed = [print_of(path) for path in versions["mp3"]]
    nearest = [
        min(aligned_errors(ours, theirs, by) for by in (-1, 0, 1))
        for ours, theirs in zip(prints, compressed, strict=True)
    ]
    assert max(nearest) < 0.6 * MOST_BIT_ERRORS
    strangers = [
        min(aligned_errors(ours, theirs, by) for by in range(-len(theirs.words), len(ours.words)))
        for ours, theirs in combinations(prints, 2)
    ]
    assert min(strangers) > 1.3 * MOST_BIT_ERRORS


def test_a_cut_out_of_a_long_piece_is_found() -> None:
    whole = np.concatenate([tune(seed, 30.0, RATE_HZ) for seed in range(20, 24)])
    prints = [
        fingerprint(whole),
        fingerprint(whole[40 * RATE_HZ + 123 : 55 * RATE_HZ]),
        fingerprint(tune(30, 15, RATE_HZ)),
    ]
    assert same_audio(prints) == [(0, 1)]
    assert len(prints[0].words) * 0.064 < LONGEST_S  # the rest was not looked at


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(5 * RATE_HZ, np.float32),
        np.zeros(0, np.float32),
        np.ones(100, np.float32),
        np.full(5 * RATE_HZ, 0.25, np.float32),
        (0.5 * np.sin(2 * np.pi * 440 * np.arange(5 * RATE_HZ) / RATE_HZ)).astype(np.float32),
    ],
    ids=["silence", "nothing", "a moment", "a constant", "a tone"],
)
def test_what_never_changes_is_nobodys_duplicate(samples: Samples) -> None:
    """Its bits would be chance, and the same for all that is alike: equal bytes still count as one recording."""
    one = fingerprint(samples)
    assert same_audio([one, one, fingerprint(samples[: len(samples) // 2])]) == []


def test_noises_of_one_colour_are_different_recordings() -> None:
    noises = [np.random.default_rng(seed).standard_normal(8 * RATE_HZ).astype(np.float32) for seed in range(8)]
    assert same_audio([fingerprint(noise) for noise in noises]) == []
    assert same_audio([fingerprint(noises[0]), fingerprint(noises[0][RATE_HZ:])]) == [(0, 1)]


def test_no_fingerprints_no_pairs() -> None:
    assert same_audio([]) == []
    assert same_audio([fingerprint(tune(1, 5, RATE_HZ))]) == []


def test_recordings_are_bound_across_copies_and_versions(versions: dict[str, list[Path]]) -> None:
    paths = [versions["wav"][0], versions["mp3"][1], versions["ogg"][0], versions["wav"][0], versions["cut.mp3"][0]]
    heard = [one for one in map(hear, paths) if isinstance(one, Heard)]
    clips = [
        Clip(path, ("a",), sha256=one.sha256, duration_s=one.duration_s) for path, one in zip(paths, heard, strict=True)
    ]
    names = [clip.recording for clip in bound(clips, heard)]
    assert names[0] == names[2] == names[3] == names[4] != names[1]
    groups = duplicates(bound(clips, heard))
    assert [{clip.path for clip in group} for group in groups] == [set(paths) - {paths[1]}]
    kept, skipped = one_of_each(bound(clips, heard))
    assert {clip.path.name for clip in kept} == {"1.mp3", "0.ogg"}  # Vorbis gives the longest, by its padding
    assert {one.reason for one in skipped} == {f"the same audio as {versions['ogg'][0]}"}


def test_silence_and_rubbish_are_unreadable(tmp_path: Path) -> None:
    silent = tmp_path / "silent.wav"
    silent.write_bytes(audio_bytes(np.zeros(80_000, np.float32), "wav"))
    assert hear(silent) == Unreadable("is silent from end to end")
    for content, said in ((b"", "is empty"), (b"RIFF" * 999, "is not audio that FFmpeg can read")):
        silent.write_bytes(content)
        heard = hear(silent)
        assert isinstance(heard, Unreadable)
        assert said in heard.reason
        assert str(silent) not in heard.reason
    assert hear(tmp_path / "none.wav") == Unreadable("does not exist")
