"""An ensemble: the same run with several seeds; its prediction is the mean of theirs.

Seeds differ in the first weights, dropout and the order of rows (Lakshminarayanan et al. 2017, Simple and scalable
predictive uncertainty estimation using deep ensembles, NeurIPS 30).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.progress import Progress

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.evaluation import evaluate, keep_tested
from baselines.run import Run, RunFolder
from baselines.saved import ENSEMBLE_FILE, open_saved

__all__ = ["finish_ensemble", "plan_ensemble"]


def plan_ensemble(
    release: Release, task: str, model: str, output: Path, seeds: Sequence[int], **choices: Any
) -> list[tuple[Run, Path]]:
    """A run for each seed, in a folder named for it.

    Raises
    ------
    AgrofluxError
        Fewer than two seeds, one given twice, or what `Run.plan` raises.
    """
    if len(seeds) < 2 or len(set(seeds)) < len(seeds):
        raise AgrofluxError("no ensemble", expected="at least two seeds, each once", came=", ".join(map(str, seeds)))
    return [(Run.plan(release, task, model, seed=seed, **choices), output / f"seed-{seed}") for seed in seeds]


def finish_ensemble(
    members: Sequence[tuple[Run, Path]], release: Release, output: Path, bar: Progress
) -> dict[str, dict[str, float]]:
    """Write ``ensemble.json`` and ``metrics.json`` once all members are trained; the metrics of the mean prediction."""
    folder, run = RunFolder(output), members[0][0]
    folder.write(
        ENSEMBLE_FILE,
        {"members": [path.name for _, path in members], "seeds": [one.recipe.seed for one, _ in members]},
    )
    fitted = open_saved(output).fitted
    splits = run.validation or run.training
    metrics = evaluate(fitted, run, release, splits, bar)
    tested = keep_tested(fitted, run, release, folder, bar)
    folder.write(
        "metrics.json",
        {"splits": splits, "metrics": metrics, "parameters": fitted.parameters, "tested": tested},
    )
    return metrics
