"""`genred export evaluate` on real sets: figures, refusals, the page, and the daemon's own path."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from PIL import Image
from sklearn import metrics as oracle
from typer.testing import CliRunner

from export.cli import app
from export.convert.conversion import Wishes, convert
from export.convert.made_card import Naming
from export.data.clip import Clip
from export.data.music_set import MusicSet
from export.errors import ExportError, InputUnusable
from export.evaluate.confusion import Example
from export.evaluate.evaluating import Options, evaluate
from export.evaluate.evaluation import Evaluation
from export.evaluate.html_report import write_report
from export.evaluate.json_report import write_json
from tests.evaluated_music import BANDS_HZ, RATE_HZ, tone_clips, tone_set, write_tones
from tests.process import genred
from tests.signals import write_wav
from tests.test_export_scoring import write_checkpoint
from tests.tiny_model import tiny_card, write_tiny_model

CLOSE = 1e-3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the tiny model, whose labels are the bands and `bright`, and the cache that all tests share."""
    folder = tmp_path_factory.mktemp("evaluate")
    write_tiny_model(folder / "tiny.onnx")
    return folder


@pytest.fixture(scope="module")
def music(folder: Path) -> MusicSet:
    """Each label 2 validation and 4 test clips, some parts of which stray; the labels are the model's but `bright`."""
    clips = tone_clips(folder, "validation", 2, 0.3) + tone_clips(folder, "test", 4, 0.55)
    return tone_set(folder / "set", clips)


@pytest.fixture(scope="module")
def options(folder: Path) -> Options:
    return Options(folder / "cache", common_labels=True, resamples=100)


@pytest.fixture(scope="module")
def found(folder: Path, music: MusicSet, options: Options) -> Evaluation:
    return evaluate(folder / "tiny.onnx", music, options)


def test_figures_are_those_of_what_the_daemon_says(folder: Path, music: MusicSet, found: Evaluation) -> None:
    """The oracle: `genred tag` on every file, its scores averaged and judged by scikit-learn."""
    clips = music.of("test")
    done = genred("tag", *(str(clip.path) for clip in clips), "-o", "jsonl", "--model", str(folder / "tiny.onnx"))
    scores: dict[str, list[list[float]]] = {}
    for line in map(json.loads, done.stdout.splitlines()):
        if line["type"] == "genred.window.v1":
            scores.setdefault(line["stream"], []).append([line["scores"][name] for name in BANDS_HZ])
    truth = [list(BANDS_HZ).index(clip.labels[0]) for clip in clips]
    tracks = np.array([np.mean(scores[clip.path.name], axis=0) for clip in clips])
    windows = np.concatenate([scores[clip.path.name] for clip in clips])
    owner = np.repeat(truth, [len(scores[clip.path.name]) for clip in clips])
    for figures, wanted, given in ((found.tracks, np.array(truth), tracks), (found.windows, owner, windows)):
        assert figures["accuracy"] == pytest.approx(oracle.accuracy_score(wanted, given.argmax(axis=1)))
        assert figures["macro_f1"] == pytest.approx(oracle.f1_score(wanted, given.argmax(axis=1), average="macro"))
        areas = [oracle.roc_auc_score(wanted == place, given[:, place]) for place in range(3)]
        assert figures["roc_auc"] == pytest.approx(np.mean(areas), abs=CLOSE)
    assert 0.3 < found.tracks["accuracy"] < 1  # some strayed, or nothing here would show anything
    assert found.confusion == tuple(map(tuple, oracle.confusion_matrix(truth, tracks.argmax(axis=1)).tolist()))
    assert (found.music.tracks, found.music.windows) == (12, 36)


def test_what_is_not_judged_is_said(found: Evaluation) -> None:
    assert found.notes[0] == "Only labels that model and set share are judged: only the model has bright."
    assert any("12 tracks are few" in note for note in found.notes)
    assert [line.name for line in found.labels] == list(BANDS_HZ)


def test_streamed_through_the_daemon_the_numbers_are_the_same(
    folder: Path, music: MusicSet, options: Options, found: Evaluation
) -> None:
    streamed = evaluate(folder / "tiny.onnx", music, replace(options, streaming=True))
    assert streamed.streaming is not None and streamed.streaming.holds and streamed.streaming.windows == 36
    for one, other in ((streamed.tracks, found.tracks), (streamed.windows, found.windows)):
        assert one == pytest.approx(other, abs=CLOSE)


