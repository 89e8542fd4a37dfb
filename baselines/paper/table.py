"""One table: the means over folds and seeds, their intervals, and what its caption must say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from agroflux_data.origins import ORIGINS
from agroflux_data.variables import VARIABLES
from baselines.mean import mean_of
from baselines.paper.layout import METRICS, ROWS, Column, Layout
from baselines.paper.results import Result, Results
from baselines.study.plan import SCRATCH

__all__ = ["METHODS_TABLE", "Filled", "Value", "fill", "fill_methods", "value_of_seeds"]

METHODS_TABLE = "methods"
"""A table that the paper does not have: every method beside training from scratch."""
_DONE = {"none": "as pretrained", "finetune": "fine-tuned", "adversarial": "adversarial"}


@dataclass(frozen=True)
class Value:
    """One number of a table.

    Attributes
    ----------
    mean : float
        Over seeds, of the means over folds.
    half : float or None
        Half the width of the 95 % interval of the mean over seeds; None for fewer than two.
    seeds, folds : int
        Of how many it is the mean.
    """

    mean: float
    half: float | None
    seeds: int
    folds: int


@dataclass(frozen=True)
class Filled:
    """A table with its numbers.

    Attributes
    ----------
    number : str
    title, metric : str
    columns : tuple of Column
    rows : tuple of str
        Labels of models; the first `ruled` are followed by a rule.
    ruled : int
    values : dict
        By row and name of a column; what is missing is not there.
    published : dict
        The paper's values likewise, where they were asked for.
    caption : str
        Without the number.
    """

    number: str
    title: str
    metric: str
    columns: tuple[Column, ...]
    rows: tuple[str, ...]
    ruled: int
    values: Mapping[tuple[str, str], Value]
    published: Mapping[tuple[str, str], float]
    caption: str

    def best(self, column: Column) -> str | None:
        """The row with the best number of a column."""
        known = {row: self.values[row, column.name].mean for row in self.rows if (row, column.name) in self.values}
        if not known:
            return None
        return max(known, key=known.__getitem__) if self.metric == "r2" else min(known, key=known.__getitem__)

    def digits(self, column: Column) -> int:
        """Decimals of a column: three of R2, and three digits of the smallest error."""
        means = [abs(self.values[row, column.name].mean) for row in self.rows if (row, column.name) in self.values]
        if self.metric == "r2" or not any(means):
            return 3
        return min(max(2 - math.floor(math.log10(min(one for one in means if one))), 0), 6)


def value_of_seeds(by_seed: Sequence[float], folds: int) -> Value:
    """The mean over seeds and its interval, by Student's t with as many degrees of freedom as seeds less one."""
    found = mean_of(by_seed)
    return Value(found.value, None if found.n < 2 else found.high - found.value, found.n, folds)


def fill(layout: Layout, results: Results, published: Mapping[tuple[str, str, str], float] | None = None) -> Filled:
    """A table of the paper from finished runs.

    A number is the mean over all folds that any model of its column has been tested on: a model that lacks one has a
    dash there, since folds differ.

    Parameters
    ----------
    layout : Layout
    results : Results
    published : mapping, optional
        The paper's values by table, row and column, to stand beside ours.
    """
    values: dict[tuple[str, str], Value] = {}
    used: list[Result] = []
    for column in layout.columns:
        own = _of_column(results.runs, column)
        used += own
        for label, value in _values(own, column.target, layout.metric).items():
            values[label, column.name] = value
    others = sorted({row for row, _ in values} - set(ROWS), key=str.casefold)
    beside = {key[1:]: value for key, value in (published or {}).items() if key[0] == layout.number}
    return Filled(
        layout.number, layout.title, layout.metric, layout.columns, (*ROWS, *others), len(ROWS), values, beside,
        _caption(f"{layout.title}.", layout.metric, layout.columns, used, values, results,
                 published is not None),
    )  # fmt: skip


def fill_methods(results: Results, metric: str = "r2") -> Filled:
    """Every model under every method on observed data: what a simulated world adds to training from scratch."""
    observed = [one for one in results.runs if one.task.startswith(("towers", "mesocosm"))]
    columns = tuple(
        Column((task, target), task, target)
        for task in dict.fromkeys(one.task for one in observed)
        for target in dict.fromkeys(name for one in observed if one.task == task for name in one.tested)
    )
    values: dict[tuple[str, str], Value] = {}
    rows: dict[str, None] = {}
    kinds = sorted({(one.label, one.method, one.source or "") for one in observed}, key=_kind_order)
    for label, method, source in kinds:
        row = label if method == SCRATCH else f"{label}, {_DONE[method]}, {source}"
        rows[row] = None
        for column in columns:
            everyone = [one for one in observed if one.task == column.task]
            own = [one for one in everyone if (one.label, one.method, one.source or "") == (label, method, source)]
            found = _values(own, column.target, metric, _folds(everyone, column.target, metric))
            if label in found:
                values[row, column.name] = found[label]
    caption = _caption(
        f"{METRICS[metric]} on observed data by method (not a table of the paper).", metric, columns, observed, values,
        results, False,
    )  # fmt: skip
    return Filled(METHODS_TABLE, "methods", metric, columns, tuple(rows), len(rows), values, {}, caption)


