"""The climatology: what a day of the year usually brings for a crop. Every skill is measured against it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from huggingface_hub.constants import HF_HOME
from numpy.typing import NDArray

from agroflux_data.release import Release
from agroflux_data.sequences import values
from agroflux_data.variables import DAYS

__all__ = ["Climatology", "crops"]

CROP = "PLANTT"
_CROPS = 2
_FITTING = 1
"""Version of `Climatology.fit`: another one may give other means for the same rows."""


def crops(rows: pa.Table) -> NDArray[np.int64]:
    """The crop of each row's year, (rows,): 1 corn, 0 soybean; 0 throughout where the rows do not say."""
    if CROP not in rows.column_names:
        return np.zeros(rows.num_rows, np.int64)
    return (values(rows[CROP]).mean(axis=1) >= 0.5).astype(np.int64)


@dataclass(frozen=True)
class Climatology:
    """The mean of every target by crop and day of the year over training rows.

    Where a crop was never observed on a day, the mean of that day over all crops stands in, and where no crop was,
    the mean over all days.

    Attributes
    ----------
    task : str
    means : dict of str to float32 array (2, 365)
        By target, crop (0 soybean, 1 corn) and day, in physical units and without NaN; in the precision of a
        submission, so that the climatology sent as one has a skill of zero. A target that was never observed in the
        training rows is not there.
    """

    task: str
    means: dict[str, NDArray[np.float32]]

    @classmethod
    def fit(cls, release: Release, task: str, splits: Iterable[str] | None = None) -> Climatology:
        """Take the means over training splits.

        Parameters
        ----------
        release : Release
        task : str
        splits : iterable of str, optional
            All training splits that the release has, if not given. In the open edition of a spatial task leave out
            the fold that is predicted.

        Raises
        ------
        AgrofluxError
            No such task or split.
        """
        known = release.task(task)
        if splits is None:
            splits = [name for name in known.training_splits(release.edition) if name in release.splits(task)]
        wanted = [CROP] if CROP in known.inputs else []
        sums = {name: np.zeros((_CROPS, DAYS)) for name in known.targets}
        counts = {name: np.zeros((_CROPS, DAYS)) for name in known.targets}
        for split in splits:
            for rows in release.read(task, split, [*wanted, *known.targets]):
                crop = crops(rows)
                for name in known.targets:
                    observed = values(rows[name])
                    there = ~np.isnan(observed)
                    observed = np.where(there, observed, 0).astype(np.float64)
                    for one in range(_CROPS):
                        sums[name][one] += observed[crop == one].sum(axis=0)
                        counts[name][one] += there[crop == one].sum(axis=0)
        return cls(task, {name: _filled(sums[name], counts[name]) for name in known.targets if counts[name].any()})

    @classmethod
    def kept(cls, release: Release, task: str, splits: Iterable[str]) -> Climatology:
        """What `fit` gives, from a file in the cache of this machine where these training rows were fitted before.

        At full size the fit takes minutes, and each scoring process would pay for it. The file is named for the digests
        of the shards that the means are of, so that those of other rows are never taken.
        """
        splits = list(splits)
        known = release.task(task)
        path = _place(release, task, splits)
        try:
            with np.load(path, allow_pickle=False) as kept:
                means = {name: kept[name] for name in kept.files}
            if set(means) <= set(known.targets) and all(_is_mean(values) for values in means.values()):
                return cls(task, {name: means[name] for name in known.targets if name in means})
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
            pass  # there is none yet, or no whole one
        fitted = cls.fit(release, task, splits)
        with contextlib.suppress(OSError):  # a machine that cannot keep it fits it again
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as temporary:
                try:
                    np.savez(temporary, allow_pickle=False, **fitted.means)
                    temporary.flush()
                    os.replace(temporary.name, path)
                except BaseException:
                    os.unlink(temporary.name)
                    raise
        return fitted

    def of(self, target: str, crop: NDArray[np.integer]) -> NDArray[np.float32]:
        """The climatology of rows with these crops (rows,), as (rows, 365); NaN for a target that it lacks."""
        if target not in self.means:
            return np.full((len(crop), DAYS), np.nan, np.float32)
        return self.means[target][crop]

    def blocks(self, release: Release, split: str) -> Iterator[dict[str, NDArray]]:
        """What `predict` gives, row group by row group."""
        wanted = [CROP] if CROP in release.task(self.task).inputs else []
        for rows in release.read(self.task, split, ["sequence", *wanted]):
            crop = crops(rows)
            yield {"sequence": rows["sequence"].to_numpy()} | {name: self.of(name, crop) for name in self.means}

    def predict(self, release: Release, task: str, split: str) -> dict[str, NDArray]:
        """The climatology as predictions for a split.

        Returns
        -------
        dict
            ``sequence`` int64 (N,) and every target that was observed in training, float32 (N, 365).
        """
        if task != self.task:
            raise ValueError(f"a climatology of {self.task} says nothing of {task}")
        blocks = list(self.blocks(release, split))
        return {name: np.concatenate([block[name] for block in blocks]) for name in ("sequence", *self.means)}


def _place(release: Release, task: str, splits: list[str]) -> Path:
    """Where the means over these rows are kept: their name is all that the means follow from."""
    known = release.task(task)
    digests = [shard.sha256 for split in splits for shard in release.split(task, split).shards]
    text = json.dumps([_FITTING, task, CROP in known.inputs, known.targets, digests])
    return Path(HF_HOME, "agroflux", f"climatology-{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz")


def _is_mean(values: NDArray) -> bool:
    return values.shape == (_CROPS, DAYS) and values.dtype == np.float32 and bool(np.isfinite(values).all())


def _filled(sums: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Means by crop and day, with the two fallbacks."""
    with np.errstate(invalid="ignore", divide="ignore"):
        by_crop = sums / counts
        by_day = sums.sum(axis=0) / counts.sum(axis=0)
    by_day = np.where(np.isnan(by_day), sums.sum() / counts.sum(), by_day)
    return np.where(np.isnan(by_crop), by_day, by_crop).astype(np.float32)
