"""The training loop, top to bottom: an epoch of batches, a judgement, what is kept, until there is no more to gain."""

import math
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler

from export.data.augment import batch_generator
from export.data.music_set import MusicSet
from export.data.targets import Targets
from export.errors import SettingsUnusable
from export.train.ahead import ahead
from export.train.display import Display
from export.train.frozen_body import keep_body
from export.train.keeping import keep_best, keep_epoch, keep_last
from export.train.live import Live
from export.train.material import Lesson, Material, check_music, gather_material
from export.train.outcome import EpochFigures, OnEpoch, Outcome, StopTraining
from export.train.parallel import Team, joined
from export.train.run_folder import RunFolder, begin, begun_with, require_new, require_same
from export.train.schedule import learning_rate
from export.train.settings import OptimiserSettings, TrainSettings
from export.train.starting import resolved, starting_network, training_mode
from export.train.state import Place, load_state, save_state
from export.train.tally import Tally, mean_loss, recall
from export.train.validation import lower_is_better
from models.networks.embedding_mlp import EmbeddingMlp

_AUTOCAST: Final = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def train(
    music: MusicSet,
    settings: TrainSettings,
    run: Path,
    *,
    targets: Targets | None = None,
    resume: bool = False,
    on_epoch: OnEpoch | None = None,
    cache: Path | None = None,
    workers: int = 0,
) -> Outcome:
    """Train on the set's split "train", judge every epoch on "validation", keep the best in `run`.

    targets: what windows should be called; None: the clips' labels. on_epoch: called after each epoch by the leading
    process; may raise StopTraining (`export.train.outcome`). cache: default `music.folder`/cache. workers: processes
    that fill it; 0: one a processor. Raises InputUnusable, SettingsUnusable, CannotWrite, OSError.
    """
    settings = resolved(settings, music, begun_with(RunFolder(run)) if resume else None)
    check_music(music, settings, targets is not None)

    def gather(team: Team, network: nn.Module) -> Material:
        return gather_material(music, settings, targets, cache or music.folder / "cache", workers, team, network)

    return learn(Lesson(music, gather), settings, run, resume=resume, on_epoch=on_epoch)


def learn(
    lesson: Lesson,
    settings: TrainSettings,
    run: Path,
    *,
    resume: bool = False,
    on_epoch: OnEpoch | None = None,
    shown: bool = True,
) -> Outcome:
    """The loop itself, whatever the material is made of, with `resolved` settings; the rest as `train`."""
    music, folder = lesson.music, RunFolder(run)
    if resume:
        require_same(folder, settings, music)
    with joined(settings) as team, ExitStack() as open_things:
        if not resume and team.leads:
            require_new(folder)
        if settings.threads:
            torch.set_num_threads(settings.threads)
        going_on = resume and folder.state.exists()
        network = starting_network(settings, music.labels, lesson.columns, going_on=going_on).to(team.device)
        at = _Session(settings, folder, team, network)
        if going_on:
            at.place = load_state(folder.state, folder.body, network, at.optimiser, at.scaler, team.size)
        material = lesson.gather(team, network)
        at.take(material)
        if team.leads and not at.place.ended:
            begin(folder, settings, music, material.left_out)
            if isinstance(network, EmbeddingMlp) and not (going_on and folder.body.exists()):
                keep_body(folder.body, network)
            at.live = Live(folder, settings, at.place.epoch)
            open_things.callback(at.live.close)
        with Display(team.leads and shown, settings.epochs, material.stream.batches_per_epoch) as at.display:
            at.display.skipped((at.place.epoch - 1) * material.stream.batches_per_epoch + at.place.batch)
            while not at.place.ended:
                tally = _train_epoch(at)
                figures = _judge_epoch(at, tally)
                _keep(at, lesson, figures, on_epoch)
        best = at.place.best
        assert best is not None
        return Outcome(best.epoch, best.validation_loss, best.figures, len(at.place.history), at.place.ended)


class _Session:
    """One process's part in a run: what the loop works on."""

    def __init__(self, settings: TrainSettings, folder: RunFolder, team: Team, network: nn.Module) -> None:
        self.settings, self.folder, self.team, self.network = settings, folder, team, network
        self.optimiser = make_optimiser(settings.optimiser, network)
        self.scaler = GradScaler(team.device.type, enabled=settings.precision == "fp16")
        self.place = Place(processes=team.size)
        self.live: Live | None = None
        self.display: Display
        self.material: Material
        self.learner: nn.Module  # the network, or the part of it that takes what the material gives
        self.model: nn.Module

    def take(self, material: Material) -> None:
        """What is learnt from, gathered for the network as it is now."""
        self.material, self.learner = material, material.learner or self.network
        self.model = self.team.model(self.learner)


