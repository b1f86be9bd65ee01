"""Search spaces: read, refused with the key, drawn from, made into settings; tables of what was found."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import optuna
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from export.data.augment import ALL, check_allowed
from export.errors import SettingsUnusable
from export.train.embedding_stage import check_unaugmented
from export.train.settings import TrainSettings
from export.train.settings_file import checked, merged
from export.tune.applied import KINDS, STRENGTH, Hearer, applied, check_space, default_space, hearer_of
from export.tune.comparison import compared, draw_comparison
from export.tune.named_spaces import NAMES, SEED, named_space
from export.tune.results import TrialRow, csv_text, rich_table
from export.tune.setting_plots import scatter_figure
from export.tune.space import Choices, Range, Value, grid_size, read_space, shuffled_grid
from models.networks import embedding_mlp
from models.networks.registry import NETWORKS, has_frozen_body

FROZEN = {name for name, kind in NETWORKS.items() if kind.make.__module__ == embedding_mlp.__name__}


def test_a_frozen_body_is_said_where_the_networks_are() -> None:
    assert {name for name in NETWORKS if has_frozen_body(name)} == FROZEN
    assert not has_frozen_body("none of them")


def written(folder: Path, text: str) -> Path:
    """A TOML file."""
    path = folder / "space.toml"
    path.write_text(text)
    return path


def test_names_may_be_quoted_or_tables(tmp_path: Path) -> None:
    text = """
    batch_size = { choices = [16, 32] }
    "optimiser.learning_rate" = { low = 1e-4, high = 1e-2, log = true, points = 5 }
    network_options.dropout = { low = 0.0, high = 0.5, step = 0.25 }
    [early_stop.patience]
    low = 2
    high = 8
    """
    assert read_space(written(tmp_path, text)) == {
        "batch_size": Choices((16, 32)),
        "optimiser.learning_rate": Range(1e-4, 1e-2, log=True, points=5),
        "network_options.dropout": Range(0.0, 0.5, step=0.25),
        "early_stop.patience": Range(2, 8),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "space.toml: nothing to search"),
        ("a = 3", "space.toml: a: must be a table"),
        ("a = {choices = []}", "a: choices must be a list"),
        ("a = {choices = [1, 1]}", "a: choices must be different"),
        ("a = {choices = [[1]]}", "a: choices must be different"),
        ("a = {choices = [1], low = 2}", "a: choices must be a list of values, and stand alone"),
        ("a.b = {low = 1}", "a.b: high must be a number"),
        ("a = {low = true, high = 2}", "a: low must be a number"),
        ("a = {low = nan, high = 2}", "a: low must be a number"),
        ("a = {low = 2, high = 2}", "a: low must be less than high"),
        ("a = {low = 0, high = 2, log = true}", "a: log is true or false; with it, low must be above 0"),
        ("a = {low = 0, high = 2, step = 0}", "a: step must be a number above 0"),
        ("a = {low = 0, high = 2, step = 1.5}", "a: high must be a whole number of steps above low"),
        ("a = {low = 0, high = 2, points = 1}", "a: points must be a whole number of at least 2"),
        ("a = {low = 0, high = 2, steps = 1}", "a: no such key: steps"),
        ("a = {", "space.toml: not TOML"),
    ],
)
def test_what_is_no_space_is_named_with_its_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsUnusable) as error:
        read_space(written(tmp_path, text))
    assert said in str(error.value) and str(error.value).count("space.toml") == 1


LOW, WIDTH, COUNT = st.floats(1e-6, 1e3), st.floats(1e-3, 1e3), st.integers(1, 99)
POINTS = st.integers(2, 9)
RANGES = st.one_of(
    st.builds(lambda low, width, log, n: Range(low, low + width, log, None, n), LOW, WIDTH, st.booleans(), POINTS),
    st.builds(lambda low, step, n: Range(low / 4, (low + n * step) / 4, False, step / 4), COUNT, COUNT, COUNT),
    st.builds(lambda low, width, log: Range(low, low + width, log), COUNT, COUNT, st.booleans()),
)


@example(dimension=Range(1000.0, 1000.00390625, False, None, 2))
@given(dimension=RANGES | st.lists(st.integers(), min_size=1, unique=True).map(lambda v: Choices(tuple(v))))
def test_grids_and_draws_lie_within_the_bounds(dimension: Choices | Range) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = dimension.suggest(study.ask(), "x")
    values = dimension.grid
    assert len(set(values)) == len(values) == grid_size({"x": dimension})
    if isinstance(dimension, Choices):
        assert drawn in values
        return
    assert values[0] == pytest.approx(dimension.low, rel=1e-5)
    assert all(dimension.low <= float(value) <= dimension.high for value in (*values, drawn))
    assert dimension.whole == isinstance(drawn, int) == all(isinstance(value, int) for value in values)
    if dimension.step is None:
        assert values[-1] == pytest.approx(dimension.high, rel=1e-5)


def test_a_shuffled_grid_is_all_combinations_in_one_order() -> None:
    space = {"a": Choices((1, 2, 3)), "b": Choices(("x", "y"))}
    points = shuffled_grid(space)
    assert points == shuffled_grid(space)
    assert {(point["a"], point["b"]) for point in points} == {(a, b) for a in (1, 2, 3) for b in "xy"}
    with pytest.raises(SettingsUnusable, match="a grid of 1000000 combinations"):
        shuffled_grid({name: Choices(tuple(range(100))) for name in "abc"})


def test_values_become_settings() -> None:
    values: dict[str, Value] = {
        "batch_size": 8,
        "optimiser.learning_rate": 0.01,
        "network_options.widths": "8,16",
        STRENGTH: 0.5,
    }
    settings = applied(TrainSettings(epochs=3), values)
    assert (settings.epochs, settings.batch_size, settings.optimiser.learning_rate) == (3, 8, 0.01)
    assert settings.network_options == {"widths": "8,16"}
    assert (settings.augment.mask, settings.augment.noise, settings.augment.gain) == (0.5, 0.25, 0.0)


@pytest.mark.parametrize(
    ("space", "multi_label", "said"),
    [
        ({"batch": Choices((8,))}, False, "batch: no such setting"),
        ({"batch_size": Range(1, 8)}, False, "batch_size: "),
        ({"loss.kind": Choices(("ce", "cee"))}, False, "loss.kind: "),
        ({"seed.x": Choices((8,))}, False, "seed.x: seed is no table of settings"),
        ({STRENGTH: Range(0, 2)}, False, "augment.strength: must be from 0 to 1"),
        ({"loss.kind": Choices(("bce", "ce"))}, True, "loss.kind: ce is for one label a clip"),
    ],
)
def test_a_space_of_what_cannot_be_set_is_refused(
    space: dict[str, Choices | Range], multi_label: bool, said: str
) -> None:
    with pytest.raises(SettingsUnusable) as error:
        check_space(TrainSettings(), space, multi_label)
    assert said in str(error.value)


def check_as_training_does(settings: TrainSettings) -> None:
    """SettingsUnusable where a run would say so of its augmentation."""
    check_allowed(settings.augment, settings.recipe.front_end.kind)
    if settings.network in FROZEN:
        check_unaugmented(settings.augment, settings.network)


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("network", ["auto", *sorted(NETWORKS)])
def test_the_default_space_fits_every_network(network: str, multi_label: bool) -> None:
    base = TrainSettings(network=network)
    space = default_space(base, multi_label, hearer_of(base).augmentation)
    check_space(base, space, multi_label)
    assert {"optimiser.learning_rate", "optimiser.weight_decay", "loss.kind", "batch_size"} <= set(space)
    assert (STRENGTH in space) == (network not in FROZEN)
    assert ("network_options.widths" in space) == (network.startswith("spectrogram-") or network == "auto")
    for name, dimension in space.items():
        for value in dimension.grid:
            check_as_training_does(applied(base, {name: value}))


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_the_space_of_augmentation_has_what_the_network_can_hear(network: str) -> None:
    base = TrainSettings(network=network)
    if network in FROZEN:
        with pytest.raises(SettingsUnusable, match="--space augmentation: nothing of it can be done"):
            named_space("augmentation", False, hearer_of(base).augmentation)
        with pytest.raises(SettingsUnusable, match=r"augment\.strength: a frozen body"):
            check_space(base, {STRENGTH: Range(0.0, 1.0)}, False)
        return
    space = named_space("augmentation", False, hearer_of(base).augmentation).space
    check_space(base, space, False)
    kinds = [str(value) for value in space[KINDS].grid]
    every = [applied(base, {KINDS: value}) for value in kinds]
    for settings in every:
        check_as_training_does(settings)
    assert len({settings.model_dump_json() for settings in every}) == len(kinds)
    assert kinds[0] == "none" and "mixup" in kinds and ("mask,mixup" in kinds) == ("mask" in kinds)


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ({"network": "lstm", "augment": {"mask": 0.5}}, "augment.mask: frames of frame33 can only have mixup"),
        ({"network": "wav2vec2-mlp", "augment": {"noise": 0.5}}, "augment.noise: the body of wav2vec2-mlp is frozen"),
        ({"early_stop": {"watch": "f1"}}, "early_stop.watch: 'f1' is none of loss, "),
        ({"network": "spectrogram"}, "network: 'spectrogram' is none of convnet, "),
    ],
)
def test_what_every_trial_would_be_refused_for_is_said_before_the_first(base: dict[str, object], said: str) -> None:
    with pytest.raises(SettingsUnusable) as error:
        check_space(TrainSettings.model_validate(base), {"batch_size": Choices((8, 16))}, False)
    assert said in str(error.value)


def test_an_initial_network_or_a_table_says_what_can_be_heard() -> None:
    base, mlp, table = TrainSettings(initial="runs/a"), Hearer("musicnn-mlp", "log-mel"), Hearer("auto", "track174")
    assert STRENGTH not in default_space(base, False, mlp.augmentation)
    found = applied(base, {STRENGTH: 1.0}, table).augment
    assert (found.mixup, found.mask, found.noise) == (0.5, 0.0, 0.0)
    with pytest.raises(SettingsUnusable, match=r"augment\.kinds: 'mask' is none of mixup"):
        check_space(base, {KINDS: Choices(("none", "mask"))}, False, table)


@pytest.mark.parametrize("network", ["auto", "spectrogram-cnn"])
def test_the_shape_of_a_network_that_has_learnt_is_not_searched(network: str) -> None:
    assert "network_options.widths" not in default_space(TrainSettings(network=network, initial="runs/a"), False, ())


@pytest.mark.parametrize("allowed", [("mixup",), ALL])
@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_named_spaces_are_spaces(name: str, multi_label: bool, allowed: tuple[str, ...]) -> None:
    if name == "reference-c" and multi_label:
        with pytest.raises(SettingsUnusable, match="for one label a clip"):
            named_space(name, multi_label, allowed)
        return
    named = named_space(name, multi_label, allowed)
    base = checked(merged(named.settings, {"loss": {"label_smoothing": 0.1}}), "here")
    check_space(base, named.space, multi_label)
    assert base.loss.label_smoothing == 0.1 and named.grid and not named.prune
    assert grid_size(named.space) == 2700 if name == "reference-c" else grid_size(named.space) <= 24
    assert (SEED in named.space) == (name != "reference-c")
    every = [applied(base, point) for point in shuffled_grid(named.space)[:60]]
    assert len({settings.model_dump_json() for settings in every}) == len(every)


def test_kinds_of_augmentation_are_switched_on_together() -> None:
    base = TrainSettings.model_validate({"augment": {"noise": 0.9, "mask_times": 3}})
    found = applied(base, {KINDS: "mask,mixup"}).augment
    assert (found.mask, found.mixup, found.noise, found.pitch, found.mask_times) == (0.5, 0.5, 0.0, 0.0, 3)
    assert applied(base, {KINDS: "none"}).augment.noise == 0
    with pytest.raises(SettingsUnusable, match=r"augment\.kinds: 'echo' is none of noise, gain"):
        applied(base, {KINDS: "mask,echo"})


def test_tables_hold_every_trial() -> None:
    rows = [
        TrialRow(1, "done", 0.91234, {"batch_size": 16, "optimiser.learning_rate": 0.00123456}, 9, 4, 12.5, "one", ""),
        TrialRow(0, "failed", None, {"batch_size": 32}, None, None, None, "nought", "too small, by far [/a/b]"),
    ]
    first, second = csv.DictReader(io.StringIO(csv_text(rows, "macro_f1")))
    assert first["macro_f1"] == "0.91234" and first["optimiser.learning_rate"] == "0.00123456"
    assert second["error"] == "too small, by far [/a/b]" and second["optimiser.learning_rate"] == ""
    console = Console(file=io.StringIO(), width=160)
    console.print(rich_table(rows, "macro_f1"))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "0.9123" in shown and "0.001235" in shown and "failed: too small, by far [/a/b]" in shown


def test_the_spaces_in_the_page_are_spaces(tmp_path: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "tuning.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        check_space(TrainSettings(), read_space(written(tmp_path, block)), multi_label=False)


def test_a_dollar_in_a_setting_is_no_formula() -> None:
    rows = [
        TrialRow(n, "done", n / 4, {"initial": name, SEED: 0}, 1, 1, 1.0, "", "")
        for n, name in enumerate(("$a_$", "b"))
    ]
    drawing = scatter_figure(rows, "macro_f1")
    assert drawing is not None
    draw_comparison(drawing.axes[0], compared(rows, "macro_f1"), "macro_f1")
    drawing.savefig(io.BytesIO(), format="png")
