"""Score a submission against the truth: pooled metrics for each target, and the skill against the climatology.

Quantiles are scored beside them, where a file has some: they change no other number.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from agroflux_data.shards import digest
from submission.bootstrap import RESAMPLES, Bootstrap, Interval, interval, site_years
from submission.file import blocks, keys
from submission.keys import positions
from submission.metadata import Metadata
from submission.metrics import RowSums, error_sums, skill
from submission.quantiles import columns, crossing
from submission.report import Report
from submission.truth import Truth, Window
from submission.uncertainty import QuantileSums, Uncertainty, central
from submission.validation import validate, validate_rows, within

__all__ = ["SCORER", "Errors", "Scores", "TargetScores", "measure", "quantile_sums", "score", "score_report"]

SCORER = "3"
"""Version of the scorer: another one may give other numbers for the same file, or further ones."""

_THREADS = 2

_Block = dict[str, NDArray[np.float32]]
"""Some rows of a file by column, (rows, 365)."""


@dataclass(frozen=True)
class TargetScores:
    """The scores of one target, over the observed days of the scored rows.

    Attributes
    ----------
    n : int
        Observed days.
    r2 : float
    rmse, mae, bias : float
        In the unit of the variable.
    skill : float
        ``1 - MSE / MSE_climatology`` over the same days.
    climatology_rmse : float
        Of the climatology.
    intervals : dict of str to Interval
        95 % intervals of r2, rmse, mae, bias and skill over resampled site-years; empty where none were asked for.
    uncertainty : Uncertainty or None
        Of the quantiles, where the file has some of this target.
    """

    n: int
    r2: float
    rmse: float
    mae: float
    bias: float
    skill: float
    climatology_rmse: float
    intervals: dict[str, Interval] = field(default_factory=dict)
    uncertainty: Uncertainty | None = None


@dataclass(frozen=True)
class Scores:
    """The scores of one file.

    Attributes
    ----------
    task, split : str
    half : {"all", "public", "private"}
        Which rows of a sealed release were scored.
    origin : str
        Who made the truth: embedded numbers are no official ones.
    revision : str
        Of the release.
    sequences : int
        How many rows were scored.
    targets : dict of str to TargetScores
    ranked : tuple of str
        The task's ranked targets.
    sha256 : str
        Of the file.
    metadata : Metadata
        Of the file.
    skill_interval : Interval or None
        Of the mean skill.
    scorer : str
        Version of the scorer.
    """

    task: str
    split: str
    half: str
    origin: str
    revision: str
    sequences: int
    targets: dict[str, TargetScores]
    ranked: tuple[str, ...]
    sha256: str
    metadata: Metadata
    skill_interval: Interval | None = None
    scorer: str = field(default=SCORER)

    @property
    def skill(self) -> float:
        """Mean skill over the task's ranked targets; NaN unless the file predicts them all."""
        return math.fsum(self._skills()) / len(self.ranked) if self.ranked else math.nan

    def _skills(self) -> Iterator[float]:
        for name in self.ranked:
            yield self.targets[name].skill if name in self.targets else math.nan

    def to_json(self) -> dict[str, Any]:
        """A JSON object; a number that is not defined is null, and a target without quantiles has no `uncertainty`."""
        plain = asdict(self) | {"skill": self.skill, "metadata": self.metadata.to_json(), "ranked": list(self.ranked)}
        for target in plain["targets"].values():
            if target["uncertainty"] is None:
                del target["uncertainty"]
        return _finite(plain)


