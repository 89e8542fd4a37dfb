"""The files that one DayCent run writes: what they are called, and the columns of one of them by day.

DayCent writes a line a day: ``time``, which is the year plus (month - 1) / 12, cut to some decimals, so only its year
is used; ``dayofyr``; then the values. Columns are separated by blanks, in the ``.csv`` files by commas with one more
at the end of a line. A header names columns, but those of soil layers only up to the tenth, and some files have none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sources.model_runs.runs import day_key
from agroflux_data.sources.model_runs.text_table import TextTable, lines

__all__ = ["FILES", "HARVEST", "SITE", "SOILS", "Harvest", "RunFiles", "SoilLayers"]

HARVEST, SOILS, SITE = "harvest.csv", "soils.in", "*.100"
_HEADLESS = ("vswc.out", "soiltmax.out", "soiltmin.out")
_WITH_HEADER = (
    "dc_sip.csv", "summary.out", "daily.out", "watrbal.out", "nflux.out", "soiln.out", "soilc.out", "mresp.out",
    "gresp.out", "resp.out", "psyn.out",
)  # fmt: skip
FILES = (*_WITH_HEADER, *_HEADLESS)
"""The daily files that are read, where a run wrote them."""

_MOST_YEARS = 9999
_SOIL_CELLS = 13
_COORDINATE = re.compile(r"^\s*([-+.\deE]+)\s+['\"]?(SITLAT|SITLNG)\b", re.IGNORECASE)


@dataclass(frozen=True)
class SoilLayers:
    """The layers of ``soils.in``, arrays (layers,)."""

    top: NDArray[np.float64]
    """cm, as is the bottom."""
    bottom: NDArray[np.float64]
    bulk_density: NDArray[np.float64]
    """Mg m-3."""
    sand: NDArray[np.float64]
    """0..1, as are clay and organic matter."""
    clay: NDArray[np.float64]
    organic_matter: NDArray[np.float64]
    ph: NDArray[np.float64]

    def down_to(self, depth: float) -> NDArray[np.float64]:
        """The share of each layer in the soil above a depth in cm."""
        thickness = np.clip(np.minimum(self.bottom, depth) - self.top, 0, None)
        return thickness / thickness.sum()


@dataclass(frozen=True)
class Harvest:
    """One line of ``harvest.csv``."""

    year: int
    crop: str
    grain: float
    """g C m-2; NaN where it cannot be known."""


class RunFiles:
    """The files of one run, read as they are asked for.

    Parameters
    ----------
    folder : Path
    notes : list of str
        Gets what is to be said of the files.
    """

    def __init__(self, folder: Path, notes: list[str]):
        self.folder, self._notes = folder, notes
        self._tables: dict[str, TextTable] = {}

    def has(self, *names: str) -> bool:
        return all((self.folder / name).is_file() for name in names)

    def columns(self, name: str, *columns: str) -> pd.DataFrame:
        """Columns of a file with a header, by day; raises `AgrofluxError` where one lacks."""
        table = self._table(name)
        places = {column: table.place(column) for column in columns}
        return self._by_day(table, places)

    def names(self, name: str) -> tuple[str, ...]:
        """The column names of a file."""
        return self._table(name).names

    def layers(self, name: str, count: int, first: str | None = None) -> pd.DataFrame:
        """The soil layers of a file, by day; raises `AgrofluxError` where they are not as many as in ``soils.in``.

        Parameters
        ----------
        name : str
        count : int
            How many there are to be.
        first : str, optional
            The column of the uppermost; without it, the third of a file without header.
        """
        table = self._table(name)
        start = 2 if first is None else table.place(first)
        if (came := len(table.cells[0]) - start) != count:
            raise AgrofluxError(
                f"other layers than in {SOILS}", expected=f"{count} values a day", came=came, where=table.path
            )
        return self._by_day(table, {layer: start + layer for layer in range(count)})

    def soil(self) -> SoilLayers:
        """The layers of ``soils.in``; raises `AgrofluxError` where they do not follow each other downwards."""
        path = self.folder / SOILS
        rows = [(number, line.split()) for number, line in enumerate(lines(path), start=1) if line.strip()]
        table = TextTable.parse(path, (), rows, width=_SOIL_CELLS)
        missing: list[str] = []
        cells = [table.column(place, missing, f"{path}, column {place + 1}") for place in range(_SOIL_CELLS)]
        top, bottom, bulk_density = cells[:3]
        if missing:
            raise AgrofluxError("a soil that is not known", expected="numbers alone", came=missing[0], where=path)
        if top[0] != 0 or (bottom <= top).any() or (top[1:] != bottom[:-1]).any():
            raise AgrofluxError(
                "layers that do not follow each other", expected="each top at the bottom above, the first at 0 cm",
                came=listing(f"{high:g}-{low:g}" for high, low in zip(top, bottom, strict=True)), where=path,
            )  # fmt: skip
        return SoilLayers(
            top, bottom, bulk_density, sand=cells[7], clay=cells[8], organic_matter=cells[9], ph=cells[12]
        )

    def harvests(self) -> list[Harvest]:
        """The lines of ``harvest.csv``."""
        table = _table(self.folder / HARVEST, may_be_bare=True)
        if not table.cells:
            return []
        year = np.floor(table.column(table.place("time"), self._notes, f"{HARVEST}, time"))
        if np.isnan(year).any():
            raise AgrofluxError("a harvest without a year", expected="numbers in column time", where=table.path)
        grain = table.column(table.place("cgrain"), self._notes, f"{HARVEST}, cgrain")
        crops = table.text("crpval")
        return [Harvest(int(when), crop, float(carbon)) for when, crop, carbon in zip(year, crops, grain, strict=True)]

    def place(self) -> tuple[float, float]:
        """Latitude and longitude by ``SITLAT`` and ``SITLNG`` of the site's own ``.100`` file; NaN where none has."""
        found: dict[str, float] = {}
        for path in sorted(self.folder.glob(SITE)):
            for match in filter(None, map(_COORDINATE.match, lines(path))):
                try:
                    found.setdefault(match[2].upper(), float(match[1]))
                except ValueError:
                    raise AgrofluxError("no number", expected=match[2], came=match[1], where=path) from None
        lat, lon = found.get("SITLAT", np.nan), found.get("SITLNG", np.nan)
        if abs(lat) > 90 or abs(lon) > 360:
            raise AgrofluxError("no place on Earth", expected="degrees", came=f"{lat}, {lon}", where=self.folder)
        return lat, lon

    def _table(self, name: str) -> TextTable:
        if name not in self._tables:
            self._tables[name] = _table(self.folder / name)
        return self._tables[name]

    def _by_day(self, table: TextTable, places: dict) -> pd.DataFrame:
        index = self._days(table)
        values = {
            column: table.column(place, self._notes, f"{table.path.name}, {column}") for column, place in places.items()
        }
        frame = pd.DataFrame(values, index=index)
        if not index.is_monotonic_increasing:
            self._notes.append(f"{table.path.name}, days out of order and sorted")
            frame = frame.sort_index()
        return frame

    def _days(self, table: TextTable) -> pd.Index:
        missing: list[str] = []
        time = table.column(0, missing, "time")
        day = table.column(1, missing, "dayofyr")
        wrong = ~((time >= 1) & (time < _MOST_YEARS + 1) & (day >= 1) & (day <= 366) & (day == np.floor(day)))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise AgrofluxError(
                "no date", expected="a year with its decimals, then a day from 1 to 366",
                came=" ".join(cell.strip() for cell in table.cells[row][:2]),
                where=f"{table.path}, line {table.numbers[row]}, {wrong.sum()} such in all",
            )  # fmt: skip
        index = pd.Index(day_key(np.floor(time).astype(np.int64), day.astype(np.int64)))
        if index.has_duplicates:
            twice = [f"day {key % 1000} of {key // 1000}" for key in index[index.duplicated()].unique()]
            raise AgrofluxError("duplicate days", expected="one line a day", came=listing(twice, 3), where=table.path)
        return index


