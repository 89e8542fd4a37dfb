"""`FluxPredictor`: rows in, fluxes out, whatever holds the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasets import Dataset
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.prediction import quantile_columns, refuse_without_quantiles, write_fitted
from baselines.saved import Saved, open_saved

__all__ = ["FluxPredictor"]

_BATCH = 256
_SEQUENCE, _DAY = "sequence", "day"


class FluxPredictor:
    """A fitted model that predicts from whatever holds its inputs, in physical units.

    Parameters
    ----------
    saved : Saved
        What `baselines.saved.open_saved` opened.

    Attributes
    ----------
    inputs, targets : tuple of str
        What it reads and what it gives.

    Examples
    --------
    >>> predictor = FluxPredictor.from_pretrained("runs/lstm")                                    # doctest: +SKIP
    >>> predictor(load_dataset("agroflux", "ecosys_temporal", split="test"))["NEE"].shape         # doctest: +SKIP
    (480, 365)
    """

    def __init__(self, saved: Saved):
        self.saved = saved
        self.inputs, self.targets = saved.fitted.inputs, saved.fitted.targets

    @classmethod
    def from_pretrained(cls, name: str | Path) -> FluxPredictor:
        """Open the folder of a run, of an ensemble or of any saved model, or ``ORG/NAME[@REVISION]`` on the Hub.

        Raises
        ------
        AgrofluxError
            No such folder or repository, or it holds no fitted model.
        """
        return cls(open_saved(name))

    def __call__(
        self,
        rows: Mapping[str, Any] | Sequence[Mapping[str, Any]] | Dataset | pd.DataFrame | Release | str | Path,
        *,
        task: str | None = None,
        split: str | None = None,
        output: Path | None = None,
        quantiles: bool | None = None,
    ) -> dict[str, NDArray] | pd.DataFrame | Path:
        """Predict.

        Parameters
        ----------
        rows : mapping, sequence of mappings, datasets.Dataset, pandas.DataFrame, Release, str or Path
            A row of the dataset: a daily input has a value for each day, a static one in all. Several rows, all of
            as many days. A frame with a row for each sequence, or a long one with a row for each day: with a
            ``sequence`` column rows of one number are a sequence, in the order of ``day`` if there is one, and
            without it all rows are one. A release or the path of one. The first day is that of a year, if it was so
            in training.
        task, split, output
            For a release: as of `baselines.prediction.write_prediction`.
        quantiles : bool, optional
            Whether to give the quantiles of each target too, as ``GPP_q05``; by default those that the model has.

        Returns
        -------
        dict, pandas.DataFrame or Path
            For one row, each target (T,). For several, each target (N, T), and ``sequence`` (N,) where the rows have
            it. For a frame one with its index: ``sequence`` and ``day`` where it has them, and each target. For a
            release, the prediction file. A quantile is as its target.

        Raises
        ------
        AgrofluxError
            Rows lack an input, hold NaN in one, or are of different lengths; or quantiles that the model has not.
        """
        if quantiles:
            refuse_without_quantiles(self.saved)
        several = quantiles is not False
        if isinstance(rows, Release | str | Path):
            release = rows if isinstance(rows, Release) else Release(rows)
            return write_fitted(self.saved, release, task=task, split=split, output=output, quantiles=quantiles)
        if task is not None or split is not None or output is not None:
            raise AgrofluxError("task, split and output are for a release", expected="none of them", came=type(rows))
        if isinstance(rows, pd.DataFrame):
            return self._frame(rows, several)
        if isinstance(rows, Mapping):
            found = self._fluxes({name: [self._of(rows, name)] for name in self.inputs}, several)
            return {name: flux[0] for name, flux in found.items()}
        if isinstance(rows, Dataset):
            self._refuse_lacking(rows.column_names)
            columns = {name: self._column(rows, name) for name in self.inputs}
            keys = np.asarray(rows[_SEQUENCE][:]) if _SEQUENCE in rows.column_names else None
        else:
            columns = {name: [self._of(row, name) for row in rows] for name in self.inputs}
            keys = np.array([row[_SEQUENCE] for row in rows]) if all(_SEQUENCE in row for row in rows) else None
        found = self._fluxes(columns, several)
        return found if keys is None else {_SEQUENCE: keys} | found

    def _of(self, row: Mapping[str, Any], name: str) -> Any:
        if name not in row:
            self._refuse_lacking(row)
        return row[name]

    def _refuse_lacking(self, names: Any) -> None:
        if lacking := [name for name in self.inputs if name not in names]:
            raise AgrofluxError(
                "rows without inputs of the model", expected=", ".join(self.inputs), came="no " + ", ".join(lacking)
            )

    @staticmethod
    def _column(rows: Dataset, name: str) -> Any:
        """A column without a detour through lists, where Arrow has it flat."""
        column = rows.with_format("numpy").select_columns([name])[:][name]
        return np.asarray(column)

    def _fluxes(self, columns: Mapping[str, Any], quantiles: bool) -> dict[str, NDArray]:
        """Each target and maybe its quantiles (N, T), from a daily (N, T) or static (N,) column for each input."""
        if len(columns[self.inputs[0]]) == 0:
            raise AgrofluxError("no rows", expected="at least one")
        arrays = {}
        for name, column in columns.items():
            try:
                arrays[name] = np.asarray(
                    column if isinstance(column, np.ndarray) else [np.asarray(one, np.float32) for one in column],
                    np.float32,
                )
            except (ValueError, TypeError) as error:
                raise AgrofluxError(
                    f"bad values of {name}", expected="numbers, as many days in every row", came=str(error)
                ) from None
        lengths = {array.shape[1] for array in arrays.values() if array.ndim == 2}
        if len(lengths) != 1 or any(array.ndim not in (1, 2) for array in arrays.values()):
            raise AgrofluxError(
                "inputs of different lengths", expected="as many days in every daily input",
                came=", ".join(f"{name} {array.shape[1:]}" for name, array in arrays.items()),
            )  # fmt: skip
        days = lengths.pop()
        whole = [
            array if array.ndim == 2 else np.broadcast_to(array[:, None], (len(array), days))
            for array in arrays.values()
        ]
        inputs = np.stack(whole, axis=-1)
        fitted = self.saved.fitted
        batches = [inputs[start : start + _BATCH] for start in range(0, len(inputs), _BATCH)]
        if not (quantiles and fitted.quantiles):
            fluxes = np.concatenate([fitted.fluxes(batch) for batch in batches])
            return {name: fluxes[..., number] for number, name in enumerate(self.targets)}
        fluxes, several = (
            np.concatenate(part) for part in zip(*(fitted.with_quantiles(batch) for batch in batches), strict=True)
        )
        found = {}
        for number, name in enumerate(self.targets):
            found[name] = fluxes[..., number]
            found |= dict(zip(quantile_columns(fitted, name), np.moveaxis(several[..., number, :], -1, 0), strict=True))
        return found

    def _frame(self, frame: pd.DataFrame, quantiles: bool) -> pd.DataFrame:
        self._refuse_lacking(frame.columns)
        kept = [name for name in (_SEQUENCE, _DAY) if name in frame]
        if any(frame[name].dtype == object for name in self.inputs):
            found = self._fluxes({name: frame[name].to_list() for name in self.inputs}, quantiles)
            return frame[kept].assign(**{name: list(flux) for name, flux in found.items()})
        order = np.lexsort([frame[name].to_numpy() for name in reversed(kept)]) if kept else np.arange(len(frame))
        keys = frame[_SEQUENCE].to_numpy()[order] if _SEQUENCE in kept else np.zeros(len(frame), np.int64)
        starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
        lengths = np.diff(np.r_[starts, len(keys)])
        if len(set(lengths.tolist())) > 1:
            raise AgrofluxError(
                "sequences of different lengths", expected="as many days in each",
                came=", ".join(f"{keys[start]}: {days}" for start, days in zip(starts[:3], lengths[:3], strict=True)),
            )  # fmt: skip
        shape = (len(starts), -1)
        columns = {name: frame[name].to_numpy(np.float32)[order].reshape(shape) for name in self.inputs}
        found = self._fluxes(columns, quantiles)
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return frame[kept].assign(**{name: flux.reshape(-1)[back] for name, flux in found.items()})
