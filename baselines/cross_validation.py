"""Cross-validation over the folds of a spatial task: each is left out once, and a model that never saw it is tested."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.run import Run, RunFolder

__all__ = ["folds_of", "plan_folds", "summary"]


def folds_of(release: Release, task: str) -> tuple[str, ...]:
    """The folds of a task whose values are public; raises `AgrofluxError` where it has fewer than three."""
    folds = tuple(name for name in release.splits(task) if name.startswith("fold_"))
    if len(folds) < 3:
        raise AgrofluxError(
            "nothing to cross-validate", expected="a spatial task with at least three folds: one to test, one to"
            " choose the epoch, others to train", came=f"{task} with {len(folds)}",
        )  # fmt: skip
    return folds


def plan_folds(release: Release, task: str, model: str, output: Path, **choices: Any) -> dict[str, tuple[Run, Path]]:
    """A run for each fold: it is left out, the next one chooses the epoch, the others are trained on.

    Parameters
    ----------
    release : Release
    task, model : str
    output : Path
        The folder of all; each run has one in it named for its fold.
    **choices
        As of `Run.plan`.
    """
    return {
        fold: (Run.plan(release, task, model, left_out=fold, **choices), output / fold)
        for fold in folds_of(release, task)
    }


def summary(folders: Mapping[str, Path], targets: Sequence[str]) -> dict[str, dict[str, dict[str, float]]]:
    """The metrics on the folds left out: for each target and metric ``mean``, ``sd`` over folds, and each fold's.

    Parameters
    ----------
    folders : mapping of str to Path
        Of finished runs, by fold.
    targets : sequence of str
    """
    found = {fold: RunFolder(folder).metrics()["tested"] for fold, folder in folders.items()}
    table: dict[str, dict[str, dict[str, float]]] = {}
    for target in targets:
        table[target] = {}
        for metric in ("r2", "rmse", "mae", "bias", "skill"):
            by_fold = {fold: _number(scores[target][metric]) for fold, scores in found.items()}
            defined = [value for value in by_fold.values() if not math.isnan(value)]
            mean = fmean(defined) if defined else math.nan
            spread = stdev(defined) if len(defined) > 1 else math.nan
            table[target][metric] = {"mean": mean, "sd": spread} | by_fold
    return table


def _number(value: float | None) -> float:
    return math.nan if value is None else value