def _finite(value: Any) -> Any:
    """The same with None for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Errors:
    """The sums of errors of the scored rows, from which all that is pooled over days follows.

    Attributes
    ----------
    sequence : int64 array (rows,)
        In the order of the truth, whatever that of the file.
    sums, usual : dict of str to RowSums (rows,)
        By target: of the file, and of the climatology over the same days.
    quantiles : dict of str to QuantileSums (rows,)
        Of the targets that have quantiles.
    """

    sequence: NDArray[np.int64]
    sums: dict[str, RowSums]
    usual: dict[str, RowSums]
    quantiles: dict[str, QuantileSums] = field(default_factory=dict)


def score(
    path: str | Path,
    release: Release | str | Path,
    targets: Targets | str | Path | None = None,
    half: str = "all",
    split: str | None = None,
    truth: Truth | None = None,
    resamples: int = RESAMPLES,
) -> Scores:
    """Score a file, reading it once.

    Parameters
    ----------
    path : str or Path
        A submission; it is validated on the way.
    release : Release, str or Path
        The public folder.
    targets : Targets, str or Path, optional
        The hidden targets of a sealed release; beside it by default.
    half : {"all", "public", "private"}
        Which of the hidden rows to score. The others may be in the file but count nowhere.
    split : str, optional
        ``test`` by default; in the open edition of a spatial task the fold that was left out; ``validation`` to
        know before sending.
    truth : Truth, optional
        What earlier files were scored against, if it has their task, split and targets.
    resamples : int
        Of the bootstrap that gives the intervals; none if 0.

    Raises
    ------
    FaultsError
        The file is invalid. Wrong metadata, columns or keys are refused before a value is read, and then the values'
        faults are not listed; `validate` lists all.
    AgrofluxError
        The release, its targets or the split are not there.
    """
    release = release if isinstance(release, Release) else Release(release)
    report = validate_rows(path, release, split)
    return score_report(report, release, targets, half, truth, resamples)


def score_report(
    report: Report,
    release: Release,
    targets: Targets | str | Path | None = None,
    half: str = "all",
    truth: Truth | None = None,
    resamples: int = RESAMPLES,
) -> Scores:
    """Score a file whose report, be it that of `validate_rows`, has no faults; arguments and errors as of `score`."""
    report.raise_for_faults()
    assert report.task is not None
    assert report.split is not None
    assert report.metadata is not None
    if truth is None:
        truth = Truth(release, report.task, report.split, report.targets, targets)
    elif (truth.task, truth.split) != (report.task, report.split) or not set(report.targets) <= set(truth.targets):
        raise ValueError(f"a truth of {truth.task}/{truth.split} for a file of {report.task}/{report.split}")
    errors = measure(report, truth, half)
    return Scores(
        task=report.task,
        split=report.split,
        half=half,
        origin=release.origin(report.task),
        revision=release.revision,
        sequences=len(errors.sequence),
        ranked=release.task(report.task).ranked_targets,
        sha256=digest(report.path),
        metadata=report.metadata,
        **_scores(errors, release.task(report.task).ranked_targets, resamples),
    )


def _scores(errors: Errors, ranked: Sequence[str], resamples: int) -> dict[str, Any]:
    """The scores of the targets, and the interval of their mean skill."""
    bootstrap = Bootstrap(site_years(errors.sequence), resamples)
    targets, skills = {}, []
    for name, rows in errors.sums.items():
        found, usual = rows.total(), float(errors.usual[name].squared.sum())
        resampled = bootstrap.metrics(rows, errors.usual[name]) if resamples else {}
        if resampled and name in ranked:
            skills.append(resampled["skill"])
        targets[name] = TargetScores(
            n=found.n,
            r2=found.r2,
            rmse=found.rmse,
            mae=found.mae,
            bias=found.bias,
            # Sums over the same days stand for the means.
            skill=skill(float(rows.squared.sum()), usual),
            climatology_rmse=math.sqrt(usual / found.n) if found.n else math.nan,
            intervals={metric: interval(values) for metric, values in resampled.items()},
            uncertainty=_uncertainty(errors.quantiles[name], bootstrap) if name in errors.quantiles else None,
        )
    whole = bool(ranked) and len(skills) == len(ranked)
    return {"targets": targets, "skill_interval": interval(np.mean(skills, axis=0)) if whole else None}


def _uncertainty(sums: QuantileSums, bootstrap: Bootstrap) -> Uncertainty:
    """The scores of some quantiles, with intervals where the bootstrap resamples."""
    if not bootstrap.resamples:
        return sums.uncertainty()
    inside = {f"coverage_{name}": sums.inside[:, place] for place, name in enumerate(central(sums.levels))}
    resampled = bootstrap.means(sums.n, {"crps": sums.crps} | inside)
    return sums.uncertainty({name: interval(values) for name, values in resampled.items()})


def measure(report: Report, truth: Truth, half: str = "all") -> Errors:
    """Read a file once, and the quantiles of each target after it, checking its values and summing its errors.

    Parameters
    ----------
    report : Report
        Without faults, be it that of `validate_rows`.
    truth : Truth
        Of the report's task and split, with its targets.
    half : {"all", "public", "private"}

    Raises
    ------
    FaultsError
        Values are missing, infinite or outside their range, or the file is damaged.
    """
    report.raise_for_faults()
    counted = truth.counted(half)
    try:
        found = _error_sums(report, truth)
        quantiles = {name: quantile_sums(report.path, truth, name, levels) for name, levels in report.quantiles.items()}
    except (_UnfitError, AgrofluxError, pa.ArrowException, OSError, ValueError):
        # Whatever it was, the report names it, unless the fault is in the truth.
        validate(report.path, truth.release, report.task, report.split).raise_for_faults()
        raise
    usual = {name: truth.usual(name) for name in report.targets}
    sums = {}
    for name, known in usual.items():
        squared, absolute, error = found[name]
        sums[name] = replace(known, squared=squared, absolute=absolute, error=error)
    if half == "all":
        return Errors(truth.sequence, sums, usual, quantiles)
    return Errors(
        truth.sequence[counted],
        {name: rows[counted] for name, rows in sums.items()},
        {name: rows[counted] for name, rows in usual.items()},
        {name: rows[counted] for name, rows in quantiles.items()},
    )


class _UnfitError(Exception):
    """A block has values that a submission may not have."""


def _error_sums(report: Report, truth: Truth) -> dict[str, tuple[NDArray[np.float64], ...]]:
    """By target the three sums of `error_sums`, (N,) in the order of the truth."""
    rows = positions(keys(report.path), truth.sequence)
    found = {name: tuple(np.empty(len(rows)) for _ in range(3)) for name in report.targets}

    def add(here: NDArray[np.int64], name: str, observed: NDArray[np.float32], block: _Block) -> None:
        if not within(name, block[name]):
            raise _UnfitError(name)
        for column, sums in zip(found[name], error_sums(observed, block[name]), strict=True):
            column[here] = sums

    _beside_truth(report.path, report.targets, truth, report.targets, rows, add)
    return found


def quantile_sums(path: Path, truth: Truth, target: str, levels: Sequence[int]) -> QuantileSums:
    """The sums of a valid file's quantiles of a target at some levels, (N,) in the order of the truth."""
    rows = positions(keys(path), truth.sequence)
    found, names = QuantileSums.empty(levels, len(rows)), columns(target, levels)

    def add(here: NDArray[np.int64], _: str, observed: NDArray[np.float32], block: _Block) -> None:
        several = [block[name] for name in names]
        if not all(map(within, names, several)) or crossing(target, several).any():
            raise _UnfitError(target)
        found.put(here, QuantileSums.of(observed, dict(zip(levels, several, strict=True))))

    _beside_truth(path, names, truth, [target], rows, add)
    return found


