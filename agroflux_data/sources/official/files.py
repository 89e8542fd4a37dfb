"""The files of the AgroFlux release's layout: found, mapped into memory and checked, never unpickled."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sources.official.layout import INDEX, LAYOUTS, SCALERS, TREATMENTS, Layout, Panel, Scaler
from agroflux_data.sources.source import Site
from agroflux_data.splits import YEARS
from agroflux_data.variables import DAYS

__all__ = ["SourceIndex", "index_json", "layouts", "mapped", "panels", "read_index", "read_scalers"]

_FORMAT = 1


@dataclass(frozen=True)
class SourceIndex:
    """What an exported folder says of one source.

    Attributes
    ----------
    origin : str
        Who made the numbers.
    panels : tuple of Panel
    """

    origin: str
    panels: tuple[Panel, ...]


def mapped(folder: Path, path: str) -> NDArray[np.floating]:
    """An array mapped into memory, read only; raises `AgrofluxError` for anything but an array of numbers."""
    where = folder / path
    try:
        array = np.load(where, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise AgrofluxError("no such file", expected="an array", where=where) from None
    except Exception as error:  # numpy reads a header with Python's own tokenizer: what is none raises nearly anything
        came = "0 bytes" if where.is_file() and not where.stat().st_size else str(error).split("\n", 1)[0]
        raise AgrofluxError(
            "no readable array", expected="a .npy file of numbers, not pickled", came=came, where=where
        ) from None
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        came = f"type {array.dtype}" if isinstance(array, np.ndarray) else "an archive"
        raise AgrofluxError("no array of numbers", expected="a .npy file of float32 or float64", came=came, where=where)
    return array


def layouts(folder: Path) -> tuple[Layout, ...]:
    """The layouts of the sources that a folder has; raises `AgrofluxError` where it has none."""
    found = tuple(layout for layout in LAYOUTS.values() if (folder / layout.folder).is_dir())
    if not found:
        inside = listing(sorted(path.name for path in folder.iterdir())) if folder.is_dir() else "no folder"
        raise AgrofluxError(
            "no AgroFlux release", expected="a folder with " + ", ".join(one.folder for one in LAYOUTS.values()),
            came=inside or "an empty folder", where=folder,
        )  # fmt: skip
    return found


def read_scalers(folder: Path) -> dict[str, Scaler]:
    """The scaler of each column by its name in the AgroFlux release.

    Raises
    ------
    AgrofluxError
        A file is missing, of another shape, or holds no mean and positive standard deviation; or Reco and N2O_FLUX
        are not negative on average, so that other signs than the release's were stored.
    """
    scalers: dict[str, Scaler] = {}
    for path, names in SCALERS.items():
        numbers, where = mapped(folder, path), folder / path
        if numbers.shape != (len(names), 2):
            raise AgrofluxError(
                "wrong shape", expected=f"{(len(names), 2)}, mean and standard deviation of {', '.join(names)}",
                came=numbers.shape, where=where,
            )  # fmt: skip
        for name, (mean, sd) in zip(names, numbers.astype(np.float64).tolist(), strict=True):
            if not (np.isfinite(mean) and np.isfinite(sd) and sd > 0):
                raise AgrofluxError(
                    f"no scaler of {name}", expected="a finite mean and a positive standard deviation",
                    came=f"{mean:g}, {sd:g}", where=where,
                )  # fmt: skip
            scalers[name] = Scaler(mean, sd)
        for name in ("Reco", "N2O_FLUX"):
            if name in names and scalers[name].mean > 0:
                raise AgrofluxError(
                    f"{name} of the other sign", expected="a negative mean, as the release stores losses",
                    came=scalers[name].mean, where=where,
                )  # fmt: skip
    return scalers


def panels(folder: Path, layout: Layout, index: SourceIndex | None) -> tuple[Panel, ...]:
    """What the arrays of a source hold, every shape checked.

    Without an index, sites and treatments are numbered from 0, as in the files' names and along the axes, there are
    `TREATMENTS` of each simulated site, and the last year is that of the benchmark.

    Raises
    ------
    AgrofluxError
        A missing or unreadable file, a wrong shape, or an index that says otherwise than the arrays.
    """
    numbers = _numbers(folder, layout)
    lacking = [path for number in numbers for path, _ in layout.files(number) if not (folder / path).is_file()]
    if lacking:
        raise AgrofluxError(
            "missing files", expected="X and Y arrays of every site", came=listing(lacking), where=folder
        )
    if index is not None and [panel.number for panel in index.panels] != numbers:
        raise AgrofluxError(
            "another number of files than the index says", expected=f"{len(index.panels)} of {layout.inputs}",
            came=len(numbers), where=folder / INDEX,
        )  # fmt: skip
    found = []
    for place, number in enumerate(numbers):
        arrays = {path: (mapped(folder, path), len(columns)) for path, columns in layout.files(number)}
        inputs = layout.inputs.format(number=number)
        shape = arrays[inputs][0].shape
        panel = _guessed(layout, number, shape, folder / inputs) if index is None else index.panels[place]
        for path, (array, columns) in arrays.items():
            expected = layout.shape(panel, columns)
            # Observations may have columns that the release does not explain.
            more = layout.one_file_a_site and path != inputs and array.ndim == 3 and array.shape[2] > columns
            if array.shape != expected and not (more and array.shape[:2] == expected[:2]):
                raise AgrofluxError("wrong shape", expected=str(expected), came=array.shape, where=folder / path)
        found.append(panel)
    return tuple(found)


def _numbers(folder: Path, layout: Layout) -> list[int]:
    """The numbers in the names of a source's files: all from 0 to the highest."""
    if not layout.one_file_a_site:
        return [0]
    patterns = [
        re.compile(re.escape(path.rpartition("/")[2]).replace(re.escape("{number}"), r"(\d{1,4})"))
        for path in (layout.inputs, *layout.outputs)
    ]
    names = [path.name for path in (folder / layout.folder).iterdir()]
    matches = [match for name in names for pattern in patterns if (match := pattern.fullmatch(name))]
    return list(range(max((int(match[1]) for match in matches), default=0) + 1))


