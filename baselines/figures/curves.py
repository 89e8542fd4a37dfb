"""Figures of a training run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from agroflux_data.variables import VARIABLES

__all__ = ["save_boosting", "save_curves"]


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
    _save(figure, path)


def save_boosting(log: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    """RMSE of each target by round of boosting, as a PNG.

    Parameters
    ----------
    log : mapping
        By target ``training`` and ``validation``: lists, the second maybe empty.
    path : Path
    """
    figure = Figure(figsize=(max(4.5, 3.2 * len(log)), 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (target, errors) in zip(figure.subplots(1, len(log), squeeze=False)[0], log.items(), strict=True):
        for name, values in errors.items():
            if len(values):
                axes.plot(range(1, len(values) + 1), values, label=name)
        axes.set(title=target, xlabel="round", ylabel=f"RMSE [{VARIABLES[target].label}]")
        axes.legend()
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    figure.savefig(temporary, format="png", dpi=120)
    os.replace(temporary, path)
