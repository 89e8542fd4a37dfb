"""Numbers as the page writes them."""

from __future__ import annotations

__all__ = ["count", "number"]


def number(value: float | None, target: str | None = None) -> str:
    """A score with three decimals, or, in the unit of a target, with as many as it needs.

    Parameters
    ----------
    value : float or None
        None and NaN are written as a dash.
    target : str, optional
        The variable whose unit it has; none for what has no unit.
    """
    if value is None or value != value:
        return "–"
    # N2O is a thousand times smaller than the carbon fluxes.
    return f"{value:z.5f}" if target == "N2O" else f"{value:z.3f}"


def count(value: int) -> str:
    """A number of parameters: 950, 12.3 k, 1.2 M."""
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return str(value)
