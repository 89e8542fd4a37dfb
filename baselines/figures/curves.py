"""Figures of a training run."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from agroflux_data.variables import VARIABLES

__all__ = ["save_boosting", "save_curves"]


def save_curves(log: Sequence[dict[str, Any]], targets: Sequence[str], path: Path) -> None:
    """Loss and validation metrics by epoch, and those of the discriminator where there was one, as a PNG.

    Parameters
    ----------
    log : sequence of dict
        ``log_history`` of the trainer's state.
    targets : sequence of str
    path : Path
    """
    domains = any("loss_domain" in entry for entry in log)
    figure = Figure(figsize=(13, 3.6) if domains else (9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right, *beside = figure.subplots(1, 3 if domains else 2)
    errors = {"loss": "training", "eval_loss": "validation"}
    if domains:
        errors = {"loss_error": "training", "loss_source": "training, source task", "eval_loss": "validation"}
        _draw_domains(log, beside[0])
    for key, name in errors.items():
        points = [(entry["epoch"], entry[key]) for entry in log if key in entry]
        if points:
            left.plot(*zip(*points, strict=True), _style(points), label=name)
    left.set(xlabel="epoch", ylabel="masked MSE of normalised targets", yscale="log")
    left.legend()
    for target in targets:
        key = f"eval_{target}_r2"
        points = [(entry["epoch"], entry[key]) for entry in log if key in entry]
        if points:
            right.plot(*zip(*points, strict=True), _style(points), label=target)
    if right.lines:
        right.set(xlabel="epoch", ylabel="validation R²", ylim=(-0.05, 1))
        right.legend(ncols=2, fontsize="small")
    else:
        right.set_axis_off()
        right.text(0.5, 0.5, "no validation rows", ha="center", va="center")
    _save(figure, path)


def _style(points: Sequence[object]) -> str:
    """A line, or a point where there is no more, as of a network that nothing was trained of."""
    return "-" if len(points) > 1 else "o"


def _draw_domains(log: Sequence[dict[str, Any]], axes: Axes) -> None:
    """How well the discriminator tells the two tasks apart, beside what chance would give."""
    for key, name, chance in (("domain_accuracy", "accuracy", 0.5), ("loss_domain", "cross-entropy", math.log(2))):
        points = [(entry["epoch"], entry[key]) for entry in log if key in entry]
        (line,) = axes.plot(*zip(*points, strict=True), _style(points), label=f"{name} (chance {chance:.2f})")
        axes.axhline(chance, color=line.get_color(), linestyle=":", linewidth=1)
    axes.set(xlabel="epoch", ylabel="discriminator of the two tasks", ylim=(0, 1.05))
    axes.legend(fontsize="small")


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
