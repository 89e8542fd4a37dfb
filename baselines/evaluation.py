"""How good predictions are on rows of a task, as the leaderboard computes it: over all observed days, and by site."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.release import Release
from baselines.fitted import Fitted
from baselines.prediction import predict
from baselines.run import Run, RunFolder
from submission.climatology import Climatology
from submission.metrics import Metrics, RowSums, skill
from submission.quantiles import column, levels
from submission.uncertainty import QuantileSums

__all__ = [
    "SITES_FILE",
    "Measured",
    "SiteScore",
    "as_csv",
    "evaluate",
    "headings",
    "keep_tested",
    "measure",
    "quantile_metrics",
    "read_sites",
    "split_to_test",
]

SITES_FILE = "sites.csv"
"""Beside ``metrics.json``: the metrics of each site of the rows that a run was tested on."""
_METRICS = ("r2", "rmse", "mae", "bias", "skill")


@dataclass(frozen=True)
class SiteScore:
    """How good predictions of one target are at one site.

    Attributes
    ----------
    site, target : str
    n : int
        Observed days.
    r2, rmse, mae, bias, skill : float
        As of `submission.metrics`; the skill is against the climatology on the days of this site. NaN where it is not
        defined.
    """

    site: str
    target: str
    n: int
    r2: float
    rmse: float
    mae: float
    bias: float
    skill: float


@dataclass(frozen=True)
class Measured:
    """Metrics of some rows.

    Attributes
    ----------
    metrics : dict
        By target, then ``n``, ``r2``, ``rmse``, ``mae``, ``bias`` and ``skill``, pooled over all observed days, and
        of predictions with quantiles what `quantile_metrics` gives.
    sites : tuple of SiteScore
        By target, then by site; those with observations.
    """

    metrics: dict[str, dict[str, float]]
    sites: tuple[SiteScore, ...]


def measure(
    predictions: Mapping[str, NDArray],
    release: Release,
    task: str,
    splits: Sequence[str],
    *,
    targets: Sequence[str],
    training: Sequence[str],
) -> Measured:
    """The metrics of predictions.

    Parameters
    ----------
    predictions : mapping of str to float array (N, 365)
        By target, in physical units, for the rows of the splits in their order; what else is there is not looked at.
    release : Release
    task : str
    splits, targets : sequence of str
    training : sequence of str
        The splits that give the climatology which skill is measured against.
    """
    rows = Arrays.read(Columns.of(release, task, splits, (), targets))
    climatology = Climatology.fit(release, task, training)
    blocks = [block for split in splits for block in climatology.blocks(release, split)]
    names = [name for split in splits for name in release.table(task, split, ["site"])["site"].to_pylist()]
    sites, groups = np.unique(np.array(names, dtype=str), return_inverse=True)
    metrics, by_site = {}, []
    for number, target in enumerate(targets):
        if target not in predictions:
            continue
        truth = rows.labels[:, number]
        own = RowSums.of(truth, predictions[target])
        usual = RowSums.of(truth, np.concatenate([block[target] for block in blocks])) if _has(blocks, target) else None
        metrics[target] = _scores(own.total(), None if usual is None else usual.total())
        several = {level / 100: predictions[column(target, level)] for level in levels(predictions).get(target, ())}
        if several:
            metrics[target] |= quantile_metrics(truth, several)
        references = [None] * len(sites) if usual is None else usual.by(groups, len(sites))
        for site, at_site, reference in zip(sites.tolist(), own.by(groups, len(sites)), references, strict=True):
            if at_site.n:
                by_site.append(SiteScore(site, target, **_scores(at_site, reference)))  # type: ignore[arg-type]
    return Measured(metrics, tuple(by_site))


def quantile_metrics(truth: NDArray[np.floating], quantiles: Mapping[float, NDArray[np.floating]]) -> dict[str, float]:
    """How honest and how sharp the quantiles of one target are, over all observed days.

    Parameters
    ----------
    truth : array (rows, days)
        NaN where nothing was observed.
    quantiles : mapping of float to array (rows, days)
        By level.

    Returns
    -------
    dict
        ``crps`` in the unit of the target, and for each central interval, as that of 90 % between the levels 0.05 and
        0.95, ``coverage_90``, the share of days inside, and ``width_90``, its mean width. See `submission.uncertainty`.
    """
    found = QuantileSums.of(truth, {round(level * 100): one for level, one in quantiles.items()}).uncertainty()
    scores = {"crps": found.crps}
    for name, one in found.central.items():
        scores |= {f"coverage_{name}": one.coverage, f"width_{name}": one.width}
    return scores


def headings(metrics: Mapping[str, Mapping[str, float | None]]) -> dict[str, str]:
    """What tables show of metrics by target, and how they call it: those of quantiles where there are any."""
    shown = dict(zip(_METRICS, ("R²", "RMSE", "MAE", "bias", "skill"), strict=True))
    found = dict.fromkeys(name for scores in metrics.values() for name in scores)
    shown |= {name: "CRPS" for name in found if name == "crps"}
    return shown | {name: f"in {name.removeprefix('coverage_')} %" for name in found if name.startswith("coverage_")}


def _has(blocks: Sequence[Mapping[str, NDArray]], target: str) -> bool:
    return bool(blocks) and target in blocks[0]


def _scores(own: Metrics, reference: Metrics | None) -> dict[str, float]:
    return asdict(own) | {"skill": math.nan if reference is None else skill(own.mse, reference.mse)}


def evaluate(
    fitted: Fitted, run: Run, release: Release, splits: Sequence[str], bar: Progress | None = None
) -> dict[str, dict[str, float]]:
    """The metrics of something fitted on some splits, by target and by metric.

    Parameters
    ----------
    fitted : Fitted
    run : Run
        That made it; its training splits give the climatology that skill is measured against.
    release : Release
    splits : sequence of str
    bar : rich.progress.Progress, optional
    """
    return _predicted(fitted, run, release, splits, bar).metrics


def _predicted(fitted: Fitted, run: Run, release: Release, splits: Sequence[str], bar: Progress | None) -> Measured:
    guess = predict(fitted, Columns.of(release, run.task, splits, fitted.inputs, ()), bar)
    return measure(guess, release, run.task, splits, targets=run.targets, training=run.training)


def split_to_test(release: Release, task: str, left_out: str | None) -> str | None:
    """The split that a run is tested on: the fold that it left out, or the test years where their values are public.

    None where no such values are public, as in the sealed edition: there the leaderboard tests.
    """
    if left_out is not None:
        return left_out
    test = release.splits(task).get("test")
    return "test" if test is not None and test.rows and not test.hidden else None


def keep_tested(
    fitted: Fitted, run: Run, release: Release, folder: RunFolder, bar: Progress | None = None
) -> dict[str, dict[str, float]] | None:
    """Test something fitted, after its training is over: the first time that these rows are read.

    Leaves the metrics by site in `SITES_FILE` of the folder and gives those over all; None where there is nothing
    to test on.
    """
    split = split_to_test(release, run.task, run.left_out)
    if split is None:
        return None
    measured = _predicted(fitted, run, release, [split], bar)
    folder.write_text(SITES_FILE, as_csv(measured.sites))
    return measured.metrics


def as_csv(sites: Sequence[SiteScore]) -> str:
    """The text of `SITES_FILE`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["site", "target", "n", *_METRICS])
    for one in sites:
        numbers = (getattr(one, name) for name in _METRICS)
        writer.writerow(
            [one.site, one.target, one.n, *("" if math.isnan(value) else f"{value:.6g}" for value in numbers)]
        )
    return text.getvalue()


def read_sites(folder: Path) -> list[SiteScore]:
    """The metrics by site that a run left in its folder; empty where it was not tested."""
    path = folder / SITES_FILE
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return [
            SiteScore(line["site"], line["target"], int(line["n"]), *(float(line[name] or "nan") for name in _METRICS))
            for line in csv.DictReader(file)
        ]
