"""What is in a submission, before anything is held against it: rows, ranges, the share of finite values."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.sequences import parts
from agroflux_data.shards import digest
from agroflux_data.variables import DAYS, OUTPUTS
from submission.file import blocks, metadata_of, open_file
from submission.metadata import Metadata
from submission.quantiles import columns, levels

__all__ = ["Description", "Range", "describe"]


@dataclass(frozen=True)
class Range:
    """The values of one target, or of one of its quantiles.

    Attributes
    ----------
    finite : float
        Share of the values that are neither NaN nor infinite, 0 to 1; NaN without rows.
    low, mean, high : float
        Of the finite values, in the unit of the variable; NaN without any.
    """

    finite: float
    low: float
    mean: float
    high: float


@dataclass(frozen=True)
class Description:
    """What is in a file.

    Attributes
    ----------
    path : Path
    size : int
        Bytes.
    sha256 : str
        Of the bytes: what a receipt must say.
    metadata : Metadata
    rows, sites, treatments : int
    years : tuple of int
        The first and the last; empty without rows.
    targets : dict of str to Range
        Quantiles of a target, as ``GPP_q05``, among them.
    """

    path: Path
    size: int
    sha256: str
    metadata: Metadata
    rows: int
    sites: int
    treatments: int
    years: tuple[int, ...]
    targets: dict[str, Range]

    def to_json(self) -> dict[str, Any]:
        """A JSON object; a number that is not defined is null."""
        targets = {
            name: {key: value if math.isfinite(value) else None for key, value in asdict(found).items()}
            for name, found in self.targets.items()
        }
        return asdict(self) | {
            "path": str(self.path), "metadata": self.metadata.to_json(), "years": list(self.years), "targets": targets,
        }  # fmt: skip


@dataclass
class _Tally:
    """The values of one target so far."""

    values: int = 0
    finite: int = 0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, block: NDArray[np.float32]) -> None:
        self.values += block.size
        there = block[np.isfinite(block)]
        if there.size:
            self.finite += there.size
            self.total += float(there.sum(dtype=np.float64))
            self.low = min(self.low, float(there.min()))
            self.high = max(self.high, float(there.max()))

    def range(self) -> Range:
        if not self.finite:
            return Range(0.0 if self.values else math.nan, math.nan, math.nan, math.nan)
        return Range(self.finite / self.values, self.low, self.total / self.finite, self.high)


def describe(path: str | Path) -> Description:
    """Look into a file; whether it can be scored is for `validate` to say.

    Parameters
    ----------
    path : str or Path
        A file with the columns of a submission, some rows of which are in memory at a time.

    Raises
    ------
    AgrofluxError
        There is no such file, it is no Parquet, or its metadata or columns are not those of a submission.
    """
    path = Path(path)
    with open_file(path) as file:
        metadata = metadata_of(file)
        names = _columns(file.schema_arrow, path)
    tallies = {name: _Tally() for name in names}
    quantiles = {target: columns(target, of) for target, of in levels(names).items()}
    targets = [name for name in names if not any(name in several for several in quantiles.values())]
    keys = [np.empty(0, np.int64)]
    try:
        # All columns at once would take too much memory.
        for several in (targets, *quantiles.values()):
            for sequence, block in blocks(path, several):
                if several is targets:
                    keys.append(sequence)
                for name, values in block.items():
                    tallies[name].add(values)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise AgrofluxError("damaged file", came=str(error).partition("\n")[0][:200], where=path) from None
    sites, treatments, years = parts(np.concatenate(keys))
    return Description(
        path,
        path.stat().st_size,
        digest(path),
        metadata,
        len(years),
        len(np.unique(sites)),
        len(np.unique(treatments)),
        (int(years.min()), int(years.max())) if len(years) else (),
        {name: tally.range() for name, tally in tallies.items()},
    )


def _columns(schema: pa.Schema, path: Path) -> list[str]:
    """The names of targets and quantiles, if all columns are those of a submission."""
    allowed = [*OUTPUTS, *(name for target in OUTPUTS for name in columns(target, range(1, 100)))]
    right = {"sequence": pa.int64()} | dict.fromkeys(allowed, pa.list_(pa.float32(), DAYS))
    for field in schema:
        wanted = right.pop(field.name, None)
        if wanted is None or not field.type.equals(wanted):
            raise AgrofluxError(
                "not the columns of a submission; agroflux-submit validate says more",
                expected="sequence, targets and quantiles of 365 float32 values, each once",
                came=f"{field.name[:60]} {str(field.type)[:80]}", where=path,
            )  # fmt: skip
    if "sequence" in right:
        raise AgrofluxError("no sequence column; agroflux-submit validate says more", where=path)
    return [name for name in schema.names if name != "sequence"]