def test_a_checkpoint_and_its_onnx_file_are_judged_alike(folder: Path, music: MusicSet, options: Options) -> None:
    checkpoint = write_checkpoint(folder / "run" / "checkpoints" / "best.safetensors", "softmax")
    model = folder / "converted.onnx"
    convert(checkpoint, model, None, None, Wishes(Naming("converted")))
    of_run = evaluate(folder / "run", music, replace(options, streaming=True))  # the daemon is given a conversion
    of_file = evaluate(model, music, options)
    assert of_run.streaming is not None and of_run.streaming.holds
    assert of_run.tracks == pytest.approx(of_file.tracks, abs=CLOSE)
    assert of_run.windows == pytest.approx(of_file.windows, abs=CLOSE)
    assert of_run.calibration.temperature == pytest.approx(of_file.calibration.temperature, rel=CLOSE)
    assert of_run.model.name == "run (spectrogram-cnn)" and of_file.model.name == "converted 1"


def test_two_models_are_compared_on_the_same_tracks(
    folder: Path, music: MusicSet, options: Options, found: Evaluation
) -> None:
    write_checkpoint(folder / "untrained.safetensors", "softmax")
    compared = evaluate(folder / "tiny.onnx", music, replace(options, compare=folder / "untrained.safetensors"))
    comparison = compared.comparison
    assert comparison is not None and comparison.tracks == 12 and comparison.labels == tuple(BANDS_HZ)
    assert comparison.first == found.tracks
    assert comparison.second["accuracy"] < comparison.first["accuracy"]
    assert comparison.differences["accuracy"].value < 0
    assert comparison.mcnemar.only_first > comparison.mcnemar.only_second


def test_several_labels_a_clip_are_decided_by_thresholds(folder: Path, options: Options) -> None:
    clips = []
    for n, names in enumerate([("low",), ("low", "high"), ("middle", "high"), ("middle",)]):
        for split in ("validation", "test"):
            path = write_tones(folder / f"several-{split}-{n}.wav", names, n)
            clips.append(Clip(path, names, split=split))
    music = tone_set(folder / "several", clips, multi=True)
    plain = evaluate(folder / "tiny.onnx", music, options)
    assert plain.thresholds_from == "best F1 on the validation windows"
    assert plain.tracks["macro_f1"] > 0.9
    assert not any("flatter" in note for note in plain.notes)
    assert "flatter" in evaluate(folder / "tiny.onnx", music, replace(options, split="validation")).notes[0]
    thresholds = {"low": 0.99, "high": 0.01}
    write_tiny_model(folder / "strict.onnx", thresholds=thresholds)
    strict = evaluate(folder / "strict.onnx", music, options)
    assert strict.thresholds_from == "the model's card"
    assert [line.threshold for line in strict.labels] == [0.99, 0.5, 0.01]
    assert [line.recall for line in strict.labels] == [0, 0, 1]
    alone = evaluate(folder / "tiny.onnx", replace(music, clips=tuple(music.of("test"))), options)
    assert alone.thresholds_from is not None and alone.thresholds_from.startswith(".5 for every label")
    assert alone.calibration.temperature is None and plain.calibration.temperature is not None


def test_clips_that_cannot_be_judged_are_left_out_and_named(folder: Path, music: MusicSet, options: Options) -> None:
    (folder / "broken.wav").write_bytes(b"RIFF????WAVE")
    short = write_wav(folder / "short.wav", np.full((RATE_HZ, 1), 9000, "<i2"), RATE_HZ)
    strange = write_tones(folder / "strange.wav", ("low",), 2)
    more = (
        Clip(folder / "broken.wav", ("low",), split="test"),
        Clip(short, ("low",), split="test"),
        Clip(strange, (), split="test"),
    )
    found = evaluate(folder / "tiny.onnx", replace(music, clips=music.clips + more), options)
    said = "\n".join(found.notes)
    assert re.search(r"2 clips cannot be heard and are left out: broken.wav .*, short.wav is shorter than", said)
    assert "1 clip is without any of the labels and left out: strange.wav." in said
    assert found.music.tracks == 12


def test_nothing_to_judge_is_refused(folder: Path, music: MusicSet, options: Options) -> None:
    model = folder / "tiny.onnx"
    with pytest.raises(InputUnusable, match=r"no clips of split 'train'; it has validation, test"):
        evaluate(model, music, replace(options, split="train"))
    with pytest.raises(InputUnusable, match=r"have different labels: only the model has bright; judge"):
        evaluate(model, music, replace(options, common_labels=False))
    bare = tuple(replace(clip, labels=()) for clip in music.of("test"))
    with pytest.raises(InputUnusable, match=r"nothing to judge in split test: 12 without any of the labels"):
        evaluate(model, replace(music, clips=bare), options)
    gone = (Clip(folder / "gone.wav", ("low",), split="test"),)
    with pytest.raises(InputUnusable, match=r"nothing to judge in split test: 1 unreadable"):
        evaluate(model, replace(music, clips=gone), options)


