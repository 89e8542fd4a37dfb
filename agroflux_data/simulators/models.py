"""The process models by name, loaded when they are to simulate: their compiler takes a tenth of a gigabyte."""

from __future__ import annotations

from agroflux_data.simulators.drivers import ProcessModel

__all__ = ["MODELS", "load"]

MODELS = ("daycent", "ecosys")


def load(name: str) -> ProcessModel:
    """The process model of a name in `MODELS`, with its public parameters; KeyError for another name."""
    if name == "daycent":
        from agroflux_data.simulators.daycent import DayCent

        return DayCent()
    if name == "ecosys":
        from agroflux_data.simulators.ecosys import Ecosys

        return Ecosys()
    raise KeyError(name)
