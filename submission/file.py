"""The file: one Parquet table for one task, with its metadata inside.

One row a sequence: ``sequence`` int64, and a ``fixed_size_list<float32>[365]`` column for each predicted target, in
physical units; and one for each of its quantiles, where it has any: ``GPP_q05``. The file's key-value metadata hold
under ``agroflux`` the JSON of a `Metadata`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import ArrayLike, NDArray

from agroflux_data.errors import AgrofluxError
from agroflux_data.sequences import daily_array, values
from agroflux_data.tasks import Task
from agroflux_data.variables import DAYS, OUTPUTS
from submission.codes import Fault, FaultyFileError
from submission.metadata import FORMAT, LARGEST, Metadata, parse
from submission.quantiles import LEAST_LEVELS, MOST_COLUMNS, MOST_LEVELS, column, levels, of_column

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = [
    "BLOCK",
    "KEY",
    "blocks",
    "convert_csv",
    "keys",
    "metadata_of",
    "open_file",
    "read",
    "read_metadata",
    "subnormal",
    "write",
]

KEY = b"agroflux"
"""Where the metadata stand in the file."""

BLOCK = 256
"""Rows that are in memory at a time when a file is read."""
_ROW_GROUP = 256
_MANY = 16
"""With so many quantiles row groups have twice the rows, or the footer of a large task would be too large to read."""
_MAGIC = b"PAR1"
_LARGEST_FOOTER = 4 << 20
"""Bytes: about 10,000 row groups of four columns."""
_MOST_COLUMNS = 1000
"""More than these are not looked at one by one."""


def write(predictions: Mapping[str, ArrayLike] | pd.DataFrame | Dataset, path: str | Path, metadata: Metadata) -> Path:
    """Write a submission; the file appears whole or not at all.

    Parameters
    ----------
    predictions : mapping of str to array, pandas.DataFrame or datasets.Dataset
        ``sequence`` (N,) and each predicted target (N, 365), in physical units; `subnormal` values become 0. Quantiles
        of a target beside it, under names such as ``GPP_q05``: 2 to 21 levels, 63 in all. A frame is either
        long (columns ``sequence``, ``day`` from 1 to 365, and one for each target; days that are not there become NaN)
        or has one row a sequence with arrays or lists of 365 numbers in the targets' columns.
    path : str or Path
    metadata : Metadata

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AgrofluxError
        A column that the task does not have, none at all, quantiles that a submission may not have, or arrays of
        another shape or type.
    """
    arrays = _arrays(predictions)
    task = Task.from_name(metadata.task)
    if "sequence" not in arrays:
        raise AgrofluxError("predictions without a sequence column", expected="sequence", came=", ".join(arrays))
    targets = [name for name in arrays if name != "sequence"]
    quantiles = levels(targets)
    if unknown := [
        name for name in targets if name not in task.targets and (of_column(name) or ("",))[0] not in task.targets
    ]:
        raise AgrofluxError(
            f"columns that {task.name} does not have",
            expected="some of " + ", ".join(task.targets) + f", and quantiles such as {column(task.targets[0], 5)}",
            came=", ".join(unknown),
        )  # fmt: skip
    for name, several in quantiles.items():
        if name not in arrays:
            raise AgrofluxError("quantiles of a target that is not predicted", expected=name, came=f"{name}_q..")
        if not LEAST_LEVELS <= len(several) <= MOST_LEVELS:
            raise AgrofluxError(
                f"quantiles of {name}", expected=f"{LEAST_LEVELS} to {MOST_LEVELS} levels", came=len(several)
            )
    if (count := sum(map(len, quantiles.values()))) > MOST_COLUMNS:
        raise AgrofluxError("too many quantiles", expected=f"at most {MOST_COLUMNS}", came=count)
    if not targets:
        raise AgrofluxError("predictions without a target", expected="some of " + ", ".join(task.targets))
    sequence = np.asarray(arrays["sequence"])
    if sequence.ndim != 1 or sequence.dtype.kind not in "iu":
        raise AgrofluxError(
            "bad sequence column", expected="whole numbers (N,)", came=f"{sequence.dtype} {sequence.shape}"
        )
    columns: dict[str, pa.Array] = {"sequence": pa.array(sequence.astype(np.int64))}
    for name in targets:
        columns[name] = daily_array(_daily(arrays[name], name, len(sequence)))
    table = pa.table(columns).replace_schema_metadata({KEY: metadata.to_bytes()})
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        pq.write_table(
            table,
            temporary,
            row_group_size=_ROW_GROUP * (1 + count // _MANY),
            compression="zstd",
            compression_level=3,
            use_dictionary=False,
            use_byte_stream_split=[f"{name}.list.element" for name in targets],
            write_statistics=["sequence"],
            write_page_checksum=True,
        )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _daily(given: ArrayLike, name: str, rows: int) -> NDArray[np.floating]:
    try:
        array = np.asarray(given)
        if array.dtype == object:  # a column of arrays or lists
            array = np.stack([np.asarray(row, np.float32) for row in array]) if len(array) else np.empty((0, DAYS))
    except (ValueError, TypeError) as error:
        raise AgrofluxError(f"bad values of {name}", expected=f"numbers ({rows}, {DAYS})", came=str(error)) from None
    if array.shape != (rows, DAYS) or array.dtype.kind not in "fiu":
        raise AgrofluxError(
            f"bad values of {name}", expected=f"numbers ({rows}, {DAYS})", came=f"{array.dtype} {array.shape}"
        )
    with np.errstate(over="ignore"):  # what overflows is infinite, and validation says so
        array = array.astype(np.float32)
    return np.where(subnormal(array), np.float32(0), array)


def subnormal(array: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a value is not 0 but smaller than any that float32 holds with full precision.

    Arithmetic with them is a hundred times slower, and no flux is meant by them. Told by their bits: exponent 0, and a
    mantissa.
    """
    return (array.view(np.uint32) & 0x7FFFFFFF) - np.uint32(1) < np.uint32(0x7FFFFF)


