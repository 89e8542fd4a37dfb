"""What a tree sees of a day: its drivers, those of the days before, their running sums, the soil and the season.

Trees know no order of days, so each row of their table carries its own past; nothing in it is later than its day.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agroflux_data.variables import STATICS

__all__ = ["day_features", "feature_names"]

_LAGS = (1, 2, 3, 7)
"""Days before."""
_WINDOWS = (7, 30, 90)
"""Days of running sums, the day itself included; and one from the first day of the year."""
_PLANTING, _FERTILISER, _CROP = "PDOY", "FERTZR_N", "PLANTT"
_WARMTH = ("TMAX", "TMIN")
_NEVER = -1.0


def feature_names(inputs: Sequence[str]) -> list[str]:
    """The columns that `day_features` gives for these inputs, in order."""
    moving = [name for name in inputs if name not in (*STATICS, _CROP)]
    names = [*inputs, *(f"{name}_before_{lag}" for name in moving for lag in _LAGS)]
    names += [f"{name}_sum_{days}" for name in moving for days in (*_WINDOWS, "year")]
    if _FERTILISER in inputs:
        names.append("days_since_fertiliser")
    if _PLANTING in inputs:
        names += ["days_since_planting", *(f"{name}_since_planting" for name in _WARMTH if name in inputs)]
    return [*names, "day"]


def day_features(inputs: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float32]:
    """The table of days.

    Parameters
    ----------
    inputs : float32 array (B, T, F)
        Physical units, from the first day of the year.
    names : sequence of str
        Of the F inputs.

    Returns
    -------
    float32 array (B, T, C)
        The columns of `feature_names`. Before the first day lags repeat it and sums are of what there is; days since
        an event that has not come are -1.
    """
    series = {name: inputs[..., number].astype(np.float64) for number, name in enumerate(names)}
    moving = [name for name in names if name not in (*STATICS, _CROP)]
    columns = list(series.values())
    for name in moving:
        columns += [
            np.concatenate([np.repeat(series[name][:, :1], lag, 1), series[name]], 1)[:, :-lag] for lag in _LAGS
        ]
    for name in moving:
        whole = np.cumsum(series[name], axis=1)
        columns += [whole - np.pad(whole, ((0, 0), (days, 0)))[:, : whole.shape[1]] for days in _WINDOWS]
        columns.append(whole)
    if _FERTILISER in series:
        columns.append(_days_since(series[_FERTILISER] > 0))
    if _PLANTING in series:
        since = _days_since(series[_PLANTING] > 0)
        columns.append(since)
        columns += [np.cumsum(np.where(since >= 0, series[name], 0), axis=1) for name in _WARMTH if name in series]
    columns.append(np.broadcast_to(np.arange(inputs.shape[1], dtype=np.float64), inputs.shape[:2]))
    return np.stack(columns, axis=-1, dtype=np.float32)


def _days_since(events: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Days since the last event, (B, T)."""
    day = np.arange(events.shape[1])
    last = np.maximum.accumulate(np.where(events, day, -1), axis=1)
    return np.where(last >= 0, day - last, _NEVER)
