"""The years of a user's own files: their 365 days, and how they are cut into training, validation and test."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.splits import YEARS, Years

__all__ = ["cut_years", "day_of_year"]


def day_of_year(date: datetime.date) -> int:
    """The place of a date in its year of 365 days, counted from 0; 29 February shares that of the 28th.

    >>> day_of_year(datetime.date(2016, 12, 31))
    364
    """
    if (date.month, date.day) == (2, 29):
        date = date.replace(day=28)
    return (date.replace(year=2001) - datetime.date(2001, 1, 1)).days


def cut_years(found: Sequence[int], source: str, test_from: int | None, where: Path) -> tuple[Years, list[str]]:
    """The years of a source, and what is to be said of them.

    Parameters
    ----------
    found : sequence of int
        The years that the files can give, ascending, at least one.
    source : str
        The benchmark's cut of this source holds, as far as there are years for it, and no others are taken.
    test_from : int, optional
        First test year in place of that cut: all years are taken, those before it for training, none for validation.
    where : Path
        For the errors.

    Raises
    ------
    AgrofluxError
        No year of the benchmark, or none before or after `test_from`.
    """
    first, last = found[0], found[-1]
    if test_from is not None:
        if not first < test_from <= last:
            raise AgrofluxError(
                "no years on both sides of the first test year",
                expected=f"a first test year from {first + 1} to {last}" if first < last else "more than one year",
                came=test_from, where=where,
            )  # fmt: skip
        return Years(first, test_from, test_from, last), []
    benchmark, notes = YEARS[source], []
    inside = [year for year in found if year in benchmark.all]
    if not inside:
        raise AgrofluxError(
            "no year of the benchmark",
            expected=f"years from {benchmark.first} to {benchmark.last}, or a first test year",
            came=f"{first} to {last}", where=where,
        )  # fmt: skip
    if outside := [year for year in found if year not in benchmark.all]:
        notes.append(f"years: {listing(outside)} left out, as the benchmark has {benchmark.first} to {benchmark.last}")
    first, last = inside[0], inside[-1]
    validation, test = (min(max(bound, first), last + 1) for bound in (benchmark.validation, benchmark.test))
    years = Years(first, validation, test, last)
    if not years.of("test") or not years.of("train"):
        notes.append(
            f"years: {first} to {last} have none for {'training' if years.of('test') else 'testing'} in the "
            "benchmark's split; a first test year splits them otherwise"
        )
    return years, notes