def _guessed(layout: Layout, number: int, shape: tuple[int, ...], where: Path) -> Panel:
    """The panel of an ``X`` array that no index explains."""
    years_side_by_side = layout.side_by_side == "years"
    if years_side_by_side:
        wanted, fits = f"({DAYS}, years, 11)", len(shape) == 3 and shape[0] == DAYS and shape[1] > 0
    else:
        series = "1" if layout.one_file_a_site else f"sites * {TREATMENTS}"
        wanted = f"(years * {DAYS}, {series}, 11)"
        fits = len(shape) == 3 and shape[0] > 0 and shape[0] % DAYS == 0 and shape[1] > 0
        fits = fits and (shape[1] == 1 if layout.one_file_a_site else shape[1] % TREATMENTS == 0)
    if not fits:
        raise AgrofluxError("wrong shape", expected=wanted, came=shape, where=where)
    count = shape[1] if years_side_by_side else shape[0] // DAYS
    last = YEARS[layout.source].last
    first_site, sites = (number, 1) if layout.one_file_a_site else (0, shape[1] // TREATMENTS)
    return Panel(
        number,
        tuple(Site(str(site), site, np.nan, np.nan) for site in range(first_site, first_site + sites)),
        (0,) if layout.one_file_a_site else tuple(range(TREATMENTS)),
        tuple(range(last + 1 - count, last + 1)),
    )


def index_json(revision: str, sources: Mapping[str, SourceIndex]) -> str:
    """The text of `INDEX`."""
    plain = {name: asdict(source) for name, source in sources.items()}
    for source in plain.values():
        for panel in source["panels"]:
            for site in panel["sites"]:
                site |= {name: None if np.isnan(site[name]) else site[name] for name in ("lat", "lon")}
    return json.dumps({"format": _FORMAT, "revision": revision, "sources": plain}, allow_nan=False) + "\n"


def read_index(folder: Path) -> dict[str, SourceIndex] | None:
    """What `INDEX` says of each source; None where there is none. Raises `AgrofluxError` for a damaged one."""
    where = folder / INDEX
    if not where.is_file():
        return None
    try:
        data = json.loads(where.read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise AgrofluxError("another format", expected=f"format {_FORMAT}", came=data["format"], where=where)
        return {
            name: SourceIndex(str(source["origin"]), tuple(_panel(panel) for panel in source["panels"]))
            for name, source in data["sources"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AgrofluxError("damaged index", expected="what export wrote", came=str(error), where=where) from None


def _panel(data: dict[str, Any]) -> Panel:
    sites = tuple(
        Site(str(site["name"]), int(site["number"]), *(_degrees(site[name]) for name in ("lat", "lon")))
        for site in data["sites"]
    )
    panel = Panel(
        int(data["number"]), sites, tuple(int(one) for one in data["treatments"]), tuple(int(y) for y in data["years"])
    )
    for numbers in ([site.number for site in sites], panel.treatments, panel.years):
        if not numbers or any(one >= other for one, other in pairwise(numbers)):
            raise ValueError("sites, treatments and years in rising order")
    if min(sites[0].number, panel.treatments[0]) < 0 or panel.treatments[-1] >= 100:
        raise ValueError("numbers that make no sequence")
    return panel


def _degrees(angle: float | None) -> float:
    return float("nan") if angle is None else float(angle)
