"""An ensemble: the same run with several seeds; its prediction is the mean of theirs.

Seeds differ in the first weights, dropout and the order of rows (Lakshminarayanan et al. 2017, Simple and scalable
predictive uncertainty estimation using deep ensembles, NeurIPS 30). How far they spread, and how far observations of
the validation rows lie from their mean, gives its quantiles (`baselines.calibration`), unless the members have their
own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from agroflux_data.batches import Batches
from agroflux_data.errors import AgrofluxError
from agroflux_data.randomness import stream
from agroflux_data.release import Release
from agroflux_data.variables import VARIABLES
from baselines.calibration import LEVELS, Calibration
from baselines.evaluation import evaluate, keep_tested, quantile_metrics
from baselines.fitted import Ensemble
from baselines.run import Run, RunFolder
from baselines.saved import ENSEMBLE_FILE, open_saved
from submission.bootstrap import site_years

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
    """Write ``ensemble.json`` and ``metrics.json`` once all members are trained; the metrics of the mean prediction.

    Those of calibrated quantiles are cross-fitted: each half of the site-years is judged by a calibration on the other,
    since on their own rows quantiles hold what they say by construction.
    """
    folder, run = RunFolder(output), members[0][0]
    of_members = {"members": [path.name for _, path in members], "seeds": [one.recipe.seed for one, _ in members]}
    folder.write(ENSEMBLE_FILE, of_members)
    fitted = open_saved(output).fitted
    splits = run.validation or run.training
    metrics = evaluate(fitted, run, release, splits, bar)
    if isinstance(fitted, Ensemble) and not fitted.quantiles and run.validation:
        rows = _Rows.of(fitted, run, release, bar)
        if all((~np.isnan(observed)).any() for observed in rows.truth.values()):
            folder.write(ENSEMBLE_FILE, of_members | {"calibration": rows.calibration().to_json()})
            fitted = open_saved(output).fitted
            for target, scores in rows.cross_fitted().items():
                metrics[target] |= scores
    tested = keep_tested(fitted, run, release, folder, bar)
    folder.write(
        "metrics.json",
        {"splits": splits, "metrics": metrics, "parameters": fitted.parameters, "tested": tested},
    )
    return metrics


@dataclass(frozen=True)
class _Rows:
    """Validation rows: by target what was observed, and mean and variance of the members, each (rows, 365)."""

    sequence: NDArray[np.int64]
    truth: dict[str, NDArray[np.float32]]
    mean: dict[str, NDArray[np.float32]]
    variance: dict[str, NDArray[np.float32]]

    @classmethod
    def of(cls, fitted: Ensemble, run: Run, release: Release, bar: Progress) -> _Rows:
        line = bar.add_task("calibrating", total=run.rows(release, run.validation).rows)
        sequence, labels, several = [], [], []
        for batch in Batches(run.rows(release, run.validation)).epoch():
            sequence.append(batch.sequence)
            labels.append(batch.labels)
            several.append(fitted.moments(batch.inputs))
            bar.update(line, advance=len(batch))
        truth, mean, variance = (
            dict(zip(run.targets, np.moveaxis(np.concatenate(one), -1, 0), strict=True))
            for one in (labels, *zip(*several, strict=True))
        )
        return cls(np.concatenate(sequence), truth, mean, variance)

    def calibration(self) -> Calibration:
        return Calibration.fit(self.truth, self.mean, self.variance)

    def cross_fitted(self) -> dict[str, dict[str, float]]:
        """The metrics of quantiles by target, without those that were observed in one half alone."""
        blocks = site_years(self.sequence)
        # By chance, or the halves might be years of even and of odd number, which have different crops.
        half = stream(0, "halves of a calibration").permutation(blocks.max() + 1)[blocks] % 2 == 0
        scores = {}
        for target, observed in self.truth.items():
            if not all((~np.isnan(observed[part])).any() for part in (half, ~half)):
                continue
            found = np.empty((*observed.shape, len(LEVELS)), np.float32)
            for part in (half, ~half):
                other = [{target: one[target][~part]} for one in (self.truth, self.mean, self.variance)]
                found[part] = Calibration.fit(*other).quantiles(
                    target, self.mean[target][part], self.variance[target][part], LEVELS
                )
            found = found.clip(VARIABLES[target].low, VARIABLES[target].high)
            scores[target] = quantile_metrics(observed, dict(zip(LEVELS, np.moveaxis(found, -1, 0), strict=True)))
        return scores
