"""What was done on a user's fields: a small CSV file, one row an event.

::

    site,date,event,crop,amount
    US-Ne1,2012-04-24,planting,corn,
    US-Ne1,2012-05-30,fertiliser,,9.5

``date`` is yyyy-mm-dd; ``event`` is planting or fertiliser. A planting names its ``crop``, corn or soybean; a
fertiliser its ``amount`` of nitrogen in g N m-2 (10 kg ha-1 are 1 g m-2). The other cell stays empty. Events of
29 February, a day that a sequence does not have, count on the 28th.

The crop is that of the calendar year, as in the embedded treatments (`agroflux_data.simulators.management`): PLANTT has
one value from 1 January to 31 December. A year in which nothing was planted has no crop, since 0 is soybean and inputs
have no gaps: readers leave it out.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.sources.fields.csv_rows import Row
from agroflux_data.sources.fields.csv_rows import read as read_rows
from agroflux_data.sources.years import day_of_year
from agroflux_data.variables import DAYS, VARIABLES

__all__ = ["COLUMNS", "Event", "ManagementTable", "read"]

COLUMNS = ("FERTZR_N", "PDOY", "PLANTT")
"""The inputs that a table gives."""

Crop = Literal["corn", "soybean"]
_PLANTT: dict[Crop, float] = {"corn": 1.0, "soybean": 0.0}
_EVENTS = ("planting", "fertiliser")
_MOST = VARIABLES["FERTZR_N"].high


@dataclass(frozen=True)
class Event:
    """One row.

    Attributes
    ----------
    site : str
    date : datetime.date
    crop : {"corn", "soybean"}, optional
        What was planted; None for fertiliser.
    amount : float
        g N m-2; 0 for a planting.
    """

    site: str
    date: datetime.date
    crop: Crop | None
    amount: float


class ManagementTable:
    """The events of all sites of a file."""

    def __init__(self, events: Iterable[Event]):
        self._by_year: dict[tuple[str, int], list[Event]] = {}
        for event in events:
            self._by_year.setdefault((event.site, event.date.year), []).append(event)

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites with an event, sorted."""
        return tuple(sorted({site for site, _ in self._by_year}))

    def planted(self, site: str) -> tuple[int, ...]:
        """The years in which something was planted at a site, ascending: those that `daily` knows."""
        return tuple(sorted(year for (name, year), events in self._by_year.items() if name == site and _crops(events)))

    def daily(self, site: str, year: int) -> dict[str, NDArray[np.float64]]:
        """FERTZR_N, PDOY and PLANTT of a year of `planted`, (365,) each; KeyError for any other year."""
        if year not in self.planted(site):
            raise KeyError((site, year))
        events = self._by_year[site, year]
        (crop,) = _crops(events)
        fertiliser, planting = np.zeros(DAYS), np.zeros(DAYS)
        for event in events:
            if event.crop is None:
                fertiliser[day_of_year(event.date)] += event.amount
            else:
                planting[day_of_year(event.date)] = 1
        return {"FERTZR_N": fertiliser, "PDOY": planting, "PLANTT": np.full(DAYS, _PLANTT[crop])}


def read(path: Path) -> ManagementTable:
    """The events of a file.

    Raises
    ------
    AgrofluxError
        The file cannot be read, lacks a column, holds an event that is none or comes twice, more nitrogen in a year
        than any field gets, or two crops in one year of a site.
    """
    events: dict[Event, int] = {}
    nitrogen: dict[tuple[str, int], float] = {}
    crops: dict[tuple[str, int], Event] = {}
    for row in read_rows(path, ("site", "date", "event", "crop", "amount")):
        event = _event(row)
        if event in events:
            raise AgrofluxError(
                "an event twice", expected="one row an event", came=f"lines {events[event]} and {row.line}", where=path
            )
        events[event] = row.line
        year = (event.site, event.date.year)
        nitrogen[year] = nitrogen.get(year, 0.0) + event.amount
        if nitrogen[year] > _MOST:
            raise row.error(
                f"too much nitrogen in {event.date.year}",
                f"up to {_MOST:g} g N m-2 a year (10 kg ha-1 are 1 g m-2)", came=f"{nitrogen[year]:g}",
            )  # fmt: skip
        if event.crop is not None and crops.setdefault(year, event).crop != event.crop:
            raise row.error(
                f"two crops at {event.site} in {event.date.year}", "one: that which grew to harvest",
                came=f"{crops[year].crop} and {event.crop}",
            )  # fmt: skip
    return ManagementTable(events)


def _event(row: Row) -> Event:
    site = row.text("site", "the name of a site")
    date = row.date("date")
    kind = row.text("event", " or ".join(_EVENTS))
    if kind == "planting":
        if row["crop"] not in _PLANTT:
            raise row.error("unknown crop", " or ".join(_PLANTT), "crop")
        if row["amount"]:
            raise row.error("an amount of a planting", "an empty cell", "amount")
        return Event(site, date, row["crop"], 0.0)
    if kind == "fertiliser":
        if row["crop"]:
            raise row.error("a crop of a fertiliser", "an empty cell", "crop")
        return Event(site, date, None, row.number("amount", 0, _MOST, "g N m-2 (10 kg ha-1 are 1 g m-2)"))
    raise row.error("unknown event", " or ".join(_EVENTS), "event")


def _crops(events: Iterable[Event]) -> set[Crop]:
    return {event.crop for event in events if event.crop is not None}