def _train_epoch(at: _Session) -> Tally:
    """The batches of this epoch that are not done yet; the sums over all of them, of this process."""
    settings, team, place, stream = at.settings, at.team, at.place, at.material.stream
    training_mode(at.network, settings)
    tally = Tally(at.material.judge.multi_label, team.device, place.sums)
    losses = [epoch.validation_loss for epoch in place.history]
    began_s = time.monotonic() - place.epoch_s
    kept_s = time.monotonic()
    for number, batch in enumerate(ahead(stream.epoch(place.epoch))):
        if number < place.batch:
            continue  # done before a kill
        draw = batch_generator(settings.seed * team.size + team.rank, place.epoch, number)
        torch.manual_seed(draw.initial_seed() + 1)  # of dropout
        heard, wanted = batch.frames.to(team.device), batch.targets.to(team.device)
        heard, wanted = at.material.augment(heard, wanted, draw)
        inputs = at.material.inputs(heard)
        step = (place.epoch - 1) * stream.batches_per_epoch + number
        for group in at.optimiser.param_groups:
            group["lr"] = learning_rate(
                settings.schedule,
                settings.optimiser.learning_rate,
                step,
                stream.batches_per_epoch,
                settings.epochs,
                losses,
            )
        with torch.autocast(team.device.type, _AUTOCAST[settings.precision], settings.precision != "float32"):
            logits = at.model(inputs).float()
        loss = at.material.loss(logits, wanted)
        at.optimiser.zero_grad()
        torch.autograd.backward(at.scaler.scale(loss))
        if settings.optimiser.clip_norm:
            at.scaler.unscale_(at.optimiser)
            nn.utils.clip_grad_norm_(at.network.parameters(), settings.optimiser.clip_norm)
        at.scaler.step(at.optimiser)
        at.scaler.update()
        tally.add(loss, logits, wanted)
        at.display.batch(place.epoch, len(wanted) * team.size, tally.loss if at.display.due else None)
        if team.size == 1 and time.monotonic() - kept_s > 60 * settings.state_minutes:
            place.batch, place.sums, place.epoch_s = number + 1, tally.sums, time.monotonic() - began_s
            save_state(at.folder.state, place, at.network, at.optimiser, at.scaler)
            kept_s = time.monotonic()
    place.epoch_s = time.monotonic() - began_s
    return tally


def _judge_epoch(at: _Session, tally: Tally) -> EpochFigures:
    """The epoch's figures, the same in every process. SettingsUnusable when training has blown up."""
    place, watch = at.place, at.settings.early_stop
    began_s = time.monotonic()
    judgement = at.material.judge.judge(at.learner)
    sums = at.team.summed(tally.tensor).tolist()
    if not math.isfinite(judgement.loss + mean_loss(sums)):
        raise SettingsUnusable(
            f"optimiser: in epoch {place.epoch} the loss is no longer a number; lower learning_rate or set clip_norm"
        )
    if watch.watch != "loss" and watch.watch not in judgement.figures:
        raise SettingsUnusable(
            f"early_stop.watch: the validation clips give no {watch.watch}: too few of them, or of their labels; "
            "watch loss"
        )
    value = judgement.loss if watch.watch == "loss" else judgement.figures[watch.watch]
    gain = math.inf
    if place.best is not None:
        before = place.best.validation_loss if watch.watch == "loss" else place.best.figures[watch.watch]
        gain = before - value if lower_is_better(watch.watch) else value - before
    return EpochFigures(
        epoch=place.epoch,
        train_loss=mean_loss(sums),
        train_recall=recall(sums),
        validation_loss=judgement.loss,
        figures=judgement.figures,
        learning_rate=at.optimiser.param_groups[0]["lr"],
        windows=int(sums[1]),
        seconds=place.epoch_s + time.monotonic() - began_s,
        best=gain > watch.least_gain,
    )


def _keep(at: _Session, lesson: Lesson, figures: EpochFigures, on_epoch: OnEpoch | None) -> None:
    """Write down the epoch and its networks, tell whoever listens, and say whether training goes on."""
    place, settings = at.place, at.settings
    place.history.append(figures)
    place.epoch, place.batch, place.sums, place.epoch_s = place.epoch + 1, 0, [], 0.0
    ended = _end(place, settings)
    if at.team.leads:
        if figures.best:
            keep_best(at.folder, lesson, settings, at.network, at.material, figures)
        keep_epoch(at.folder, at.network, at.material, place.history, bool(ended))
        at.display.epoch(figures)
        if at.live is not None:
            at.live.epoch(figures)
        try:
            if on_epoch is not None:
                on_epoch(figures)
        except StopTraining:
            ended = "stopped"
    if at.team.told(float(bool(ended))):
        place.ended = ended or "stopped"
    if at.team.leads:
        if place.ended or at.material.learner is None:  # a body that never moves is not written every time
            keep_last(at.folder, lesson, settings, at.network, at.material, figures)
        save_state(at.folder.state, place, at.network, at.optimiser, at.scaler)  # the last: all before it is whole


def _end(place: Place, settings: TrainSettings) -> str:
    """Why training ends after the epochs of `place`, or ""."""
    best, patience = place.best, settings.early_stop.patience
    assert best is not None
    if len(place.history) >= settings.epochs:
        return "epochs"
    return "early stop" if patience and len(place.history) - best.epoch >= patience else ""


def make_optimiser(settings: OptimiserSettings, network: nn.Module) -> torch.optim.Optimizer:
    """Adam or AdamW over what the network may learn."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    kind = torch.optim.Adam if settings.kind == "adam" else torch.optim.AdamW
    return kind(learning, lr=settings.learning_rate, weight_decay=settings.weight_decay)
