"""The sub-daily process model: leaf biochemistry, microbes short of oxygen, and a column of soil."""

from __future__ import annotations

from agroflux_data.simulators.ecosys.model import Ecosys

__all__ = ["Ecosys"]