def test_a_daemon_that_refuses_the_model_is_quoted(folder: Path, music: MusicSet, options: Options) -> None:
    """Offline a wrong golden output is nobody's business; the daemon does not serve such a file."""
    write_tiny_model(folder / "wrong.onnx", golden_output=tiny_card().golden_output + np.float32(0.1))
    with pytest.raises(ExportError, match=r"genred run ended with code \d+: .*golden check failed"):
        evaluate(folder / "wrong.onnx", music, replace(options, streaming=True))


class Page(HTMLParser):
    """What a page says and points at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def sources(self, tag: str) -> list[str]:
        return [str(attributes["src"]) for name, attributes in self.tags if name == tag]


def test_the_page_has_its_pictures_inside_and_its_sounds_beside_it(found: Evaluation, tmp_path: Path) -> None:
    page = Page(write_report(found, tmp_path / "report"))
    pictures = [base64.b64decode(source.partition("base64,")[2]) for source in page.sources("img")]
    assert len(pictures) == 3
    assert all(ElementTree.fromstring(picture).tag.endswith("svg") for picture in pictures)
    sounds = page.sources("audio")
    assert len(sounds) == sum(len(pair.examples) for pair in found.pairs) > 0
    for sound in sounds:
        assert re.fullmatch(r"clips/[0-9a-f]{16}\.mp3", sound)
        with av.open(str(tmp_path / "report" / sound)) as container:
            assert container.duration is not None and 3 < container.duration / 1e6 <= 8.2
    outside = [value for _, attributes in page.tags for value in attributes.values() if value and "//" in value]
    assert outside == []
    assert "Confused most" in page.text and found.model.sha256 in page.text and ".905" not in page.text


def test_a_new_report_leaves_no_sounds_of_the_one_before(found: Evaluation, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    write_report(found, tmp_path)
    before = {path.name for path in clips.iterdir()}
    others = ("my.mp3", "0123456789abcdef.wav", "0123456789abcdef.mp3.bak", "0123456789abcdefg.mp3")
    for name in others:
        (clips / name).write_bytes(b"not the report's own")
    page = Page(write_report(replace(found, pairs=found.pairs[:1]), tmp_path))
    named = {Path(sound).name for sound in page.sources("audio")}
    assert named < before and {path.name for path in clips.iterdir()} == {*named, *others}
    write_report(replace(found, pairs=()), tmp_path)
    assert {path.name for path in clips.iterdir()} == set(others)


def test_an_example_sounds_like_the_window_it_is_of(found: Evaluation, folder: Path, tmp_path: Path) -> None:
    """A clip of three bands: the second window, with two seconds around it, is heard from 0 to 8 s."""
    path = write_tones(folder / "three.wav", ("low", "high", "middle"), 3, parts=3)
    pair = replace(found.pairs[0], examples=(Example(path, 2, 0.1, 0.9),))
    page = Page(write_report(replace(found, pairs=(pair,)), tmp_path / "report"))
    with av.open(str(tmp_path / "report" / page.sources("audio")[0])) as container:
        decoded = [frame.to_ndarray() for frame in container.decode(audio=0)]
    heard = np.concatenate(decoded, axis=1)[0]
    assert len(heard) / 44_100 == pytest.approx(8, abs=0.2)  # seconds 2 to 10

    def strongest_hz(from_s: float, to_s: float) -> float:
        piece = heard[round(from_s * 44_100) : round(to_s * 44_100)]
        return float(np.abs(np.fft.rfft(piece)).argmax() * 44_100 / len(piece))

    for (low_hz, high_hz), at_s in ((BANDS_HZ["low"], 0.5), (BANDS_HZ["high"], 3.0), (BANDS_HZ["middle"], 7.0)):
        assert low_hz <= strongest_hz(at_s, at_s + 1) <= high_hz


def test_names_are_text_on_the_page_whatever_they_are(found: Evaluation, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script> $_^$"
    lines = tuple(replace(line, name=evil + line.name) for line in found.labels)
    gone = Example(tmp_path / f"{evil[:8]}.wav", 0, 0.1, 0.9)
    shorter = Example(found.pairs[0].examples[0].path, 99, 0.1, 0.9)  # than when it was scored
    pair = replace(found.pairs[0], true=evil, examples=(gone, shorter))
    model = replace(found.model, name=evil)
    page = Page(write_report(replace(found, model=model, labels=lines, pairs=(pair,), notes=(evil,)), tmp_path / "r"))
    assert not [tag for tag, _ in page.tags if tag == "script"]
    assert evil in page.text and page.text.count("nothing to hear") == 2 and page.sources("audio") == []


def test_the_json_has_every_figure(found: Evaluation, tmp_path: Path) -> None:
    write_json(found, tmp_path / "figures.json")
    read = json.loads((tmp_path / "figures.json").read_text())
    assert read["type"] == "genred.evaluation.v1"
    assert read["tracks"] == dict(found.tracks)
    assert read["labels"][0]["name"] == "low" and read["comparison"] is None
    assert read["intervals"]["macro_f1"]["low"] <= read["tracks"]["macro_f1"] <= read["intervals"]["macro_f1"]["high"]


def test_the_command_writes_all_three(folder: Path, music: MusicSet, tmp_path: Path) -> None:
    words = ["evaluate", str(folder / "tiny.onnx"), str(music.folder), "--common-labels", "--resamples", "100"]
    files = ["--report", str(tmp_path / "report"), "--json", str(tmp_path / "figures.json")]
    other = ["--compare", str(folder / "tiny.onnx"), "--cache", str(folder / "cache"), "--streaming"]
    done = genred("export", *words, *files, *other)
    assert done.returncode == 0, done.stderr
    for said in (
        "Figures",
        "Labels",
        "Confused most",
        "Against",
        "the same as offline",
        "note: Only labels",
        "report:",
    ):
        assert said in done.stdout
    assert (tmp_path / "report" / "index.html").is_file() and (tmp_path / "figures.json").is_file()
    assert "Against tiny 1 of tiny.onnx" in Page(tmp_path / "report" / "index.html").text
    assert done.stderr == ""


def test_the_command_refuses_in_a_line(folder: Path, music: MusicSet, tmp_path: Path) -> None:
    for words, code, said in (
        (["tiny.onnx", str(music.folder)], 64, "tiny.onnx' is not a file"),
        ([str(folder / "tiny.onnx"), str(tmp_path)], 64, "is no music set"),
        ([str(folder / "tiny.onnx"), str(music.folder)], 64, "only the model has bright"),
        ([str(tmp_path), str(music.folder)], 64, "holds no trained network"),
    ):
        done = CliRunner().invoke(app, ["evaluate", *words])
        assert (done.exit_code, len(done.stderr.splitlines())) == (code, 1), done.stderr
        assert said in done.stderr


def test_places_that_cannot_be_written_are_said_in_a_line(folder: Path, music: MusicSet, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    words = ["evaluate", str(folder / "tiny.onnx"), str(music.folder), "--common-labels", "--resamples", "100"]
    for option, place in (
        ("--json", tmp_path),
        ("--json", tmp_path / "file" / "x.json"),
        ("--report", tmp_path / "file"),
    ):
        done = CliRunner().invoke(app, [*words, option, str(place), "--cache", str(folder / "cache")])
        assert (done.exit_code, len(done.stderr.splitlines())) == (64, 1), done.output
        assert str(tmp_path) in done.stderr and ".tmp" not in done.stderr and "to write into" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_models_of_other_labels_are_compared_on_those_that_both_have(
    folder: Path, music: MusicSet, options: Options, tmp_path: Path
) -> None:
    other = write_checkpoint(folder / "others.safetensors", "softmax", ("low", "high", "odd"))
    found = evaluate(folder / "tiny.onnx", music, replace(options, compare=other))
    assert found.comparison is not None
    assert (found.comparison.labels, found.comparison.tracks) == (("low", "high"), 8)
    assert len(found.labels) == 3 and found.music.tracks == 12
    assert "(those that both have: low, high)" in Page(write_report(found, tmp_path)).text


def test_pictures_cannot_be_streamed(folder: Path, music: MusicSet, options: Options) -> None:
    Image.fromarray(np.arange(128 * 128, dtype=np.uint32).reshape(128, 128).astype(np.uint8)).save(folder / "p.png")
    pictures = replace(music, clips=(Clip(folder / "p.png", ("low",), split="test"),))
    assert evaluate(folder / "tiny.onnx", pictures, options).music.tracks == 1
    with pytest.raises(InputUnusable, match="--streaming needs audio"):
        evaluate(folder / "tiny.onnx", pictures, replace(options, streaming=True))
