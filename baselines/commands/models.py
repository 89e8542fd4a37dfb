"""`agroflux-train models`."""

from __future__ import annotations

from rich import box
from rich.table import Table

from agroflux_data import console
from baselines.catalogue import catalogue

__all__ = ["models"]


def models() -> None:
    """Every baseline: its paper, its parameters at default sizes, whether it is causal, and what it does with soils."""
    table = Table("name", "what", "paper", "parameters", "causal", "statics", box=box.SIMPLE)
    for entry in catalogue():
        size = "by data" if entry.parameters is None else f"{entry.parameters:,}"
        table.add_row(entry.name, entry.title, entry.source, size, "yes" if entry.causal else "no", entry.statics)
    console.output.print(table)
