"""`genred export compare`: the figures of `export evaluate`, paired differences, sizes, speed, files, refusals."""

from __future__ import annotations

import base64
import csv
import json
import os
import resource
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from export.cli import app
from export.compare.comparing import Options, compare_models
from export.compare.entrants import named, open_entrants
from export.compare.files import csv_text, write_files
from export.compare.side_by_side import SideBySide
from export.convert.conversion import Wishes, convert
from export.convert.made_card import Naming
from export.data.music_set import MusicSet, write_music_set
from export.errors import InputUnusable
from export.evaluate.evaluating import Options as EvaluateOptions
from export.evaluate.evaluating import evaluate
from export.evaluate.json_report import json_text
from export.train.trained import load_network
from export.train.training import train
from models.card import Label
from tests.test_export_evaluate import Page
from tests.test_export_scoring import write_checkpoint
from tests.training_sets import LABELS, make_set, settings, write_tones

torch.set_num_threads(1)

RESAMPLES = 100
WAYS: dict[str, dict[str, Any]] = {
    "good": {"epochs": 3},
    "long": {"epochs": 1, "window_s": 3.0},
    "hasty": {"epochs": 1, "optimiser": {"learning_rate": 1e-5}},
}


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """Of each label 4 clips to train on, 1 for validation, 4 to test; one is too short for windows of 3 s."""
    music = make_set(tmp_path_factory.mktemp("music"), clips_per_label=9, seconds=5.0)
    clips = list(music.clips)
    for at, clip in enumerate(clips):
        place = at % 9
        clips[at] = replace(clip, split="train" if place < 4 else "validation" if place == 4 else "test")
    short = clips[-1].path
    write_tones(short, clips[-1].labels, 2.5, np.random.default_rng(1))
    clips[-1] = replace(clips[-1], sha256=None)
    dealt = replace(music, clips=tuple(clips))
    write_music_set(dealt)
    return dealt


