"""A real Prometheus watches real daemons: every expression has data, and the alerts of real faults fire."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.expressions import asked, shown
from tests.observed import Observed, observed
from tests.process import wait_for
from tests.prometheus_server import shortened, substituted

COMPARISON = re.compile(r"(?<= )(==|>|<)(?= )")
# Expressions that may be without data, and why.
WITHOUT = {"genred_gpu_memory_bytes": "no GPU"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, kafka: str) -> Iterator[Observed]:
    """Everything running; the tests below go from load to faults in their order."""
    with observed(tmp_path_factory.mktemp("observed"), kafka) as everything:
        yield everything


def empty(scene: Observed) -> list[str]:
    """The expressions that have no data now. Conditions are asked as 0 or 1: what does not hold is no lack of data."""
    questions = [(where, substituted(expression)) for where, expression in shown()]
    for where, expression in asked():
        condition = expression if ":" in where else COMPARISON.sub(r"\1 bool", expression)
        questions.append((where, shortened(condition)))
    wanted = [question for question in questions if not any(name in question[1] for name in WITHOUT)]
    return [f"{where}: {expression}" for where, expression in wanted if not scene.prometheus.values(expression)]


def until_firing(scene: Observed, *alerts: tuple[str, str]) -> None:
    """Wait until these fire, or have; each a name and an instance."""
    missing = set(alerts)

    def all_fired() -> bool:
        missing.difference_update(scene.prometheus.firing())
        return not missing

    try:
        wait_for(all_fired, "", 60.0)
    except AssertionError:
        raise AssertionError(f"not fired: {missing}; firing: {scene.prometheus.firing()}") from None


def until_data(scene: Observed) -> None:
    """Wait until every expression has data."""
    left: list[str] = []

    def answered() -> bool:
        left[:] = empty(scene)
        return not left

    try:
        wait_for(answered, "", 20.0)
    except AssertionError:
        raise AssertionError("no data:\n" + "\n".join(left)) from None


def test_load_and_faults(scene: Observed) -> None:
    # No target at all, as long as Prometheus had none, is an alert too; it goes out.
    wait_for(lambda: ("GenredDown", None) not in scene.prometheus.firing(), "targets that Prometheus knows")
    until_firing(scene, ("GenredFallingBehind", "slow"), ("GenredLosingAudio", "slow"), ("GenredDeadLetters", "worker"))
    assert ("GenredStalledSource", "live") not in scene.prometheus.firing()
    scene.radio.stall()
    until_firing(scene, ("GenredStalledSource", "live"))
    scene.radio.go_on()
    wait_for(lambda: ("GenredStalledSource", "live") not in scene.prometheus.firing(), "a radio that is heard again")
    until_data(scene)
    assert ("GenredDown", "worker") not in scene.prometheus.firing()
    scene.worker.process.kill()
    until_firing(scene, ("GenredDown", "worker"))
    assert {where for alert, where in scene.prometheus.firing() if alert == "GenredDown"} == {"worker"}
