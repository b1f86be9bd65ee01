"""Training in small: what it learns, keeps and says, the same every time; and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]
from typer.testing import CliRunner

from export.cli import app
from export.data.cache import FeatureCache
from export.data.clip import Clip
from export.data.music_set import MusicSet
from export.errors import ExportError, InputUnusable, SettingsUnusable
from export.evaluate.metrics import figures
from export.evaluate.scoring import open_scorer, score_clips
from export.train.initial import initial_network
from export.train.keeping import keep_epoch
from export.train.material import gather_material
from export.train.outcome import EpochFigures, StopTraining
from export.train.parallel import Team
from export.train.run_folder import RunFolder, begin
from export.train.settings_file import checked, read_settings
from export.train.starting import starting_network
from export.train.trained import checkpoint_of, load_network
from export.train.training import train
from export.train.validation import ClipWindows
from models.catalogue import PRETRAINED
from tests.reference_data import needs_musicnn
from tests.training_sets import LABELS, SETTINGS, make_set, settings

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """One label a clip; its cache fills once."""
    return make_set(tmp_path_factory.mktemp("music"))


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> MusicSet:
    """Several labels a clip."""
    return make_set(tmp_path_factory.mktemp("tagged"), multi_label=True)


def metrics(run: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl."""
    return [json.loads(line) for line in RunFolder(run).metrics.read_text().splitlines()]


