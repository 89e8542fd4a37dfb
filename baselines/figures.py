"""Figures of a training run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

__all__ = ["save_curves"]


def save_curves(log: Sequence[dict[str, Any]], targets: Sequence[str], path: Path) -> None:
    """Loss and validation metrics by epoch, as a PNG.

    Parameters
    ----------
    log : sequence of dict
        ``log_history`` of the trainer's state.
    targets : sequence of str
    path : Path
    """
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for key, name in (("loss", "training"), ("eval_loss", "validation")):
        points = [(entry["epoch"], entry[key]) for entry in log if key in entry]
        if points:
            left.plot(*zip(*points, strict=True), label=name)
    left.set(xlabel="epoch", ylabel="masked MSE of normalised targets", yscale="log")
    left.legend()
    for target in targets:
        key = f"eval_{target}_r2"
        points = [(entry["epoch"], entry[key]) for entry in log if key in entry]
        if points:
            right.plot(*zip(*points, strict=True), label=target)
    if right.lines:
        right.set(xlabel="epoch", ylabel="validation R²", ylim=(-0.05, 1))
        right.legend(ncols=2, fontsize="small")
    else:
        right.set_axis_off()
        right.text(0.5, 0.5, "no validation rows", ha="center", va="center")
    temporary = path.with_name(f".{path.name}.tmp")
    figure.savefig(temporary, format="png", dpi=120)
    os.replace(temporary, path)