def _beside_truth(
    path: Path, names: Sequence[str], truth: Truth, targets: Sequence[str], rows: NDArray[np.int64],
    add: Callable[[NDArray[np.int64], str, NDArray[np.float32], _Block], None],
) -> None:  # fmt: skip
    """Read columns of a file beside the truth of some targets, some rows at a time, in any order.

    Parameters
    ----------
    path : Path
    names : sequence of str
        The columns.
    truth : Truth
    targets : sequence of str
    rows : int64 array (N,)
        The position in the truth of each row of the file.
    add : callable
        Called for each target with the positions of the rows, its name, what was observed and the columns.
    """

    def some(start: int, stop: int, block: _Block) -> None:
        for name, observed in window.observed(start, stop):
            add(rows[start:stop], name, observed, block)

    # Reading and summing overlap, since Arrow and NumPy let go of the interpreter.
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="score") as executor:
        window = Window(truth, rows, targets, executor)
        pending: deque[tuple[int, Future[None]]] = deque()
        stop = 0
        try:
            for _, block in blocks(path, names):
                start, stop = stop, stop + len(block[names[0]])
                window.advance(stop)
                pending.append((stop, executor.submit(some, start, stop, block)))
                if len(pending) > 2 * _THREADS:
                    done, future = pending.popleft()
                    future.result()
                    window.leave(done)
            for _, future in pending:
                future.result()
        except BaseException:
            executor.shutdown(cancel_futures=True)
            raise
