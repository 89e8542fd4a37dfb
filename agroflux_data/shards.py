"""A shard: one Parquet file of sequences, written small and read fast.

Neighbouring float32 values share their high bytes, so splitting the byte planes (BYTE_STREAM_SPLIT) before zstd
compresses them far better than the dictionaries that writers use by default. Columns that are mostly one value keep
the dictionary. A row group holds whole sites, so that a filter on ``site`` skips the rest.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from agroflux_data.errors import AgrofluxError
from agroflux_data.sequences import KEYS
from agroflux_data.variables import STATICS, VARIABLES

__all__ = ["ROW_GROUP", "Shard", "open_shard", "read", "read_group", "row_group", "row_groups", "table", "write"]

ROW_GROUP = 256
"""Rows of a row group, about: it ends with a site. Half the reading speed is lost at 20 rows."""

_FEW_VALUES = ("FERTZR_N", "PDOY", "PLANTT", "YIELD", "DSOC", "public", *STATICS, *KEYS)
_ZSTD_LEVEL = 3


@dataclass(frozen=True)
class Shard:
    """What a release says of one of its files.

    Attributes
    ----------
    file : str
        Path relative to the release, with forward slashes.
    rows, bytes : int
    sha256 : str
        Hex digest of the file's bytes.
    """

    file: str
    rows: int
    bytes: int
    sha256: str


def row_groups(sites: Sequence[str]) -> list[tuple[int, int]]:
    """Bounds (start, stop) of the row groups for rows sorted by site: whole sites up to about `ROW_GROUP` rows.

    >>> row_groups(["a"] * 200 + ["b"] * 200 + ["c"] * 10)
    [(0, 200), (200, 410)]
    >>> row_groups(["a"] * 600)
    [(0, 300), (300, 600)]
    """
    names = np.asarray(sites)
    ends = [*(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist(), len(names)]
    groups: list[tuple[int, int]] = []
    start = 0
    for number, end in enumerate(ends):
        following = ends[number + 1] if number + 1 < len(ends) else None
        if following is not None and following - start <= ROW_GROUP:
            continue
        pieces = max(1, round((end - start) / ROW_GROUP))
        bounds = np.linspace(start, end, pieces + 1).astype(int).tolist()
        groups += [(low, high) for low, high in itertools.pairwise(bounds) if high > low]
        start = end
    return groups


def _with_units(schema: pa.Schema) -> pa.Schema:
    """The schema with each variable's unit and meaning in its field, for readers other than `datasets`."""
    for number, field in enumerate(schema):
        if variable := VARIABLES.get(field.name):
            note = {"unit": variable.unit, "description": variable.description}
            schema = schema.set(number, field.with_metadata(note))
    return schema


def write(rows: pa.Table, path: Path, file: str, sites: Sequence[str] | None = None) -> Shard:
    """Write rows to ``path`` and say what was written.

    The file appears whole or not at all: it is written under a temporary name and renamed.

    Parameters
    ----------
    rows : pyarrow.Table
        Sorted by site.
    path : Path
        The file to make; its folder is made if need be.
    file : str
        The name by which the release will know it.
    sites : sequence of str, optional
        The site of each row, where `rows` has no such column (targets).
    """
    rows = rows.cast(_with_units(rows.schema))
    leaves = {
        field.name: f"{field.name}.list.element" if pa.types.is_fixed_size_list(field.type) else field.name
        for field in rows.schema
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with pq.ParquetWriter(
            temporary,
            rows.schema,
            compression="zstd",
            compression_level=_ZSTD_LEVEL,
            write_page_checksum=True,
            use_dictionary=[leaf for name, leaf in leaves.items() if name in _FEW_VALUES],
            use_byte_stream_split=[leaf for name, leaf in leaves.items() if name not in _FEW_VALUES],
            write_statistics=["sequence", *(name for name in ("site", "year", "treatment") if name in leaves)],
        ) as writer:
            for start, stop in row_groups(rows["site"].to_pylist() if sites is None else sites):
                writer.write_table(rows.slice(start, stop - start).combine_chunks(), row_group_size=stop - start)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return Shard(file, rows.num_rows, path.stat().st_size, digest(path))


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def open_shard(path: Path) -> pq.ParquetFile:
    """The Parquet file, or an `AgrofluxError` that says why it cannot be read."""
    try:
        # Without its checksum a flipped bit in a page would be read as a number.
        return pq.ParquetFile(path, page_checksum_verification=True)
    except FileNotFoundError:
        raise AgrofluxError("missing shard", expected="a Parquet file", came="no file", where=path) from None
    except (pa.ArrowException, OSError) as error:
        size = path.stat().st_size
        raise AgrofluxError(
            "unreadable shard", expected="a whole Parquet file", came=f"{size} bytes: {error}", where=path
        ) from None


def read(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The row groups of a shard, one by one.

    Raises
    ------
    AgrofluxError
        The file is missing, truncated or no Parquet, or lacks one of `columns`.
    """
    shard = _with_columns(path, columns)
    for group in range(shard.num_row_groups):
        yield row_group(shard, group, columns, path)


def table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """All rows of a shard; raises as `read` does. For few columns ten times as fast as group by group."""
    shard = _with_columns(path, columns)
    try:
        return shard.read(columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError) as error:
        raise AgrofluxError("damaged shard", expected="readable columns", came=str(error), where=path) from None


def _with_columns(path: Path, columns: Sequence[str] | None) -> pq.ParquetFile:
    shard = open_shard(path)
    if columns is not None and (lacking := [name for name in columns if name not in shard.schema_arrow.names]):
        raise AgrofluxError(
            "missing columns in a shard", expected=", ".join(lacking), came=shard.schema_arrow.names, where=path
        )
    return shard


def read_group(path: Path, group: int, columns: Sequence[str]) -> pa.Table:
    """One row group of a shard; raises as `read` does."""
    return row_group(open_shard(path), group, columns, path)


def row_group(shard: pq.ParquetFile, group: int, columns: Sequence[str] | None, path: Path) -> pa.Table:
    """One row group of an open shard, whose path is for the message; raises as `read` does."""
    try:
        return shard.read_row_group(group, columns=None if columns is None else list(columns))
    except (pa.ArrowException, OSError) as error:
        raise AgrofluxError(
            "damaged shard", expected="readable row groups", came=f"row group {group}: {error}", where=path
        ) from None
