"""How a fitted model stands poor inputs, unusual ones, and time: skill under perturbed weather, by month, and by year.

Every number is of rows whose values are public, by default those that the model was validated on; they chose its epoch,
so that all levels are a little high, while the losses compare the same model on the same rows. An interval is that of
the block bootstrap over site-years (`submission.bootstrap`), and that of a loss is paired: the perturbed and the
unperturbed score are resampled together. Several draws of one perturbation are averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.progress import Progress

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import parts
from agroflux_data.simulators.drivers import Weather
from agroflux_data.variables import DAYS, INPUTS, VARIABLES
from baselines import perturbations
from baselines.evaluation import split_to_test
from baselines.fitted import Fitted
from baselines.perturbations import WEATHER, Known, Noise, OtherYear, Perturbation, Spell
from baselines.process import drivers_of, process_model, series_of
from baselines.run import choose_splits
from baselines.saved import Saved
from submission.bootstrap import Bootstrap, interval, site_years
from submission.climatology import Climatology
from submission.metrics import RowSums, skill

__all__ = ["Line", "Stressed", "default_perturbations", "stress", "stressed", "stressed_process", "table"]

_BATCH = 256
_SHOWN = ("r2", "rmse", "skill")
_MONTHS = np.repeat(np.arange(1, 13), [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])

_SERIES = 512
"""Series of a process model that are simulated at once: its days take hardly longer for many than for a few."""

Fluxes = Mapping[str, NDArray[np.float32]]
"""By target (N, 365)."""
Predict = Callable[[Sequence[perturbations.Weather]], Sequence[Fluxes]]
"""From the weather of all rows, by variable (N, 365), in one variant or several, to their fluxes in each."""


@dataclass(frozen=True)
class Stressed:
    """A model and the rows that it is tried on.

    Attributes
    ----------
    name, task : str
    training, splits : tuple of str
        What it was fitted to, and the rows that it is tried on.
    rows : Arrays
        Of those, with the observed targets.
    weather : dict of str to float32 array (N, 365)
        What the model reads of `WEATHER`.
    predict : callable
    together : int
        Variants of the weather that it predicts at once.
    """

    name: str
    task: str
    training: tuple[str, ...]
    splits: tuple[str, ...]
    rows: Arrays
    weather: dict[str, NDArray[np.float32]]
    predict: Predict
    together: int = 1


@dataclass(frozen=True)
class Line:
    """One number of one target.

    Attributes
    ----------
    model, task, split, origin : str
    kind : str
        ``unperturbed``, ``noise``, ``spell``, ``other_year``, ``month`` or ``years_ahead``.
    level, position : str
        The share of noise, the days of a spell and the month it lies in, the month, the years ahead of training.
    draws : int
        How many were averaged.
    target, unit, metric : str
        ``r2``, ``rmse`` in the unit of the target, or ``skill`` against the climatology.
    n : int
        Observed days.
    value, low, high : float
        With its 95 % interval; NaN where it is not defined.
    loss, loss_low, loss_high : float
        How much worse than unperturbed, positive where it is worse; NaN for months and years, which are other days.
    """

    model: str
    task: str
    split: str
    origin: str
    kind: str
    level: str
    position: str
    draws: int
    target: str
    unit: str
    metric: str
    n: int
    value: float
    low: float
    high: float
    loss: float = np.nan
    loss_low: float = np.nan
    loss_high: float = np.nan


def stressed(saved: Saved, release: Release, splits: Sequence[str] | None = None) -> Stressed:
    """A saved model and the rows that it is tried on.

    Parameters
    ----------
    saved : Saved
    release : Release
    splits : sequence of str, optional
        By default the validation splits of its run; without any, the split that it was tested on.

    Raises
    ------
    AgrofluxError
        The model names no task, reads no weather, or has no target or no observed rows in the splits.
    """
    fitted = saved.fitted
    if fitted.task is None:
        raise AgrofluxError("a model that names no task", expected="one that agroflux-train made", where=saved.name)
    if splits is None and saved.runs:
        run = saved.runs[0]
        tested = split_to_test(release, run.task, run.left_out)
        splits = run.validation or (() if tested is None else (tested,))
    if not splits:
        raise AgrofluxError("no rows to try a model on", expected="--split", where=saved.name)
    targets = [name for name in fitted.targets if name in release.task(fitted.task).targets]
    rows = _rows(release, fitted.task, splits, fitted.inputs, targets)
    weather = {name: rows.inputs[:, number] for number, name in enumerate(fitted.inputs) if name in WEATHER}
    if not weather:
        raise AgrofluxError("a model that reads no weather", expected="some of " + ", ".join(WEATHER), where=saved.name)
    return Stressed(
        saved.name, fitted.task, fitted.training_splits, tuple(splits), rows, weather, _of_fitted(fitted, rows)
    )


def stressed_process(name: str, release: Release, task: str | None, splits: Sequence[str] | None = None) -> Stressed:
    """A process model and the rows that it is tried on: as of `stressed`, by default the validation splits.

    The weather of the years before a row is left as it was: a state of soil comes of what really went before.
    """
    model = process_model(name)
    if task is None:
        raise AgrofluxError(f"{name} on which task?", expected="--task, one of " + ", ".join(release.tasks))
    training, validation, _ = choose_splits(release, task)
    splits = tuple(splits or validation)
    targets = [one for one in release.task(task).ranked_targets if one in model.outputs]
    if not splits or not targets:
        raise AgrofluxError(f"nothing to try {name} on", expected="a split, and targets that it has", where=task)
    rows = _rows(release, task, splits, INPUTS, targets)
    weather = {one: rows.inputs[:, INPUTS.index(one)] for one in WEATHER}
    own, years = series_of(rows.sequence), parts(rows.sequence)[2]
    series = np.unique(own)
    drivers = drivers_of(release, task, series, last_year=int(years.max()))
    at = years - drivers.first_year, slice(None), np.searchsorted(series, own)

    def predict(variants: Sequence[perturbations.Weather]) -> list[dict[str, NDArray[np.float32]]]:
        columns = {}
        for field in fields(Weather):
            column = np.array(getattr(drivers.weather, field.name)).reshape(-1, DAYS, len(series))
            of_variant = np.repeat(column[None], len(variants), axis=0)
            for number, changed in enumerate(variants):
                of_variant[number][at] = changed[field.name]
            columns[field.name] = np.moveaxis(of_variant, 0, 2).reshape(len(column) * DAYS, -1)
        several = drivers.take(np.tile(np.arange(len(series)), len(variants)))
        outputs = model.run(replace(several, weather=Weather(**columns))).outputs
        by_target = {
            target: outputs[target].reshape(-1, DAYS, len(variants), len(series))
            .clip(VARIABLES[target].low, VARIABLES[target].high).astype(np.float32)
            for target in targets
        }  # fmt: skip
        return [
            {target: flux[:, :, number][at] for target, flux in by_target.items()} for number in range(len(variants))
        ]

    return Stressed(name, task, training, splits, rows, weather, predict, max(1, _SERIES // len(series)))


def _rows(release: Release, task: str, splits: Sequence[str], inputs: Sequence[str], targets: Sequence[str]) -> Arrays:
    rows = Arrays.read(Columns.of(release, task, splits, inputs, targets))
    if not targets or np.isnan(rows.labels).all():
        raise AgrofluxError(
            "nothing to compare with", expected="rows whose values are public", where=f"{task}, {'+'.join(splits)}"
        )
    return rows


def _of_fitted(fitted: Fitted, rows: Arrays) -> Predict:
    def predict_one(changed: perturbations.Weather) -> dict[str, NDArray[np.float32]]:
        fluxes = np.empty((len(rows), DAYS, len(fitted.targets)), np.float32)
        for start in range(0, len(rows), _BATCH):
            some = slice(start, start + _BATCH)
            inputs = rows.inputs[some].copy()
            for name, values in changed.items():
                inputs[:, fitted.inputs.index(name)] = values[some]
            fluxes[some] = fitted.fluxes(inputs.transpose(0, 2, 1))
        return {name: fluxes[..., number] for number, name in enumerate(fitted.targets)}

    return lambda variants: [predict_one(changed) for changed in variants]


def default_perturbations(
    *,
    noise: Sequence[float] = (0.1, 0.25, 0.5),
    spells: Sequence[int] = (7, 30, 90),
    centres: Sequence[str] = ("January", "April", "July", "October"),
    filled: str = "climatology",
    draws: int = 5,
    seed: int = 0,
) -> list[Perturbation]:
    """What `agroflux-train stress` tries: noise of several sizes, spells of several lengths and places, other years."""
    if draws < 1 or any(share < 0 for share in noise):
        raise AgrofluxError(
            "no such noise", expected="shares of at least 0, and at least one draw", came=f"{noise}, {draws}"
        )
    every: list[Perturbation] = [Noise(share, draw, seed) for share in noise for draw in range(draws)]
    every += [Spell(days, centre, filled) for days in spells for centre in centres]  # type: ignore[arg-type]
    return every + [OtherYear(draw, seed) for draw in range(draws)]


def stress(
    tried: Stressed, release: Release, changes: Sequence[Perturbation], bar: Progress | None = None
) -> list[Line]:
    """Try a model.

    Parameters
    ----------
    tried : Stressed
    release : Release
    changes : sequence of Perturbation
        Draws of the same kind, level and position come together.
    bar : rich.progress.Progress, optional

    Returns
    -------
    list of Line
        Unperturbed, by perturbation, by calendar month and, where all rows are later than those of training, by year.
    """
    known = Known.of(release, tried.task, tried.training, tried.splits)
    scores = _Scores(tried, release)
    line = None if bar is None else bar.add_task(f"stressing {tried.name}", total=len(changes) + 1)
    variants: list[Perturbation | None] = [None, *changes]
    found: list[Line] = []
    sums: list[dict[str, RowSums]] = []
    for start in range(0, len(variants), tried.together):
        weather = [
            tried.weather if one is None else one.apply(tried.weather, tried.rows.sequence, known)
            for one in variants[start : start + tried.together]
        ]
        for fluxes in tried.predict(weather):
            if not sums:
                found = [
                    *scores.lines(fluxes, "unperturbed"), *scores.by_month(fluxes), *scores.by_year(fluxes, release)
                ]  # fmt: skip
            sums.append(scores.sums(fluxes))
        if bar is not None and line is not None:
            bar.update(line, advance=len(weather))
    ordered = zip(changes, sums[1:], strict=True)
    for (kind, level, position), several in groupby(ordered, lambda one: (one[0].kind, one[0].level, one[0].position)):
        found += scores.losses(sums[0], [own for _, own in several], kind, level, position)
    return found


class _Scores:
    """The metrics of predictions of the same rows, with the same resamples."""

    def __init__(self, tried: Stressed, release: Release):
        self.tried = tried
        self.bootstrap = Bootstrap(site_years(tried.rows.sequence))
        climatology = Climatology.fit(release, tried.task, tried.training)
        blocks = [block for split in tried.splits for block in climatology.blocks(release, split)]
        self.truth = {name: tried.rows.labels[:, number] for number, name in enumerate(tried.rows.columns.targets)}
        self.climatology = {
            name: np.concatenate([block[name] for block in blocks]) if name in climatology.means else np.zeros_like(one)
            for name, one in self.truth.items()
        }
        self.has = frozenset(climatology.means)
        self.origin = release.origin(tried.task)

    def lines(
        self,
        fluxes: Fluxes,
        kind: str,
        level: str = "",
        days: NDArray[np.bool_] | None = None,
    ) -> Iterator[Line]:
        """The metrics of a prediction on some days, (rows, 365) or what broadcasts to it."""
        for target, truth in self.truth.items():
            seen = truth if days is None else np.where(days, truth, np.float32(np.nan))
            if not np.isnan(seen).all():
                usual = RowSums.of(seen, self.climatology[target])
                values, resampled = self._scored(target, RowSums.of(seen, fluxes[target]), usual)
                yield from self._of(target, seen, values, resampled, kind=kind, level=level)

    def by_month(self, fluxes: Fluxes) -> Iterator[Line]:
        for month in range(1, 13):
            yield from self.lines(fluxes, "month", str(month), np.equal(_MONTHS, month)[None])

    def by_year(self, fluxes: Fluxes, release: Release) -> Iterator[Line]:
        """Nothing where training saw these years, at other sites."""
        tried = self.tried
        last = max(int(parts(release.keys(tried.task, split))[2].max()) for split in tried.training)
        ahead = parts(tried.rows.sequence)[2] - last
        if ahead.min() > 0:
            for years in np.unique(ahead).tolist():
                yield from self.lines(fluxes, "years_ahead", str(years), (ahead == years)[:, None])

    def sums(self, fluxes: Fluxes) -> dict[str, RowSums]:
        """What the metrics over all days follow from."""
        return {target: RowSums.of(truth, fluxes[target]) for target, truth in self.truth.items()}

    def losses(
        self,
        usual: Mapping[str, RowSums],
        changed: Sequence[Mapping[str, RowSums]],
        kind: str,
        level: str,
        position: str,
    ) -> Iterator[Line]:
        """The metrics of perturbed predictions, the means over their draws, and how much worse they are."""
        for target, truth in self.truth.items():
            if np.isnan(truth).all():
                continue
            reference = RowSums.of(truth, self.climatology[target])
            before, before_resampled = self._scored(target, usual[target], reference)
            draws = [self._scored(target, own[target], reference) for own in changed]
            values = {name: float(np.mean([own[name] for own, _ in draws])) for name in _SHOWN}
            resampled = {name: np.mean([own[name] for _, own in draws], axis=0) for name in _SHOWN}
            for one in self._of(target, truth, values, resampled, kind=kind, level=level, position=position):
                sign = 1 if one.metric == "rmse" else -1
                apart = interval(sign * (resampled[one.metric] - before_resampled[one.metric]))
                yield replace(
                    one, draws=len(draws), loss=sign * (one.value - before[one.metric]) + 0.0,
                    loss_low=apart.low, loss_high=apart.high,
                )  # fmt: skip

    def _scored(
        self, target: str, own: RowSums, usual: RowSums
    ) -> tuple[dict[str, float], dict[str, NDArray[np.float64]]]:
        total, resampled = own.total(), self.bootstrap.metrics(own, usual)
        values = {"r2": total.r2, "rmse": total.rmse, "skill": skill(total.mse, usual.total().mse)}
        if target not in self.has:
            values["skill"], resampled["skill"] = np.nan, np.full_like(resampled["skill"], np.nan)
        return values, resampled

    def _of(
        self, target: str, truth: NDArray[np.float32], values: Mapping[str, float],
        resampled: Mapping[str, NDArray[np.float64]], *, kind: str, level: str, position: str = "",
    ) -> Iterator[Line]:  # fmt: skip
        tried = self.tried
        for metric in _SHOWN:
            own = interval(resampled[metric])
            yield Line(
                tried.name, tried.task, "+".join(tried.splits), self.origin, kind, level, position, 1, target,
                VARIABLES[target].unit if metric == "rmse" else "-", metric, int((~np.isnan(truth)).sum()),
                values[metric], own.low, own.high,
            )  # fmt: skip


def table(lines: Sequence[Line]) -> pd.DataFrame:
    """All lines in long form, a column for each field of `Line`."""
    return pd.DataFrame([{field.name: getattr(one, field.name) for field in fields(Line)} for one in lines])
