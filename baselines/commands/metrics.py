"""The table of metrics that several commands print."""

from __future__ import annotations

from rich import box
from rich.table import Table

from agroflux_data.variables import VARIABLES
from baselines.evaluation import headings

__all__ = ["metrics_table"]


def metrics_table(metrics: dict[str, dict[str, float]]) -> Table:
    """The metrics of each target, one a line; of intervals, the share of the days that they hold."""
    columns = headings(metrics)
    table = Table("target", "unit", *columns.values(), box=box.SIMPLE)
    for target, scores in metrics.items():
        cells = (f"{scores[name]:.3g}" if name in scores else "-" for name in columns)
        table.add_row(target, VARIABLES[target].unit, *cells)
    return table
