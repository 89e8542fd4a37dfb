"""A daily process model after DayCent, vectorised over series."""

from __future__ import annotations

from agroflux_data.simulators.daycent.model import DayCent
from agroflux_data.simulators.daycent.parameters import Parameters, parameter_table

__all__ = ["DayCent", "Parameters", "parameter_table"]
