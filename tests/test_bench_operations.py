"""The operations that `genred bench engine` counts with are those that torch counts."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from daemon.bench.operations import MODELS, PUBLISHED, carried_window, first_window, plain_window

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="needs torch")


@pytest.mark.parametrize("model", [None, *MODELS])
def test_the_formulas_say_what_torch_counts(model: str | None) -> None:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from export.train.initial import initial_network
    from models.musicnn.hops import HopMusicnn
    from models.musicnn.living import LivingMusicnn, all_kept
    from models.musicnn.living_filters import living
    from models.musicnn.network import Musicnn

    plain = Musicnn().eval()
    if model is not None:
        trained = initial_network(model)[1]
        assert isinstance(trained, Musicnn)
        plain = trained.eval()
    hops = HopMusicnn(living(plain) if model else LivingMusicnn(plain, all_kept(plain)))
    filters = MODELS[model] if model else PUBLISHED
    log_mel, carried = torch.zeros(1, 250, 96), torch.zeros(1, hops.carry_size)
    counted = []
    with torch.inference_mode():
        for run in (lambda: plain(log_mel), lambda: hops(log_mel, carried), lambda: hops.first_carry(log_mel)):
            with FlopCounterMode(display=False) as counter:
                run()
            counted.append(counter.get_total_flops())
    of_plain, of_hop, of_first_carry = counted
    assert 2 * plain_window() == of_plain
    assert 2 * carried_window(filters) == of_hop
    assert 2 * first_window(filters) == of_hop + of_first_carry


def test_they_are_those_of_the_notes() -> None:
    assert 2 * plain_window() == pytest.approx(3.739e9, rel=1e-4)
    assert 2 * carried_window(PUBLISHED) == pytest.approx(0.939e9, rel=1e-3)