def _kind_order(kind: tuple[str, str, str]) -> tuple[int, str, int, str]:
    label, method, source = kind
    methods = (SCRATCH, *_DONE)
    return ROWS.index(label) if label in ROWS else len(ROWS), label.casefold(), methods.index(method), source


def _of_column(runs: Iterable[Result], column: Column) -> list[Result]:
    """The runs that a column is about; of two sources of one simulator, those of the target's own scenario."""
    own = [one for one in runs if (one.task, one.method) == (column.task, column.method)]
    if column.simulator is None:
        return own
    sources = sorted({one.source for one in own if one.source and one.source.startswith(column.simulator)})
    alike = [source for source in sources if source.endswith(column.task.rpartition("_")[2])]
    return [one for one in own if one.source in (alike or sources)[:1]]


def _folds(runs: Iterable[Result], target: str, metric: str) -> set[str | None]:
    return {one.fold for one in runs if _number(one, target, metric) is not None}


def _values(runs: Sequence[Result], target: str, metric: str, folds: set[str | None] | None = None) -> dict[str, Value]:
    """The number of each label, of seeds that have all folds."""
    wanted = _folds(runs, target, metric) if folds is None else folds
    found: dict[str, dict[int | None, dict[str | None, float]]] = {}
    for one in runs:
        number = _number(one, target, metric)
        if number is not None:
            found.setdefault(one.label, {}).setdefault(one.seed, {})[one.fold] = number
    means = {
        label: [fmean(by_fold.values()) for by_fold in by_seed.values() if set(by_fold) == wanted]
        for label, by_seed in found.items()
    }
    return {label: value_of_seeds(numbers, len(wanted)) for label, numbers in means.items() if numbers}


def _number(result: Result, target: str, metric: str) -> float | None:
    return result.tested.get(target, {}).get(metric)


def _caption(
    head: str,
    metric: str,
    columns: Sequence[Column],
    used: Sequence[Result],
    values: Mapping[tuple[str, str], Value],
    results: Results,
    compared: bool,
) -> str:
    sentences = [head]
    spatial = sorted({value.folds for value in values.values() if value.folds > 1})
    seeds = sorted({value.seeds for value in values.values() if value.half is not None})
    means = [f"{_numbers(spatial)} folds of sites in spatial tasks"] if spatial else []
    means += [f"{_numbers(seeds)} seeds, ± 95 % intervals of the mean over them (Student's t)"] if seeds else []
    if means:
        sentences.append("Means over " + " and ".join(means) + ".")
    sentences.append("All on rows that no training and no choice of an epoch has seen; best in bold, - is missing.")
    if any(column.target == "NEE" for column in columns):
        sentences.append("CO2 is NEE." if any("CO2" in column.heading for column in columns) else "")
    if metric != "r2":
        units: dict[str, list[str]] = {}
        for target in dict.fromkeys(column.target for column in columns):
            units.setdefault(VARIABLES[target].unit, []).append(target.replace("NEE", "CO2"))
        sentences.append(
            METRICS[metric] + " in " + ", ".join(f"{unit} ({', '.join(names)})" for unit, names in units.items()) + "."
        )
    if sources := sorted({one.source for one in used if one.source}):
        sentences.append("Pretrained on " + ", ".join(sources) + ".")
    sentences.append(_origin(used, sources, results))
    if compared:
        sentences.append("In parentheses what the paper prints.")
    return " ".join(sentence for sentence in sentences if sentence)


def _origin(used: Sequence[Result], sources: Sequence[str], results: Results) -> str:
    origins = dict.fromkeys(results.origins[task] for task in [*(one.task for one in used), *sources])
    scale = f", scale {results.scale}" if results.scale else ""
    said = f"Data of origin {' and '.join(origins) or 'unknown'}{scale}, release revision {results.revision}."
    if "embedded" in origins:
        said += f" Embedded numbers are {ORIGINS['embedded'].made_by}: they cannot be compared with those of the paper."
    return said


def _numbers(counts: Sequence[int]) -> str:
    return " or ".join(map(str, counts))
