"""Weights that are computed from others at every step, as weight normalisation does, put in place as they are."""

import copy

from torch import nn
from torch.nn.utils import parametrize


def with_plain_weights(module: nn.Module) -> nn.Module:
    """`module` itself where it has no parametrised weights, else a copy without: the same results.

    torch's own `remove_parametrizations` would take them from the class that a copy shares with its original.
    """
    if not any(parametrize.is_parametrized(part) for part in module.modules()):
        return module
    plain = copy.deepcopy(module)
    for part in [part for part in plain.modules() if parametrize.is_parametrized(part)]:
        weights = {name: getattr(part, name).detach().clone() for name in part.parametrizations}  # type: ignore[union-attr]
        del part.parametrizations
        part.__class__ = next(kind for kind in type(part).__mro__[1:] if issubclass(kind, nn.Module))
        for name, weight in weights.items():
            setattr(part, name, nn.Parameter(weight, requires_grad=False))
    return plain
