"""Files to begin with: the rows that a submission must have, empty or filled with the climatology."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.variables import DAYS
from submission.climatology import Climatology
from submission.file import write
from submission.metadata import Metadata
from submission.quantiles import columns
from submission.validation import predicted_split

__all__ = ["CLIMATOLOGY", "write_climatology", "write_empty"]

CLIMATOLOGY = "climatology"
"""The reference that stands beside the learned models: the mean of the training years for each crop and day."""


def write_empty(
    release: Release, task: str, split: str | None = None, output: Path | None = None, model: str = "unnamed",
    levels: Iterable[int] = (),
) -> Path:  # fmt: skip
    """Write every row of a split with NaN for each ranked target, and for its quantiles.

    It is no submission yet: validation refuses NaN (AF301), so a day that was forgotten does not pass unseen.

    Parameters
    ----------
    release : Release
    task : str
    split : str, optional
        ``test`` by default.
    output : Path, optional
        By default ``TASK-empty.parquet`` in the working directory.
    model : str
        The name that a leaderboard will show.
    levels : iterable of int
        Percent of the quantiles, for each ranked target; 2 to 21 of them, or none.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AgrofluxError
        No such task or split, or levels that a submission may not have.
    """
    levels = sorted(set(levels))
    if odd := [level for level in levels if not 0 < level < 100]:
        raise AgrofluxError("no level of a quantile", expected="1 to 99 percent", came=odd[0])
    wanted = predicted_split(release, task, split)
    keys = release.keys(task, wanted)
    nothing = np.full((len(keys), DAYS), np.nan, np.float32)
    targets = release.task(task).ranked_targets
    names = [name for target in targets for name in (target, *columns(target, levels))]
    return write(
        {"sequence": keys} | dict.fromkeys(names, nothing),
        output or Path(f"{task}-empty.parquet"),
        Metadata(task=task, revision=release.revision, model=model),
    )


def write_climatology(release: Release, task: str, split: str | None = None, output: Path | None = None) -> Path:
    """Write the climatology's predictions of a split: a valid submission with a skill of zero.

    Parameters
    ----------
    release : Release
    task : str
    split : str, optional
        ``test`` by default. It is left out of the years that the means are taken over.
    output : Path, optional
        By default ``TASK-climatology.parquet`` in the working directory.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AgrofluxError
        No such task or split.
    """
    wanted = predicted_split(release, task, split)
    has = release.splits(task)
    training = [name for name in release.task(task).training_splits(release.edition) if name in has and name != wanted]
    return write(
        Climatology.kept(release, task, training).predict(release, task, wanted),
        output or Path(f"{task}-{CLIMATOLOGY}.parquet"),
        Metadata(
            task=task,
            revision=release.revision,
            model=CLIMATOLOGY,
            description="Mean of the training years for each crop and day of the year.",
            method="climatology",
        ),
    )