@pytest.fixture(scope="module")
def learnt(music: MusicSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 epochs, long enough to tell the tones apart."""
    run = tmp_path_factory.mktemp("runs") / "learnt"
    outcome = train(music, settings(epochs=12), run)
    assert outcome.ended == "epochs" and outcome.epochs == 12
    assert outcome.figures["macro_f1"] > 0.9
    return run


def test_a_run_leaves_all_that_was_promised(learnt: Path, music: MusicSet) -> None:
    folder = RunFolder(learnt)
    lines = metrics(learnt)
    assert [line["epoch"] for line in lines] == list(range(1, 13))
    assert lines[-1]["train_loss"] < lines[0]["train_loss"]
    assert all(line["windows"] == 60 and line["seconds"] > 0 for line in lines)
    noted = json.loads(folder.environment.read_text())
    assert noted["music_set"]["fingerprint"] == music.fingerprint
    assert noted["sessions"][0]["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert noted["seeds"]["run"] == 0
    assert set(noted["sessions"][0]) >= {"git", "machine", "command", "started"}
    kept = read_settings(folder.settings)
    assert kept.loss.kind == "ce" and kept.recipe == settings().recipe
    with Image.open(folder.plots / "curves.png") as picture:
        assert picture.width > picture.height


def test_the_best_epoch_is_kept_and_judged_as_it_was(learnt: Path, music: MusicSet) -> None:
    """Scored by the evaluation, the checkpoint has the figures that training wrote down."""
    best = [line for line in metrics(learnt) if line["best"]][-1]
    assert best["validation_loss"] == min(line["validation_loss"] for line in metrics(learnt))
    scorer = open_scorer(learnt)
    cache = FeatureCache(music.folder / "cache", scorer.recipe)
    found = list(score_clips(scorer, music.of("validation"), cache))
    scores = np.concatenate([clip.heard for clip in found])
    truth = np.concatenate([np.tile([name in c.clip.labels for name in LABELS], (len(c.heard), 1)) for c in found])
    again = figures(truth, scores, multi_label=False)
    assert again == pytest.approx(best["figures"], abs=1e-5)
    spec, _ = load_network(checkpoint_of(learnt))
    assert spec.notes["epoch"] == best
    assert spec.notes["music_set"]["fingerprint"] == music.fingerprint


def test_tensorboard_has_the_curves(learnt: Path) -> None:
    board = EventAccumulator(str(RunFolder(learnt).tensorboard)).Reload()
    found = board.Scalars("loss/validation")
    assert [event.step for event in found] == list(range(1, 13))
    assert [event.value for event in found] == pytest.approx([line["validation_loss"] for line in metrics(learnt)])
    assert "validation/macro_f1" in board.Tags()["scalars"]


def test_the_same_seed_is_the_same_run_and_another_is_another(music: MusicSet, tmp_path: Path) -> None:
    heard = {"augment": {"mask": 0.5, "gain": 0.5, "noise": 0.5, "mixup": 0.3}, "epochs": 2}
    first, again = (train(music, settings(**heard), tmp_path / name) for name in "ab")
    other = train(music, settings(**heard, seed=1), tmp_path / "c")
    assert first.validation_loss == again.validation_loss
    assert first.figures == again.figures
    assert other.validation_loss != first.validation_loss


@pytest.mark.parametrize("loss", ["bce", "asymmetric-focal", "asl", "soft-bce"])
def test_several_labels_are_learnt_with_each_loss_for_them(tagged: MusicSet, tmp_path: Path, loss: str) -> None:
    outcome = train(tagged, settings(epochs=6, loss={"kind": loss}), tmp_path / "run")
    assert outcome.figures["roc_auc"] > 0.9
    spec, _ = load_network(checkpoint_of(tmp_path / "run"))
    assert spec.activation == "sigmoid"


def test_without_a_window_to_look_at_there_is_no_picture_of_attention(music: MusicSet, tmp_path: Path) -> None:
    """The leader's share of validation may be silent, where others hear something."""
    chosen, team = settings(network="spectrogram-attention-cnn", loss={"kind": "ce"}), Team(0, 1, torch.device("cpu"))
    network = starting_network(chosen, music.labels)
    material = gather_material(music, chosen, None, tmp_path / "cache", 1, team, network)
    held_out = material.judge.held_out
    assert isinstance(held_out, ClipWindows)
    judge = replace(material.judge, held_out=replace(held_out, clips=()))
    figures = EpochFigures(1, 1.0, 0.5, 1.0, {}, 0.01, 8, 1.0, True)
    keep_epoch(RunFolder(tmp_path), network, replace(material, judge=judge), [figures], last=True)
    assert [path.name for path in RunFolder(tmp_path).plots.iterdir()] == ["curves.png"]


@pytest.mark.parametrize(
    "changes",
    [
        {"network": "spectrogram-attention-cnn"},
        {"precision": "bf16"},
        {"optimiser": {"kind": "adam", "clip_norm": 0.5}},
        {"schedule": {"kind": "one-cycle"}},
        {"windows": {"balance": "undersample", "per_label": 10, "per_clip": 2}, "epochs": 8},
        {"loss": {"kind": "kl"}},
        {"threads": 1, "schedule": {"kind": "cosine", "warmup_steps": 3}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_every_way_of_training_trains(music: MusicSet, tmp_path: Path, changes: dict[str, Any]) -> None:
    outcome = train(music, settings(**{"epochs": 4, **changes}), tmp_path / "run")
    lines = metrics(tmp_path / "run")
    assert lines[-1]["train_loss"] < lines[0]["train_loss"]
    assert outcome.figures["recall_positives"] > 0.4
    if changes.get("network"):
        assert (RunFolder(tmp_path / "run").plots / "attention.png").is_file()
    if changes.get("windows"):
        assert {line["windows"] for line in lines} == {24}  # of each label four clips with two windows


def test_training_ends_when_nothing_is_gained(music: MusicSet, tmp_path: Path) -> None:
    stubborn = settings(epochs=50, optimiser={"learning_rate": 1e-12}, early_stop={"patience": 2, "least_gain": 0.5})
    outcome = train(music, stubborn, tmp_path / "run")
    assert (outcome.ended, outcome.epochs, outcome.best_epoch) == ("early stop", 3, 1)


def test_whoever_listens_may_stop_it_and_what_is_learnt_stays(music: MusicSet, tmp_path: Path) -> None:
    heard: list[EpochFigures] = []

    def listen(epoch: EpochFigures) -> None:
        heard.append(epoch)
        if len(heard) == 2:
            raise StopTraining

    outcome = train(music, settings(epochs=9), tmp_path / "run", on_epoch=listen)
    assert (outcome.ended, outcome.epochs, [epoch.epoch for epoch in heard]) == ("stopped", 2, [1, 2])
    assert checkpoint_of(tmp_path / "run").is_file()


def test_what_is_watched_decides_which_epoch_is_best(music: MusicSet, tmp_path: Path) -> None:
    train(music, settings(epochs=5, early_stop={"watch": "ece"}), tmp_path / "run")
    lines = metrics(tmp_path / "run")
    best = [line for line in lines if line["best"]][-1]
    assert best["figures"]["ece"] == min(line["figures"]["ece"] for line in lines)


class Halves:
    """A teacher that says .8 of the label in the file's name and .1 of the others."""

    def of(self, clip: Clip, n_windows: int) -> npt.NDArray[np.float32]:
        row = [0.8 if clip.path.name.startswith(label) else 0.1 for label in LABELS]
        return np.tile(np.array(row, np.float32), (n_windows, 1))


def test_a_teacher_takes_the_place_of_labels(music: MusicSet, tmp_path: Path) -> None:
    unlabelled = replace(music, clips=tuple(replace(clip, labels=()) for clip in music.clips), multi_label=True)
    student = settings(epochs=10, loss={"kind": "soft-bce"}, early_stop={"watch": "mean_deviation"})
    outcome = train(unlabelled, student, tmp_path / "run", targets=Halves())
    assert outcome.figures["top1_agreement"] > 0.9
    assert outcome.figures["mean_deviation"] < 0.15
    first = metrics(tmp_path / "run")[0]
    assert outcome.figures["mean_deviation"] < first["figures"]["mean_deviation"]


def test_a_frozen_body_stays_as_it_was_and_a_new_head_learns(learnt: Path, tagged: MusicSet, tmp_path: Path) -> None:
    """The run's network starts another with the labels in another order: its last layer is fresh."""
    turned = replace(tagged, labels=tagged.labels[::-1])
    table = {key: value for key, value in SETTINGS.items() if key not in ("network", "network_options", "front_end")}
    frozen = checked({**table, "initial": str(learnt), "frozen": "body", "epochs": 2}, "settings")
    train(turned, frozen, tmp_path / "run")
    before, after = (load_network(checkpoint_of(path))[1].state_dict() for path in (learnt, tmp_path / "run"))
    for name, tensor in before.items():
        assert torch.equal(tensor, after[name]) == (not name.startswith("output.")), name
    assert read_settings(RunFolder(tmp_path / "run").settings).network_options == SETTINGS["network_options"]


def test_with_the_same_labels_the_head_is_kept(learnt: Path, music: MusicSet, tmp_path: Path) -> None:
    still = settings(initial=str(learnt), epochs=1, optimiser={"learning_rate": 1e-12, "weight_decay": 0.0})
    outcome = train(music, still, tmp_path / "run")
    assert outcome.figures["macro_f1"] > 0.9


@pytest.mark.parametrize("name", ["musicnn-msd", "musicnn-mtt"])
def test_musicnns_shipped_weights_can_be_started_from(name: str) -> None:
    spec, network = initial_network(name)
    assert spec.network == "musicnn" and len(spec.labels) == 50
    with torch.inference_mode():
        scores = network(torch.zeros(1, 250, 96))
    assert scores.shape == (1, 50)


@needs_musicnn
def test_the_shipped_weights_are_what_the_command_makes(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["import-musicnn", "--arrangement", "weights", "-o", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["musicnn-msd.safetensors", "musicnn-mtt.safetensors"]
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (PRETRAINED / path.name).read_bytes()


def test_musicnn_learns_other_words(tmp_path: Path) -> None:
    """Its front end and its body come along; the last layer is fresh."""
    music = make_set(tmp_path, clips_per_label=3, seconds=4.0, labels=LABELS[:2])
    frozen = {"initial": "musicnn-mtt", "frozen": "body", "epochs": 2, "batch_size": 2, "device": "cpu"}
    outcome = train(music, checked(frozen, "settings"), tmp_path / "run")
    spec, network = load_network(checkpoint_of(tmp_path / "run"))
    assert spec.network == "musicnn" and [label.name for label in spec.labels] == list(LABELS[:2])
    assert spec.recipe.front_end.n_mels == 96
    body = initial_network("musicnn-mtt")[1].state_dict()
    assert all(torch.equal(tensor, body[name]) for name, tensor in network.state_dict().items() if "output" not in name)
    assert outcome.epochs == 2


def refused(music: MusicSet, run: Path, **changes: Any) -> str:
    """What is said of a run that cannot be; and that nothing is left of it."""
    with pytest.raises(ExportError) as caught:
        train(music, settings(**changes), run)
    assert not run.exists()
    return str(caught.value)


def test_settings_that_do_not_fit_are_refused(music: MusicSet, tagged: MusicSet, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert "loss.kind: ce is for one label a clip" in refused(tagged, run, loss={"kind": "ce"})
    assert "early_stop.watch: 'f3' is none of loss, rows" in refused(music, run, early_stop={"watch": "f3"})
    assert "network: 'resnet' is none of convnet, " in refused(music, run, network="resnet")
    assert "network_options: spectrogram-cnn cannot be made" in refused(music, run, network_options={"depth": 3})
    assert "widths must be" in refused(music, run, network_options={"widths": "a"})
    assert "initial: nowhere is no checkpoint" in refused(music, run, initial="nowhere")
    assert "is a musicnn, not a spectrogram-cnn" in refused(music, run, initial="musicnn-msd")
    assert "precision = 'fp16' needs a GPU" in refused(music, run, precision="fp16")
    if not torch.cuda.is_available():
        assert "torch finds no GPU" in refused(music, run, device="cuda")


def test_hops_must_fit_the_front_end_that_an_initial_network_brings(music: MusicSet, tmp_path: Path) -> None:
    """1.5 s are 48 frames of the spectrogram's front end, and 93.75 of musicnn's."""
    started = checked({"initial": "musicnn-mtt", "window_s": 3.0, "hop_s": 1.5}, "settings")
    with pytest.raises(SettingsUnusable, match=r"hop_s = 1.5 must be a whole number of frames, not 93.75"):
        train(music, started, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_music_that_cannot_be_trained_on_is_refused(music: MusicSet, tmp_path: Path) -> None:
    run = tmp_path / "run"
    learning = music.of("train")
    assert "no clip to use in the split validation" in refused(replace(music, clips=learning), run)
    assert "no clip to use in the split train" in refused(replace(music, clips=music.of("validation")), run)
    one = replace(music, labels=music.labels[:1], clips=tuple(c for c in music.clips if c.labels == (LABELS[0],)))
    assert "one label alone, low" in refused(one, run)
    rare = tuple(c for c in music.clips if c.split != "train" or c.labels != ("high",))
    assert "no training clip has the label high" in refused(replace(music, clips=rare), run)
    both = (replace(learning[0], labels=("low", "high")), *music.clips[1:])
    assert "2 labels, where each clip" in refused(replace(music, clips=both), run)
    leak = replace(music.of("test")[0], sha256=learning[0].sha256)
    assert "leaks between the splits" in refused(replace(music, clips=(*music.clips, leak)), run)


def test_clips_that_cannot_be_heard_are_left_out_and_said(
    music: MusicSet, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF no more")
    more = replace(music, clips=(*music.clips, Clip(broken, ("low",), split="train")))
    train(more, settings(epochs=1), tmp_path / "run")
    assert "1 clips are left out:" in capsys.readouterr().err
    noted = json.loads(RunFolder(tmp_path / "run").environment.read_text())
    assert [path for path, _ in noted["music_set"]["left_out"]] == [str(broken)]


def test_a_figure_that_validation_cannot_give_is_no_figure_to_watch(music: MusicSet, tmp_path: Path) -> None:
    """One label alone in validation: no area under a curve."""
    alike = tuple(clip for clip in music.clips if clip.split != "validation" or clip.labels == (LABELS[0],))
    with pytest.raises(SettingsUnusable, match=r"early_stop.watch: the validation clips give no roc_auc"):
        train(replace(music, clips=alike), settings(epochs=1, early_stop={"watch": "roc_auc"}), tmp_path / "run")


def test_a_loss_that_is_no_number_ends_the_run(music: MusicSet, tmp_path: Path) -> None:
    with pytest.raises(SettingsUnusable, match=r"in epoch 1 the loss is no longer a number; lower learning_rate"):
        train(music, settings(optimiser={"learning_rate": 1e30}), tmp_path / "run")


def test_only_what_a_kill_has_left_of_this_run_is_cleared_away(music: MusicSet, tmp_path: Path) -> None:
    own, others = tmp_path / "checkpoints" / ".best.1.tmp", tmp_path / "other" / "checkpoints" / ".best.2.tmp"
    for torn in (own, others):
        torn.parent.mkdir(parents=True)
        torn.touch()
    begin(RunFolder(tmp_path), settings(), music, ())
    assert others.exists() and not own.exists()


def test_a_folder_that_holds_a_run_is_not_written_over(learnt: Path, music: MusicSet) -> None:
    before = RunFolder(learnt).metrics.read_bytes()
    with pytest.raises(InputUnusable, match="holds a run already: go on with it by --resume"):
        train(music, settings(), learnt)
    assert RunFolder(learnt).metrics.read_bytes() == before
