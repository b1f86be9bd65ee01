"""The network a run starts with: a fresh one, or one that has learnt already; and what "auto" settings come to."""

from typing import Final

import torch
from torch import nn

from export.data.music_set import MusicSet
from export.data.recipe import Recipe
from export.errors import SettingsUnusable
from export.train.initial import initial_network
from export.train.published import transformers_there, with_config
from export.train.settings import TrainSettings
from export.train.settings_file import checked
from export.train.taking_over import take_over
from export.train.trained import NetworkSpec
from models.card import Label
from models.networks.registry import NETWORKS, make_network

_OUTPUT: Final = "output."  # of every network: the layer whose length is the number of labels
_PROJECTOR: Final = "projector."  # of wav2vec2: the layer before it
_TALL: Final = ("musicnn", "musicnn-mlp", "slim-musicnn")
_DEFAULT_NETWORK: Final = "spectrogram-cnn"


def resolved(settings: TrainSettings, music: MusicSet, before: TrainSettings | None = None) -> TrainSettings:
    """The settings with nothing left open: network, options, front end and loss.

    before: of the run that goes on, whose initial network or published checkpoint need no longer be there.
    SettingsUnusable, InputUnusable, DependencyMissing.
    """
    changes: dict[str, object] = {}
    if settings.initial and before is not None and before.initial == settings.initial:
        changes |= _as_before(settings, before)
    elif settings.initial:
        spec, _ = initial_network(settings.initial)
        changes |= _from_initial(settings, spec)
    elif settings.network == "auto":
        changes["network"] = _DEFAULT_NETWORK
    if settings.loss.kind == "auto":
        kind = "bce" if music.multi_label else "ce"
        changes["loss"] = settings.loss.model_copy(update={"kind": kind})
    open_ended = settings.model_copy(update=changes)
    if open_ended.network not in NETWORKS:
        raise SettingsUnusable(f"network: {open_ended.network!r} is none of {', '.join(sorted(NETWORKS))}")
    options = with_config(open_ended.network, open_ended.network_options, before.network_options if before else {})
    found = open_ended.model_copy(update={"network_options": options, **_heard(open_ended.recipe)})
    # Once more, for now it is known which front end the hops must fit.
    return checked(found.model_dump(mode="json", exclude_none=True), "settings")


def starting_network(
    settings: TrainSettings, labels: tuple[Label, ...], columns: tuple[str, ...] = (), *, going_on: bool = False
) -> nn.Module:
    """The network of `resolved` settings; of an initial one with other labels the last layer is fresh.

    columns: of a table, where that is what the network learns from. The seed of the settings decides what is fresh.
    going_on: a state's weights will take the place of all of them.
    SettingsUnusable for options that the network does not take; InputUnusable, DependencyMissing.
    """
    torch.manual_seed(settings.seed)
    try:
        shape = (len(columns),) if columns else settings.recipe.input_shape
        with transformers_there(settings.network):
            network = make_network(settings.network, len(labels), settings.network_options, shape)
    except (TypeError, ValueError) as error:
        raise SettingsUnusable(f"network_options: {settings.network} cannot be made with them: {error}") from None
    if settings.initial and not going_on:
        _learn_from(network, settings, labels)
    elif not going_on:
        take_over(network, settings, labels)
    if settings.network not in _TALL:
        _lay_out(network)
    if settings.frozen == "body":
        published = settings.network == "wav2vec2" and not settings.initial
        learning = (_OUTPUT, _PROJECTOR) if published else (_OUTPUT,)  # few publish a projector with the body
        for name, parameter in network.named_parameters():
            parameter.requires_grad = name.startswith(learning)
    return network


def training_mode(network: nn.Module, settings: TrainSettings) -> None:
    """As `network.train()`; a frozen body stays in evaluation, or its normalisations would still move."""
    network.train(settings.frozen != "body")


def _lay_out(network: nn.Module) -> None:
    """Channels last: a step takes a tenth less, in bfloat16 a quarter (musicnn's tall filters would take more)."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _heard(recipe: Recipe) -> dict[str, object]:
    return {"front_end": recipe.front_end, "window_s": recipe.window_s, "hop_s": recipe.hop_s}


def _from_initial(settings: TrainSettings, spec: NetworkSpec) -> dict[str, object]:
    if settings.network not in ("auto", spec.network):
        raise SettingsUnusable(f"network: {settings.initial} is a {spec.network}, not a {settings.network}")
    heard = spec.recipe.front_end
    if settings.front_end != "auto" and settings.recipe.front_end != heard:
        raise SettingsUnusable(f"front_end: {settings.initial} has learnt with another; leave it out")
    options = {**spec.options, **settings.network_options}
    windows = {"window_s": settings.window_s or spec.recipe.window_s, "hop_s": settings.hop_s or spec.recipe.hop_s}
    return {"network": spec.network, "network_options": options, "front_end": heard, **windows}


def _as_before(settings: TrainSettings, before: TrainSettings) -> dict[str, object]:
    """What the initial network had decided when the run began."""
    return {
        "network": before.network if settings.network == "auto" else settings.network,
        "network_options": {**before.network_options, **settings.network_options},
        "front_end": before.front_end if settings.front_end == "auto" else settings.front_end,
        "window_s": settings.window_s or before.window_s,
        "hop_s": settings.hop_s or before.hop_s,
    }


def _learn_from(network: nn.Module, settings: TrainSettings, labels: tuple[Label, ...]) -> None:
    spec, learnt = initial_network(settings.initial)
    weights = learnt.state_dict()
    if [label.name for label in spec.labels] != [label.name for label in labels]:
        fresh = network.state_dict()
        weights |= {name: tensor for name, tensor in fresh.items() if name.startswith(_OUTPUT)}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise SettingsUnusable(f"network_options: {settings.initial} does not fit them: {reason}") from None