def _table(path: Path, *, may_be_bare: bool = False) -> TextTable:
    """The cells of a file; comments, which start with #, are passed over unless one is the header."""
    comma = path.suffix == ".csv"
    rows: list[tuple[int, list[str]]] = []
    header: list[str] | None = ["time", "dayofyr"] if path.name in _HEADLESS else None
    for number, line in enumerate(lines(path), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split(",")] if comma else line.split()
        if header is None:
            first = [cell.lstrip("#") for cell in cells]
            if first[0] == "time":
                header = first
                continue
            if not line.lstrip().startswith("#"):
                break
        if not line.lstrip().startswith("#"):
            rows.append((number, cells))
    if header is None or header[:2] != ["time", "dayofyr"]:
        mark = "commas" if comma else "blanks"
        raise AgrofluxError(
            "no DayCent header", expected=f"column names with {mark} between them, time and dayofyr first",
            came=line.strip()[:60] if header is None else " ".join(header)[:60], where=path,
        )  # fmt: skip
    names = [name for name in header if name != "etc..."]
    if comma and names[-1] == "":
        # The line's last comma; in the header alone, its name is empty.
        names = names[:-1]
        rows = [(number, cells[:-1] if cells[-1] == "" else cells) for number, cells in rows]
    if not rows and may_be_bare:
        return TextTable(path, tuple(names), [], [])
    layered = path.name in _HEADLESS or "etc..." in header
    width = len(rows[0][1]) if layered and rows else len(names)
    if layered and width < max(len(names), 3):
        raise AgrofluxError("no values", expected="time, day and a value for each layer", came=width, where=path)
    return TextTable.parse(path, names, rows, width=width)
