"""Which parameters of a pretrained network move, and how fast."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from agroflux_data.errors import AgrofluxError
from baselines.models import FluxModel
from baselines.transfer.plan import Transfer

__all__ = ["learning_rates", "moving"]

_HEADS = "*head.*"
_NUMBER = re.compile(r"^(?:layers|blocks)\.(\d+)\.|^(?:lstm|gru)\.\w+_l(\d+)$")
"""A parameter of one of several layers, and which."""


def moving(model: FluxModel, layers: Sequence[str]) -> tuple[str, ...]:
    """The names of the parameters that move.

    Parameters
    ----------
    model : FluxModel
    layers : sequence of str
        ``all``; ``head``; ``last``: the head, the last layer and what follows it, in a network of a single layer all;
        or patterns of modules or parameters, such as ``layers.2`` or ``lstm.*_l2``. The head always moves.

    Raises
    ------
    AgrofluxError
        A pattern that fits nothing.
    """
    names = [name for name, _ in model.named_parameters()]
    found = {name for name in names if fnmatchcase(name, _HEADS)}
    for pattern in layers:
        if pattern == "head":
            continue
        if pattern == "all":
            own = set(names)
        elif pattern == "last":
            own = _last(names)
        else:
            own = {name for name in names if fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")}
        if not own:
            modules = sorted({name.rpartition(".")[0] for name in names})
            raise AgrofluxError(
                "no such layers", expected="all, head, last, or patterns of " + ", ".join(modules), came=pattern
            )
        found |= own
    return tuple(name for name in names if name in found)


def _last(names: Sequence[str]) -> set[str]:
    numbers = {name: int(match[1] or match[2]) for name in names if (match := _NUMBER.match(name))}
    if not numbers:
        return set(names)
    last = max(numbers.values())
    first = min(place for place, name in enumerate(names) if numbers.get(name) == last)
    return {name for name in names[first:] if numbers.get(name, last) == last}


def learning_rates(model: FluxModel, transfer: Transfer, head: float) -> dict[str, float]:
    """The peak learning rate of each parameter that moves, by name.

    Parameters
    ----------
    model : FluxModel
    transfer : Transfer
        Of a planned run.
    head : float
        That of the head.
    """
    encoder = head if transfer.encoder_learning_rate is None else transfer.encoder_learning_rate
    return {name: head if fnmatchcase(name, _HEADS) else encoder for name in moving(model, transfer.layers)}
