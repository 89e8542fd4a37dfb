"""Half-hourly and hourly FLUXNET files to days, by the rules of the product's own daily files.

ONEFlux (Pastorello et al. 2020, Scientific Data 7, 225; https://github.com/fluxnet/ONEFlux) makes its days of the 48
half hours or 24 hours between two midnights of local standard time:

- means of gap-filled values; precipitation is a sum;
- carbon fluxes, umol CO2 m-2 s-1, times 1.03772448 (``CO2TOC`` of its ``common.h``) in g C m-2 d-1;
- a quality flag is the share of all periods whose own flag is 0 (measured) or 1 (filled with good confidence)
  (``energy_proc/src/aggr.c``).

A day here is whole or missing: a mean over what is left would lean towards the day or the night. The reference NEE of
a daily file was chosen anew for days (Pastorello et al. 2020), so its days may differ a little from these.

Daily files lack extremes; here TMAX and TMIN are the extremes of the air temperature, HMAX and HMIN those of the vapour
pressure, saturation at the air temperature less the deficit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.simulators.atmosphere import saturation_vapour_pressure
from agroflux_data.sources.fluxnet import fluxnet_file
from agroflux_data.sources.fluxnet.folder import SubdailyFile

__all__ = ["CO2_TO_CARBON", "END", "START", "read_days"]

START, END = "TIMESTAMP_START", "TIMESTAMP_END"
CO2_TO_CARBON = 1.03772448
"""g C m-2 d-1 in 1 umol CO2 m-2 s-1, as ONEFlux has it: 86400 s d-1 x 12.0107 g mol-1 / 10^6."""

_GOOD = 1
"""The highest flag of a period that counts."""
_HPA_PER_KPA = 10.0
_CARBON = ("NEE_", "GPP_", "RECO_")
_DAY = 24 * 60


def read_days(file: SubdailyFile, columns: Sequence[str], site: str, notes: list[str]) -> pd.DataFrame:
    """Days of a file.

    Parameters
    ----------
    file : SubdailyFile
    columns : sequence of str
        Which of the file's, without timestamps; with ``TA_F`` its extremes come too, and with ``VPD_F`` beside it those
        of vapour pressure.
    site : str
    notes : list of str
        What is doubtful is added here.

    Returns
    -------
    pandas.DataFrame
        The `columns` as a daily file has them, and TMAX, TMIN (degC), HMAX, HMIN (kPa); NaN where a day is not whole.
        The index holds the days of the file, ascending.

    Raises
    ------
    AgrofluxError
        The file cannot be parsed, its periods are not as long as its name says, or one comes twice.
    """
    table = fluxnet_file.read_texts(file.path, (START, END), columns)
    start = fluxnet_file.times(file.path, START, table[START], 12)
    end = fluxnet_file.times(file.path, END, table[END], 12)
    first = start.days.min()
    day = (start.days - first).days.to_numpy()
    begin = day * _DAY + start.minutes
    length = ((end.days - first).days.to_numpy() * _DAY + end.minutes) - begin
    step = int(length[0])
    _check_periods(file, table[START], begin, length)
    if (np.diff(begin) < 0).any():
        row = int(np.flatnonzero(np.diff(begin) < 0)[0]) + 1
        notes.append(f"{site}: half hours out of order and sorted, the first {table[START][row]}")

    shape = (int(day.max()) + 1, _DAY // step)
    place = begin // step
    values: dict[str, NDArray[np.float64]] = {}
    for name in columns:
        periods = np.full(shape[0] * shape[1], np.nan)
        periods[place] = fluxnet_file.numbers(file.path, name, table[name], table[START])
        values[name] = periods.reshape(shape)
    present = np.bincount(day, minlength=shape[0])
    days = pd.date_range(first, periods=shape[0])
    if (part := (present > 0) & (present < shape[1])).any():
        notes.append(
            f"{site}: {part.sum()} days lack some of their {shape[1]} periods and are missing, "
            f"the first {days[part][0]:%Y%m%d}"
        )
    daily = {name: _daily(file, name, periods, days) for name, periods in values.items()} | _extremes(values)
    return pd.DataFrame(daily, index=days)[present > 0]


def _check_periods(
    file: SubdailyFile, stamps: pa.ChunkedArray, begin: NDArray[np.int64], length: NDArray[np.int64]
) -> None:
    """Raises `AgrofluxError` where periods are not all of one length that the name allows, or come twice."""
    step = int(length[0])
    if step not in file.minutes:
        raise AgrofluxError(
            "another resolution than the name says", expected=f"{' or '.join(map(str, file.minutes))} minutes a line",
            came=f"{step} minutes", where=f"{file.path}, columns {START}, {END}",
        )  # fmt: skip
    if len(wrong := np.flatnonzero((length != step) | (begin % step != 0))):
        row = int(wrong[0])
        raise AgrofluxError(
            "an uneven period", expected=f"{step} minutes from the full hour on",
            came=f"{length[row]} minutes from {stamps[row]}",
            where=f"{file.path}, columns {START}, {END}, {len(wrong)} such in all",
        )  # fmt: skip
    unique, counts = np.unique(begin, return_counts=True)
    if len(unique) < len(begin):
        rows = [int(np.flatnonzero(begin == moment)[0]) for moment in unique[counts > 1][:4]]
        twice = [str(stamps[row]) for row in rows]
        raise AgrofluxError(
            "duplicate times", expected="one line a period",
            came=f"{(counts > 1).sum()} more than once: {listing(twice, 3)}", where=f"{file.path}, column {START}",
        )  # fmt: skip


def _daily(file: SubdailyFile, name: str, periods: NDArray[np.float64], days: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Days (days,) of periods (days, periods a day)."""
    if name.endswith("_QC"):
        wrong = (periods < 0) | (periods > 3) | (periods % 1 > 0)
        if wrong.any():
            raise AgrofluxError(
                "quality flag is none", expected="0 measured to 3 poorly filled", came=float(periods[wrong][0]),
                where=f"{file.path}, column {name}, day {days[wrong.any(axis=1)][0]:%Y%m%d}",
            )  # fmt: skip
        return np.mean(periods <= _GOOD, axis=1)
    if name == "P_F":
        return periods.sum(axis=1)
    mean = periods.mean(axis=1)
    return mean * CO2_TO_CARBON if name.startswith(_CARBON) else mean


def _extremes(values: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    if "TA_F" not in values:
        return {}
    air = values["TA_F"]
    extremes = {"TMAX": air.max(axis=1), "TMIN": air.min(axis=1)}
    if "VPD_F" in values:
        # A deficit of more than all is an error of the sensor in dry air.
        vapour = np.maximum(saturation_vapour_pressure(air) - values["VPD_F"] / _HPA_PER_KPA, 0)
        extremes |= {"HMAX": vapour.max(axis=1), "HMIN": vapour.min(axis=1)}
    return extremes