@pytest.fixture(scope="module")
def runs(music: MusicSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three run folders, `good` as an ONNX file, and a copy of its checkpoint."""
    folder = tmp_path_factory.mktemp("runs")
    for name, changes in WAYS.items():
        train(music, settings(threads=1, **changes), folder / name)
    best = folder / "good" / "checkpoints" / "best.safetensors"
    convert(best, folder / "good.onnx", None, None, Wishes(Naming("made of good")))
    shutil.copy(best, folder / "copy.safetensors")
    return folder


@pytest.fixture(scope="module")
def options(music: MusicSet) -> Options:
    return Options(music.folder / "cache", resamples=RESAMPLES)


@pytest.fixture(scope="module")
def found(runs: Path, music: MusicSet, options: Options) -> SideBySide:
    """Two networks of the same windows, and the same network as an ONNX file."""
    return compare_models([str(runs / name) for name in ("hasty", "good", "good.onnx")], music, options)


def export(*arguments: object) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of `genred export compare ARGUMENTS`."""
    done = CliRunner().invoke(app, ["compare", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_figures_are_those_of_export_evaluate(runs: Path, music: MusicSet, found: SideBySide) -> None:
    for line in found.models:
        alone = evaluate(line.facts.path, music, EvaluateOptions(music.folder / "cache", resamples=RESAMPLES))
        assert dict(line.tracks.values) == alone.tracks and dict(line.windows.values) == alone.windows
        assert line.tracks.intervals == alone.intervals and line.labels == alone.labels
        assert line.facts.sha256 == alone.model.sha256 and line.n_windows == alone.music.windows
    assert found.music.tracks == 12
    assert [line.name for line in found.models] == [
        "hasty",
        "good",
        "made of good 1",
    ]
    assert [line.network for line in found.models] == ["spectrogram-cnn"] * 3


def test_differences_are_those_of_evaluate_compare(runs: Path, music: MusicSet, found: SideBySide) -> None:
    """The better one is taken as the best, and the other is as far from it as the two-sided comparison says."""
    assert found.against == "good" and found.chosen
    hasty, same = found.versus
    asked = EvaluateOptions(music.folder / "cache", resamples=RESAMPLES, compare=runs / "hasty")
    comparison = evaluate(runs / "good", music, asked).comparison
    assert comparison is not None
    for key, lead in hasty.tracks.items():
        wanted = comparison.differences[key]
        assert (lead.value, lead.interval, lead.p) == (wanted.value, wanted.interval, wanted.p)
    assert hasty.tracks["macro_f1"].value < 0 and hasty.tracks["macro_f1"].better < 0.1
    assert hasty.windows["macro_f1"].value < 0
    assert same.tracks["macro_f1"].value == pytest.approx(0, abs=1e-6)  # the ONNX file of the same network
    assert hasty.tracks["macro_f1"].p_holm == pytest.approx(min(1, 2 * hasty.tracks["macro_f1"].p))


def test_a_model_against_a_copy_of_itself_differs_in_nothing(runs: Path, music: MusicSet, options: Options) -> None:
    pair = [str(runs / "good"), str(runs / "copy.safetensors")]
    found = compare_models(pair, music, replace(options, against="copy.safetensors"))
    assert found.against == "copy" and not found.chosen
    (versus,) = found.versus
    for leads_of in (versus.tracks, versus.windows):
        assert leads_of
        for lead in leads_of.values():
            assert (lead.value, lead.interval.low, lead.interval.high, lead.better, lead.p_holm) == (0, 0, 0, 0, 1)
    assert any("the same file, byte for byte" in note for note in found.notes)


def test_windows_of_other_lengths_are_compared_on_the_tracks_that_both_hear(
    runs: Path, music: MusicSet, options: Options
) -> None:
    found = compare_models([str(runs / "long"), str(runs / "good")], music, options)
    assert found.music.tracks == 11
    said = "\n".join(found.notes)
    assert "Compared are the 11 tracks that every model could hear; good heard 12." in said
    assert "Not all hear the same windows" in said
    assert "long: 1 clip cannot be heard" in said and "11 tracks are few" in said
    (versus,) = found.versus
    assert versus.tracks and not versus.windows
    assert [line.n_windows for line in found.models] == [11 * 3, 11 * 4]
    assert found.models[0].hears == "log-mel 48x16, 3 s every 1 s at 8 kHz"


def test_sizes_and_speed(runs: Path, found: SideBySide) -> None:
    _, good, converted = found.models
    network = load_network(runs / "good" / "checkpoints" / "best.safetensors")[1]
    assert good.parameters == sum(each.numel() for each in network.parameters())
    assert good.parameters / 2 < converted.parameters < 2 * good.parameters  # norms are folded in
    assert converted.file_bytes == (runs / "good.onnx").stat().st_size
    assert [line.speed.runtime for line in found.models] == ["PyTorch", "PyTorch", "ONNX Runtime"]
    for line in found.models:
        speed = line.speed
        assert 0 < speed.network_ms < 1000 and 0 < speed.features_ms < 1000
        assert speed.streams_per_core == pytest.approx(1000 / (speed.features_ms + speed.network_ms))  # hops of 1 s
    assert len({line.speed.features_ms for line in found.models}) == 1  # they hear alike: it is measured once
    assert any("Checkpoints were timed in PyTorch" in note for note in found.notes)


def test_what_the_models_have_learnt_of_the_clips_is_said(runs: Path, music: MusicSet, tmp_path: Path) -> None:
    """The same clips, of which those that were trained on are now to test: and of models of two sets."""
    clips = tuple(replace(clip, split="test") for clip in music.clips)
    anew = replace(music, folder=tmp_path / "anew", clips=clips)
    write_music_set(anew)
    train(anew_trained := _dealt(music, tmp_path / "other"), settings(threads=1, epochs=1), tmp_path / "run")
    assert anew_trained.fingerprint != music.fingerprint
    words = [runs / "good", tmp_path / "run", "--set", anew.folder, "--cache", music.folder / "cache"]
    code, said, warned = export(*words, "--resamples", "100")
    assert code == 0, warned
    assert "good was trained on" in warned and "were trained on" in warned
    assert "the figures flatter" in said.replace("\n", " ")
    assert "trained on 2 different music sets" in said.replace("\n", " ")


def _dealt(music: MusicSet, folder: Path) -> MusicSet:
    """Another deal of the same clips."""
    swap = {"train": "train", "validation": "test", "test": "validation"}
    dealt = replace(music, folder=folder, clips=tuple(replace(c, split=swap[str(c.split)]) for c in music.clips))  # type: ignore[arg-type]
    write_music_set(dealt)
    return dealt


def test_the_page_the_json_and_the_csv(found: SideBySide, tmp_path: Path) -> None:
    page = Page(write_files(found, tmp_path / "out"))
    pictures = [base64.b64decode(source.partition("base64,")[2]) for source in page.sources("img")]
    assert len(pictures) == 4 and all(ElementTree.fromstring(each).tag.endswith("svg") for each in pictures)
    assert [value for _, attributes in page.tags for value in attributes.values() if value and "//" in value] == []
    for said in ("3 models side by side", "Against good", "p corrected for 2 models", "made of good"):
        assert said in page.text
    read = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert (read["type"], read["against"]) == ("genred.comparison.v1", "good")
    assert read["models"][1]["tracks"]["values"] == dict(found.models[1].tracks.values)
    assert [point["epoch"] for point in read["models"][1]["curve"]] == [1, 2, 3] and read["models"][2]["curve"] == []
    with (tmp_path / "out" / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [line.name for line in found.models]
    assert float(rows[1]["tracks_macro_f1"]) == found.models[1].tracks.values["macro_f1"]
    assert rows[1]["difference_macro_f1"] == "" != rows[0]["difference_macro_f1"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "comparison.csv",
        "comparison.json",
        "index.html",
    ]


def test_all_files_or_none(found: SideBySide, tmp_path: Path) -> None:
    """The page is the largest file: with less room than it needs there is nothing new at all."""
    (tmp_path / "comparison.csv").write_text("of before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, before[1]))
    try:
        assert max(len(csv_text(found)), len(json_text("", asdict(found)))) < 40_000
        with pytest.raises(OSError, match="File too large"):
            write_files(found, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["comparison.csv"]
    assert (tmp_path / "comparison.csv").read_text() == "of before"


def test_names_are_text_on_the_page_whatever_they_are(found: SideBySide, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> $_^$"
    lines = (replace(found.models[0], name=evil), *found.models[1:])
    versus = (replace(found.versus[0], name=evil), *found.versus[1:])
    page = Page(write_files(replace(found, models=lines, versus=versus, notes=(evil,)), tmp_path))
    assert not [tag for tag, _ in page.tags if tag == "script"] and page.text.count(evil) >= 5
    assert evil in csv_text(replace(found, models=lines))


def test_the_command_says_it_all(runs: Path, music: MusicSet, tmp_path: Path) -> None:
    words = [runs / "hasty", runs / "good.onnx", "--set", music.folder, "--resamples", "100", "-o", tmp_path / "page"]
    code, said, warned = export(*words, "--against", "made of good 1")
    assert (code, warned) == (0, "")
    assert max(map(len, said.splitlines())) > 80  # no terminal: nothing is folded as if there were a narrow one
    for part in (
        "2 models on test",
        "Models",
        "One thread",
        "Tracks, with 95 % intervals",
        "Windows",
        "Against made of good 1 (as asked for)",
        "one pair: p needs no correction",
        "note: 12 tracks are few",
        f"page: {tmp_path / 'page' / 'index.html'}",
    ):
        assert part in said, part
    assert (tmp_path / "page" / "comparison.csv").is_file()


def test_several_labels_a_clip_are_decided_as_export_evaluate_does(tmp_path: Path) -> None:
    music = make_set(tmp_path / "set", multi_label=True, clips_per_label=4, seconds=4.0)
    one = write_checkpoint(tmp_path / "one.safetensors", "sigmoid")
    two = write_checkpoint(tmp_path / "two.safetensors", "softmax")
    found = compare_models([str(one), str(two)], music, Options(tmp_path / "cache", resamples=RESAMPLES))
    for line in found.models:
        alone = evaluate(line.facts.path, music, EvaluateOptions(tmp_path / "cache", resamples=RESAMPLES))
        assert dict(line.tracks.values) == alone.tracks and line.labels == alone.labels
    assert "Thresholds of all models: best F1 on the validation windows." in found.notes


def test_the_model_to_hold_against_is_named_in_any_way_that_means_one(
    runs: Path, music: MusicSet, options: Options, tmp_path: Path
) -> None:
    """Also by its card's name without the version; of two of one name a folder's name alone says too little."""
    good, copied = str(runs / "good"), shutil.copytree(runs / "good", tmp_path / "other" / "good")
    entrants = open_entrants([good, str(runs / "good.onnx")], music, options.cache, common_labels=False)
    for wanted, name in (
        ("good", "good"),
        ("made of good", "made of good 1"),
        ("made of good 1", "made of good 1"),
        ("good.onnx", "made of good 1"),
        (good, "good"),
    ):
        assert named(entrants, wanted).name == name, wanted
    alike = open_entrants([good, str(copied)], music, options.cache, common_labels=False)
    with pytest.raises(InputUnusable, match="--against good: several of the models; they are good of") as caught:
        named(alike, "good")
    for entrant in alike:
        assert entrant.name in str(caught.value) and named(alike, entrant.name) is entrant
        assert named(alike, entrant.given) is entrant


def test_what_cannot_be_compared_is_refused_in_a_line(runs: Path, music: MusicSet, tmp_path: Path) -> None:
    good, hasty = runs / "good", runs / "hasty"
    other = write_checkpoint(tmp_path / "other.safetensors", "softmax", ("low", "high"))
    bare = replace(music, folder=tmp_path / "bare", clips=music.of("train"))
    write_music_set(bare)
    wider = replace(music, folder=tmp_path / "wider", labels=(*music.labels, Label("odd", "genre")))
    write_music_set(wider)
    (tmp_path / "file").touch()
    at = ["--set", music.folder]
    for words, part in (
        ([good, *at], "name two models or more to compare; one alone is judged by genred export evaluate"),
        ([good, good / "checkpoints" / "best.safetensors", *at], "are the same model"),
        ([good, other, *at], "different labels: only good has middle; compare"),
        ([good, "nowhere.onnx", *at], "nowhere.onnx' is not a file"),
        ([good, tmp_path, *at], "holds no trained network"),
        ([good, hasty, "--set", tmp_path], "is no music set"),
        ([good, hasty, "--set", bare.folder], "no clips of split 'test'; it has train"),
        ([good, hasty, "--set", wider.folder], "and the set have different labels: only the set has odd"),
        ([good, hasty, *at, "--against", "best"], "--against best: none of the models; they are good"),
        ([good, hasty, *at, "-o", tmp_path / "file" / "x"], "file is a file; name a folder to write into"),
    ):
        code, said, warned = export(*words)
        assert (code, said, len(warned.splitlines())) == (64, "", 1), (part, warned)
        assert part in warned, warned
    assert export(good, hasty)[0] == 2  # no --set


def test_a_file_whose_name_is_no_text_is_a_model_like_any(runs: Path, music: MusicSet, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"caf\xe9.onnx")
    shutil.copy(runs / "good.onnx", odd)
    words = [runs / "good.onnx", odd, "--set", music.folder, "-o", tmp_path / "o", "--resamples", "100"]
    code, said, warned = export(*words)
    assert code == 0 and "caf?.onnx" in said.replace("\n", ""), warned  # two of one name are told apart by their files
    assert "caf?.onnx" in (tmp_path / "o" / "index.html").read_text()


def test_the_order_of_labels_does_not_matter(runs: Path, music: MusicSet, options: Options, tmp_path: Path) -> None:
    turned = write_checkpoint(tmp_path / "turned.safetensors", "softmax", LABELS[::-1])
    found = compare_models([str(runs / "good"), str(turned)], music, options)
    alone = evaluate(turned, music, EvaluateOptions(music.folder / "cache", resamples=RESAMPLES))
    assert dict(found.models[1].tracks.values) == alone.tracks
    assert [line.name for line in found.models[1].labels] == list(LABELS)