def _arrays(predictions: Any) -> dict[str, Any]:
    """Columns by name, whatever held them."""
    if isinstance(predictions, pd.DataFrame):
        columns = {str(name): predictions[name].to_numpy() for name in predictions.columns}
        return _from_long(columns) if "day" in columns else columns
    if isinstance(predictions, Mapping):
        return dict(predictions)
    try:
        table = predictions.with_format("arrow")[:]  # datasets.Dataset
        return {name: _of_column(table[name]) for name in table.column_names}
    except (AttributeError, TypeError):
        raise AgrofluxError(
            "predictions of an unknown kind", expected="a dict of arrays, a pandas.DataFrame or a datasets.Dataset",
            came=type(predictions).__name__,
        ) from None  # fmt: skip


def _of_column(column: pa.ChunkedArray) -> NDArray:
    kind = column.type
    if pa.types.is_fixed_size_list(kind) and not column.null_count:
        return column.combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, kind.list_size)
    return column.to_numpy()


def _from_long(columns: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """(sequence, day) rows to (N,) and (N, 365) arrays, sequences in the order of their first day."""
    if "sequence" not in columns:
        raise AgrofluxError("predictions without a sequence column", expected="sequence, day and targets")
    for name in ("sequence", "day"):
        if columns[name].dtype.kind not in "iu":
            raise AgrofluxError(f"bad {name} column", expected="whole numbers", came=str(columns[name].dtype))
    sequence, day = columns["sequence"], columns["day"]
    if (odd := (day < 1) | (day > DAYS)).any():
        raise AgrofluxError("days that a year does not have", expected=f"1 to {DAYS}", came=int(day[odd][0]))
    unique, first, inverse = np.unique(sequence, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    row = place[inverse]
    cell = row * DAYS + (day.astype(np.int64) - 1)
    if (twice := np.bincount(cell, minlength=len(unique) * DAYS) > 1).any():
        at = int(np.flatnonzero(twice)[0])
        raise AgrofluxError(
            "days given twice", expected="each day once",
            came=f"{int(twice.sum())} days, first: sequence {unique[order][at // DAYS]} day {at % DAYS + 1}",
        )  # fmt: skip
    arrays: dict[str, NDArray] = {"sequence": unique[order]}
    for name, numbers in columns.items():
        if name in ("sequence", "day"):
            continue
        if numbers.dtype.kind not in "fiu":
            raise AgrofluxError(f"bad values of {name}", expected="numbers", came=str(numbers.dtype))
        filled = np.full(len(unique) * DAYS, np.nan, np.float32)
        with np.errstate(over="ignore"):
            filled[cell] = numbers
        arrays[name] = filled.reshape(-1, DAYS)
    return arrays


def convert_csv(csv: str | Path, path: str | Path, metadata: Metadata) -> Path:
    """Convert a CSV file in long form: ``sequence``, ``day`` (1 to 365) and one column for each target or quantile.

    Parameters
    ----------
    csv : str or Path
    path : str or Path
        The Parquet file to write.
    metadata : Metadata

    Returns
    -------
    Path
        The file.

    Raises
    ------
    AgrofluxError
        Not such a file: the message names column and row.
    """
    task = Task.from_name(metadata.task)
    numbers = [*task.targets, *(column(name, level) for name in task.targets for level in range(1, 100))]
    types = {"sequence": pa.int64(), "day": pa.int64()} | dict.fromkeys(numbers, pa.float64())
    try:
        table = pyarrow.csv.read_csv(csv, convert_options=pyarrow.csv.ConvertOptions(column_types=types))
    except FileNotFoundError:
        raise AgrofluxError("no such file", expected="a CSV file", where=csv) from None
    except MemoryError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise AgrofluxError(
            "unreadable CSV", expected="columns sequence, day and targets", came=str(error), where=csv
        ) from None
    if lacking := [name for name in ("sequence", "day") if name not in table.column_names]:
        raise AgrofluxError(
            "missing columns", expected=", ".join(lacking), came=", ".join(table.column_names), where=csv
        )
    for name in ("sequence", "day"):
        if table[name].null_count:
            raise AgrofluxError(f"rows without {name}", expected="a number", came=table[name].null_count, where=csv)
    return write(_from_long({name: table[name].to_numpy() for name in table.column_names}), path, metadata)


def open_file(path: str | Path) -> pq.ParquetFile:
    """Open a file that may be anything, reading no more of it than a footer of sane size.

    Raises
    ------
    FaultyFileError
        AF001, AF006 or AF007.
    """
    path = Path(path)
    if path.exists() and not path.is_file():  # waiting for a pipe might never end
        raise AgrofluxError("unreadable file", expected="a file", came="a folder or a device", where=path)
    try:
        with path.open("rb") as handle:
            head = handle.read(512)
            size = handle.seek(0, os.SEEK_END)
            handle.seek(max(0, size - 8))
            tail = handle.read(8)
    except FileNotFoundError:
        raise AgrofluxError("no such file", expected="a submission", where=path) from None
    except OSError as error:
        raise AgrofluxError("unreadable file", expected="a submission", came=error.strerror, where=path) from None
    if not head.startswith(_MAGIC):
        raise FaultyFileError(Fault.of("AF001", _looks_like(head)), path)
    if size < 12 or not tail.endswith(_MAGIC):
        raise FaultyFileError(Fault.of("AF006", f"its end is missing ({size} bytes are there)"), path)
    footer = int.from_bytes(tail[:4], "little")
    if footer > _LARGEST_FOOTER:
        raise FaultyFileError(Fault.of("AF007", f"a footer of {footer} bytes, at most {_LARGEST_FOOTER}"), path)
    try:
        # Buffering ahead would hold the whole file.
        file = pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False)
        if (columns := file.metadata.num_columns) > _MOST_COLUMNS:
            most = 1 + len(OUTPUTS) + MOST_COLUMNS
            raise FaultyFileError(Fault.of("AF007", f"{columns} columns, at most {most}"), path)
        _ = file.schema_arrow.names  # a forged schema and names that are no text fail here
        return file
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        text = _first_line(error)
        code = "AF007" if "Exceeded size limit" in text else "AF006"
        raise FaultyFileError(Fault.of(code, text), path) from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _looks_like(head: bytes) -> str:
    """What a file that is no Parquet seems to be."""
    if not head:
        return "the file is empty"
    known = {
        b"PK\x03\x04": "a zip archive", b"\x93NUMPY": "a NumPy array", b"\x80": "a pickle", b"\x1f\x8b": "gzip",
        b"ARROW1": "an Arrow (Feather) file", b"\x89HDF": "HDF5", b"CDF": "netCDF", b"PARE": "encrypted Parquet",
    }  # fmt: skip
    for magic, kind in known.items():
        if head.startswith(magic):
            return f"it looks like {kind}"
    start = head.lstrip()[:200].lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "it looks like a web page"
    first = head.splitlines()[0]
    if b"sequence" in first and any(sign in first for sign in b",;\t"):
        return "it looks like CSV"
    return "it does not begin with PAR1"


def metadata_of(file: pq.ParquetFile) -> Metadata:
    """The metadata of an open file.

    Raises
    ------
    FaultyFileError
        AF002 or AF008.
    """
    text = (file.metadata.metadata or {}).get(KEY)
    if text is None:
        raise FaultyFileError(Fault.of("AF002", "none in the file; expected JSON under the key agroflux"))
    if len(text) > LARGEST:
        raise FaultyFileError(Fault.of("AF002", f"{len(text)} bytes, at most {LARGEST}"))
    try:
        data = parse(text)
        if isinstance(data, dict) and "format" in data and data["format"] != FORMAT:
            raise FaultyFileError(Fault.of("AF008", f"expected {FORMAT}, got {str(data['format'])[:40]!r}"))
        return Metadata.from_json(data)
    except FaultyFileError:
        raise
    except (AgrofluxError, ValueError) as error:
        raise FaultyFileError(Fault.of("AF002", _first_line(error))) from None


def read_metadata(path: str | Path) -> Metadata:
    """What a submission says of itself; safe for a file that may be anything.

    Raises
    ------
    AgrofluxError
        There is no such file, or it is no submission.
    """
    with open_file(path) as file:
        try:
            return metadata_of(file)
        except FaultyFileError as error:
            raise FaultyFileError(error.fault, path) from None


def keys(path: str | Path) -> NDArray[np.int64]:
    """The sequence numbers of a valid file, (rows,), without reading anything else."""
    with open_file(path) as file:
        return file.read(columns=["sequence"])["sequence"].to_numpy()


def blocks(
    path: str | Path, columns: Iterable[str]
) -> Iterator[tuple[NDArray[np.int64], dict[str, NDArray[np.float32]]]]:
    """The predictions of a valid file, some rows at a time: sequence numbers (rows,), and (rows, 365) by column."""
    wanted = list(columns)
    with open_file(path) as file:
        for block in file.iter_batches(BLOCK, columns=["sequence", *wanted]):
            yield block["sequence"].to_numpy(), {name: values(block[name]) for name in wanted}


def read(path: str | Path) -> dict[str, NDArray]:
    """The predictions of a valid file.

    Returns
    -------
    dict
        ``sequence`` int64 (N,) and each predicted target and quantile, float32 (N, 365), in physical units.
    """
    with open_file(path) as file:
        targets = [name for name in file.schema_arrow.names if name != "sequence"]
    several = list(blocks(path, targets))
    arrays = {"sequence": np.concatenate([keys for keys, _ in several]) if several else np.empty(0, np.int64)}
    for name in targets:
        arrays[name] = np.concatenate([block[name] for _, block in several]) if several else np.empty((0, DAYS), "f4")
    return arrays
