"""The table of metrics that several commands print."""

from __future__ import annotations

from rich import box
from rich.table import Table

from agroflux_data.variables import VARIABLES

__all__ = ["metrics_table"]


def metrics_table(metrics: dict[str, dict[str, float]]) -> Table:
    """The metrics of each target, one a line."""
    table = Table("target", "unit", "R²", "RMSE", "MAE", "bias", "skill", box=box.SIMPLE)
    for target, scores in metrics.items():
        cells = (f"{scores[name]:.3g}" for name in ("r2", "rmse", "mae", "bias", "skill"))
        table.add_row(target, VARIABLES[target].unit, *cells)
    return table
