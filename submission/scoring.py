"""Score a submission against the truth: pooled metrics for each target, and the skill against the climatology."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release, Targets
from agroflux_data.sequences import values
from agroflux_data.shards import digest
from agroflux_data.tasks import Task
from agroflux_data.variables import DAYS
from submission.climatology import CROP, Climatology, crops
from submission.file import blocks
from submission.keys import positions
from submission.metadata import Metadata
from submission.metrics import RowSums, skill, squared_errors
from submission.validation import Report, validate

__all__ = ["HALVES", "SCORER", "Scores", "TargetScores", "Truth", "score", "score_report"]

SCORER = "1"
"""Version of the scorer: another one may give other numbers for the same file."""

HALVES = ("all", "public", "private")
"""Which hidden rows are scored: all of them, those scored before the season closes, or the others."""


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
    """

    n: int
    r2: float
    rmse: float
    mae: float
    bias: float
    skill: float
    climatology_rmse: float


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
    scorer: str = field(default=SCORER)

    @property
    def skill(self) -> float:
        """Mean skill over the task's ranked targets; NaN unless the file predicts them all."""
        return math.fsum(self._skills()) / len(self.ranked) if self.ranked else math.nan

    def _skills(self) -> Iterator[float]:
        for name in self.ranked:
            yield self.targets[name].skill if name in self.targets else math.nan

    def to_json(self) -> dict[str, Any]:
        """A JSON object; a number that is not defined is null."""
        plain = asdict(self) | {"skill": self.skill, "metadata": self.metadata.to_json(), "ranked": list(self.ranked)}
        plain["targets"] = {
            name: {key: _finite(value) for key, value in scores.items()} for name, scores in plain["targets"].items()
        }
        plain["skill"] = _finite(plain["skill"])
        return plain


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


class Truth:
    """The observations of a split, and the climatology of the same rows.

    Parameters
    ----------
    release : Release
    task : str
    split : str
    targets : iterable of str
        Which of the task's targets are wanted.
    hidden : Targets, str or Path, optional
        Where a sealed release keeps its hidden targets; beside it by default. Not opened for a public split.

    Attributes
    ----------
    sequence : int64 array (N,)
        The rows, in their order on disk.
    public : bool array (N,)
        Whether a row is in the half that is scored before the season closes; all are in a public split.

    Raises
    ------
    AgrofluxError
        No targets there, or those of another revision.
    """

    def __init__(
        self,
        release: Release,
        task: str,
        split: str,
        targets: Iterable[str],
        hidden: Targets | str | Path | None = None,
    ):
        self.hidden = release.split(task, split).hidden
        home: Release | Targets = release
        if self.hidden:
            home = hidden if isinstance(hidden, Targets) else Targets.of(release, hidden)
        rows = home.split(task, split).rows
        self.sequence: NDArray[np.int64] = np.empty(rows, np.int64)
        self.public: NDArray[np.bool_] = np.ones(rows, np.bool_)
        self._values = {name: np.empty((rows, DAYS), np.float32) for name in targets}
        start = 0
        for group in home.read(task, split, ["sequence", *(["public"] if self.hidden else []), *self._values]):
            stop = start + group.num_rows
            self.sequence[start:stop] = group["sequence"].to_numpy()
            if self.hidden:
                self.public[start:stop] = group["public"].to_numpy()
            for name, array in self._values.items():
                array[start:stop] = values(group[name])
            start = stop
        known = release.task(task)
        inputs = release.table(task, split, ["sequence", *([CROP] if CROP in known.inputs else [])])
        self._crops = crops(inputs)[positions(self.sequence, inputs["sequence"].to_numpy())]
        self._climatology = Climatology.fit(release, task, _others(release, known, split))

    def observed(self, target: str, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """The truth of some rows by their position, (rows, 365); NaN where nothing was observed."""
        return self._values[target][rows]

    def climatology(self, target: str, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """The climatology of some rows by their position, (rows, 365)."""
        return self._climatology.of(target, self._crops[rows])

    def counted(self, half: str) -> NDArray[np.bool_]:
        """Whether each row is scored, (N,); raises `AgrofluxError` for a half that the split does not have."""
        if half not in HALVES:
            raise AgrofluxError("unknown half", expected="one of " + ", ".join(HALVES), came=half)
        if half == "all":
            return np.ones(len(self.sequence), np.bool_)
        if not self.hidden:
            raise AgrofluxError("a public split has no hidden half", expected="half all", came=half)
        return self.public if half == "public" else ~self.public


def _others(release: Release, task: Task, split: str) -> list[str]:
    """The training splits that a prediction of this split may use."""
    return [
        name for name in task.training_splits(release.edition) if name in release.splits(task.name) and name != split
    ]


def score(
    path: str | Path,
    release: Release | str | Path,
    targets: Targets | str | Path | None = None,
    half: str = "all",
    split: str | None = None,
) -> Scores:
    """Score a file.

    Parameters
    ----------
    path : str or Path
        A submission; it is validated first.
    release : Release, str or Path
        The public folder.
    targets : Targets, str or Path, optional
        The hidden targets of a sealed release; beside it by default.
    half : {"all", "public", "private"}
        Which of the hidden rows to score. The others may be in the file but count nowhere.
    split : str, optional
        ``test`` by default; in the open edition of a spatial task the fold that was left out; ``validation`` to
        know before sending.

    Raises
    ------
    AgrofluxError
        The file is invalid (its faults are listed), or the release, its targets or the split are not there.
    """
    release = release if isinstance(release, Release) else Release(release)
    return score_report(validate(path, release, split=split), release, targets, half)


def score_report(
    report: Report, release: Release, targets: Targets | str | Path | None = None, half: str = "all"
) -> Scores:
    """Score a file that was validated already; raises `AgrofluxError` for one with faults."""
    report.raise_for_faults()
    assert report.task is not None
    assert report.split is not None
    assert report.metadata is not None
    truth = Truth(release, report.task, report.split, report.targets, targets)
    counted = truth.counted(half)
    sums: dict[str, list[RowSums]] = {name: [] for name in report.targets}
    reference: dict[str, list[NDArray[np.float64]]] = {name: [] for name in report.targets}
    for sequence, block in blocks(report.path, report.targets):
        at = positions(sequence, truth.sequence)
        use = counted[at]
        at = at[use]
        for name, predicted in block.items():
            observed = truth.observed(name, at)
            sums[name].append(RowSums.of(observed, predicted[use]))
            reference[name].append(squared_errors(observed, truth.climatology(name, at)))
    scores = {}
    for name in report.targets:
        rows = RowSums.concatenated(sums[name])
        found, usual = rows.total(), float(np.concatenate([np.empty(0), *reference[name]]).sum())
        scores[name] = TargetScores(
            n=found.n,
            r2=found.r2,
            rmse=found.rmse,
            mae=found.mae,
            bias=found.bias,
            # Sums over the same days stand for the means.
            skill=skill(float(rows.squared.sum()), usual),
            climatology_rmse=math.sqrt(usual / found.n) if found.n else math.nan,
        )
    return Scores(
        task=report.task,
        split=report.split,
        half=half,
        origin=release.origin(report.task),
        revision=release.revision,
        sequences=int(counted.sum()),
        targets=scores,
        ranked=release.task(report.task).ranked_targets,
        sha256=digest(report.path),
        metadata=report.metadata,
    )
