"""Files that nobody means well with, or that went wrong on their way: `CORPUS` builds each from a right one.

Each builder stands with the codes that validation must answer with, all of them.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq

from agroflux_data.sequences import daily_array
from agroflux_data.variables import DAYS
from submission import Metadata
from tests.submission import thrift
from tests.submission.thrift import BINARY, I32, I64, LIST, STRUCT, Struct, Value

Columns = dict[str, Any]
GIGA = 1 << 30


@dataclass(frozen=True)
class Right:
    """What a right file is made of: predictions that are within every range, and what the file says of itself."""

    arrays: dict[str, np.ndarray]
    metadata: Metadata

    @property
    def columns(self) -> Columns:
        return {name: pa.array(got) if name == "sequence" else daily_array(got) for name, got in self.arrays.items()}

    @property
    def rows(self) -> int:
        return len(self.arrays["sequence"])

    def file(self, columns: Columns | None = None, text: bytes | None = b"", **options: Any) -> bytes:
        """A Parquet file of the right columns, some of them changed; or without metadata, or with others."""
        return parquet(self.columns | (columns or {}), self.metadata.to_bytes() if text == b"" else text, **options)

    def says(self, **facts: Any) -> bytes:
        """A file whose metadata say something else."""
        return self.file(text=json.dumps(self.metadata.to_json() | facts).encode())

    def values(self, *those: float, name: str = "GPP") -> bytes:
        """A file with these among the values."""
        changed = self.arrays[name].copy()
        changed[1, : len(those)] = those
        return self.file({name: daily_array(changed)})

    def keys(self, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
        """A file with other keys."""
        return self.file({"sequence": pa.array(change(self.arrays["sequence"].copy()))})


Builder = Callable[[Right], bytes]


@dataclass(frozen=True)
class Hostile:
    """One file of the corpus."""

    name: str
    codes: tuple[str, ...]
    build: Builder


CORPUS: list[Hostile] = []


def hostile(*codes: str) -> Callable[[Builder], Builder]:
    """Enter a builder into the corpus under its name."""

    def enter(build: Builder) -> Builder:
        CORPUS.append(Hostile(build.__name__.replace("_", " ").strip(), codes, build))
        return build

    return enter


def several(codes: tuple[str, ...], **builders: Builder) -> None:
    """Enter builders that are one expression each."""
    CORPUS.extend(Hostile(name.replace("_", " "), codes, build) for name, build in builders.items())


def parquet(columns: Columns, text: bytes | None, **options: Any) -> bytes:
    table = pa.Table.from_arrays(list(columns.values()), names=list(columns))
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(None if text is None else {b"agroflux": text}), out, **options)
    return out.getvalue()


def forged(content: bytes, change: Callable[[Struct], None]) -> bytes:
    """A file with something changed in its footer."""
    size = int.from_bytes(content[-8:-4], "little")
    footer, _ = thrift.read(content[-8 - size : -8])
    change(footer)
    return ended(content[: -8 - size], footer)


def ended(body: bytes, footer: Struct) -> bytes:
    text = thrift.write(footer)
    return body + text + struct.pack("<I", len(text)) + b"PAR1"


def groups(footer: Struct) -> list[Struct]:
    return footer[4].content[1]


def chunk(group: Struct, column: int = -1) -> Struct:
    """The metadata of one column of a row group."""
    return group[1].content[1][column][3].content


def with_page(right: Right, header: Struct, data: bytes, codec: int = 0, values: int | None = None) -> bytes:
    """A right file whose last column is one page that was made by hand."""
    content = right.file({}, compression="none", use_dictionary=False, row_group_size=right.rows)
    page = thrift.write(header) + data

    def change(footer: Struct) -> None:
        last = chunk(groups(footer)[0])
        last[4] = Value(I32, codec)
        last[7] = Value(I64, len(page))
        last[9] = Value(I64, body)
        if values is not None:
            last[5] = Value(I64, values)
        for gone in (10, 11, 14, 15):
            last.pop(gone, None)

    body = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    made = forged(content, change)
    return made[:body] + page + made[body:]


def data_page(values: int, size: int, packed: int) -> Struct:
    """The header of a page of plain values, its levels run-length encoded."""
    of = {1: Value(I32, values), 2: Value(I32, 0), 3: Value(I32, 3), 4: Value(I32, 3)}
    return {1: Value(I32, 0), 2: Value(I32, size), 3: Value(I32, packed), 5: Value(STRUCT, of)}


# Not Parquet at all.


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a.parquet", b"PAR1")
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        file.addfile(tarfile.TarInfo("a.parquet"))
    return out.getvalue()


def saved(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def feather() -> bytes:
    out = io.BytesIO()
    pyarrow.feather.write_feather(pa.table({"sequence": [1]}), out)
    return out.getvalue()


class Shell:
    """Runs a command where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('unpickled')",)


several(
    ("AF001",),
    empty=lambda right: b"",
    one_byte=lambda right: b"P",
    a_line_feed=lambda right: b"\n",
    zeros=lambda right: bytes(100_000),
    a_zip=lambda right: zipped(),
    a_tar=lambda right: tarred(),
    a_pickle_that_runs_code=lambda right: pickle.dumps(Shell()),
    an_old_pickle=lambda right: pickle.dumps(Shell(), protocol=0),
    a_npy=lambda right: saved(right.arrays["GPP"]),
    a_npy_of_objects=lambda right: saved(np.array([Shell()], object)),
    gzipped=lambda right: gzip.compress(right.file()),
    a_gzip_bomb=lambda right: gzip.compress(bytes(30_000_000)),
    feather=lambda right: feather(),
    hdf5=lambda right: b"\x89HDF\r\n\x1a\n" + bytes(500),
    a_web_page=lambda right: b"<!DOCTYPE html><html><body>403 Forbidden</body></html>",
    a_web_page_after_a_mark=lambda right: b"\xef\xbb\xbf<html></html>",
    a_script=lambda right: b"#!/bin/sh\nexit 1\n",
    json_text=lambda right: b'{"sequence": [1]}',
    csv_text=lambda right: b"sequence,day,GPP\n1,1,2.0\n",
    csv_of_one_endless_line=lambda right: b"sequence,day,GPP," * 200_000,
    csv_with_NUL=lambda right: b"sequence,day,GPP\n\0,1,2\n",
    a_file_before_the_file=lambda right: b"\n" + right.file(),
    encrypted=lambda right: b"PARE" + right.file()[4:-4] + b"PARE",
)

# Parquet, but damaged.


def scratched(content: bytes) -> bytes:
    return content[:2000] + np.random.default_rng(0).bytes(500) + content[2500:]


several(
    ("AF006",),
    only_magic=lambda right: b"PAR1",
    magic_twice=lambda right: b"PAR1PAR1",
    no_footer_between_the_magic=lambda right: b"PAR1" + bytes(4) + b"PAR1",
    truncated=lambda right: right.file()[: len(right.file()) // 2],
    without_its_last_byte=lambda right: right.file()[:-1],
    only_the_footer=lambda right: b"PAR1" + right.file()[-8 - int.from_bytes(right.file()[-8:-4], "little") :],
    a_footer_longer_than_the_file=lambda right: right.file()[:-8] + struct.pack("<I", 1_000_000) + b"PAR1",
    a_footer_of_zeros=lambda right: b"PAR1" + bytes(1000) + struct.pack("<I", 1000) + b"PAR1",
    a_footer_of_structs_in_structs=lambda right: b"PAR1" + b"\x1c" * 1_000_000 + struct.pack("<I", 1_000_000) + b"PAR1",
    a_footer_of_lists_in_lists=lambda right: b"PAR1" + b"\x19" * 1_000_000 + struct.pack("<I", 1_000_000) + b"PAR1",
    an_encrypted_end=lambda right: right.file()[:-4] + b"PARE",
    values_of_noise=lambda right: scratched(right.file(write_page_checksum=True)),
)


@hostile("AF006")
def a_column_name_that_is_no_text(right: Right) -> bytes:
    content = right.file({"ABCDEFGH": pa.array(right.arrays["sequence"])}, store_schema=False)
    return content.replace(b"ABCDEFGH", b"ABC\xff\xfeFGH")


@hostile("AF006")
def a_stored_schema_of_noise(right: Right) -> bytes:
    def change(footer: Struct) -> None:
        for pair in footer[5].content[1]:
            if pair[1].content == b"ARROW:schema":
                pair[2] = Value(BINARY, b"A" * 1000)

    return forged(right.file(), change)


@hostile("AF006")
def columns_in_another_file(right: Right) -> bytes:
    def change(footer: Struct) -> None:
        for column in groups(footer)[0][1].content[1]:
            column[1] = Value(BINARY, b"/etc/passwd")

    return forged(right.file(), change)


@hostile("AF006")
def pages_outside_the_file(right: Right) -> bytes:
    def change(footer: Struct) -> None:
        chunk(groups(footer)[0])[9] = Value(I64, 1 << 40)

    return forged(right.file(use_dictionary=False), change)


@hostile("AF006")
def pages_before_the_file(right: Right) -> bytes:
    def change(footer: Struct) -> None:
        chunk(groups(footer)[0])[9] = Value(I64, -5)

    return forged(right.file(use_dictionary=False), change)


@hostile("AF006")
def a_codec_that_there_is_not(right: Right) -> bytes:
    def change(footer: Struct) -> None:
        chunk(groups(footer)[0])[4] = Value(I32, 99)

    return forged(right.file(), change)


@hostile("AF006")
def a_schema_nested_without_end(right: Right) -> bytes:
    def change(footer: Struct) -> None:
        root = footer[2].content[1][0]
        root[5] = Value(I32, 1)
        level = {3: Value(I32, 1), 4: Value(BINARY, b"n"), 5: Value(I32, 1)}
        footer[2] = Value(LIST, (STRUCT, [root, *[level] * 200_000]))
        footer[4] = Value(LIST, (STRUCT, []))

    return forged(right.file(store_schema=False), change)


@hostile("AF006")
def a_schema_of_negative_children(right: Right) -> bytes:
    def change(footer: Struct) -> None:
        footer[2].content[1][0][5] = Value(I32, -1)

    return forged(right.file(store_schema=False), change)


# Small files that decode to much.


@hostile("AF007", "AF204")
def a_hundred_million_rows_of_one_value(right: Right) -> bytes:
    """Few hundred bytes for each million: run lengths of a dictionary of one."""
    size = 3_000_000
    zeros = pa.array(np.zeros(size, np.int64))
    content = parquet({"sequence": zeros}, right.metadata.to_bytes(), compression="zstd")

    def change(footer: Struct) -> None:
        footer[3] = Value(I64, 100_000_000)
        group = groups(footer)[0]
        footer[4] = Value(LIST, (STRUCT, [group] * 34))

    return forged(content, change)


@hostile("AF007")
def nulls_without_end(right: Right) -> bytes:
    """A run of 2 ** 28 definition levels is seven bytes long."""
    run = thrift.varint(1 << 29) + b"\0"
    levels = struct.pack("<I", len(run)) + run
    return with_page(right, data_page(1 << 28, 2 * len(levels), 2 * len(levels)), 2 * levels, values=1 << 28)


@hostile("AF304")
def nulls_without_end_that_the_footer_hides(right: Right) -> bytes:
    run = thrift.varint(1 << 29) + b"\0"
    levels = struct.pack("<I", len(run)) + run
    return with_page(right, data_page(1 << 28, 2 * len(levels), 2 * len(levels)), 2 * levels)


@hostile("AF009")
def a_page_of_two_gigabytes_in_fifty_bytes(right: Right) -> bytes:
    data = pa.compress(bytes(100), "zstd", asbytes=True)
    return with_page(right, data_page(right.rows * DAYS, 2**31 - 1, len(data)), data, codec=6)


_PIECE = bytes(1 << 20)
_PIECES = 800
"""Megabytes that a bomb holds: far more than the limit, as stacks of threads of the parent may leave a child more."""


def repeated(first: bytes, piece: bytes, count: int) -> bytes:
    """Gzip of a piece that stands there many times, in the time that one of them takes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(first) + packer.flush(zlib.Z_FULL_FLUSH)
    once = packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
    total = zlib.crc32(first)
    for _ in range(count):
        total = zlib.crc32(piece, total)
    size = (len(first) + count * len(piece)) & 0xFFFFFFFF
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + head + once * count + packer.flush() + struct.pack("<II", total, size)


def compressed(right: Right, data: bytes, codec: int) -> bytes:
    return with_page(right, data_page(right.rows * DAYS, _PIECES * len(_PIECE), len(data)), data, codec)


several(
    ("AF009",),
    a_zstd_bomb=lambda right: compressed(right, pa.compress(_PIECE, "zstd", asbytes=True) * _PIECES, 6),
    a_gzip_page_bomb=lambda right: compressed(right, repeated(b"", _PIECE, _PIECES), 2),
    a_brotli_bomb=lambda right: compressed(right, pa.Codec("brotli", 1).compress(_PIECE * _PIECES, asbytes=True), 4),
)


@hostile("AF007")
def bytes_that_no_value_needs(right: Right) -> bytes:
    def change(footer: Struct) -> None:
        chunk(groups(footer)[0])[6] = Value(I64, 4 * GIGA)

    return forged(right.file(), change)


@hostile("AF007")
def long_lists_that_the_schema_denies(right: Right) -> bytes:
    long = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(right.rows * 40_000, np.float32)), 40_000)
    text = parquet(right.columns, right.metadata.to_bytes())
    schema = pq.ParquetFile(io.BytesIO(text)).metadata.metadata[b"ARROW:schema"]
    content = right.file({"N2O": long})
    return content.replace(pq.ParquetFile(io.BytesIO(content)).metadata.metadata[b"ARROW:schema"], schema)


@hostile("AF007")
def a_metadata_block_of_100_MB(right: Right) -> bytes:
    def change(footer: Struct) -> None:
        footer[5] = Value(LIST, (STRUCT, [{1: Value(BINARY, b"agroflux"), 2: Value(BINARY, b"x" * 100_000_000)}]))

    return forged(right.file(), change)


@hostile("AF007")
def a_footer_with_an_endless_list(right: Right) -> bytes:
    return b"PAR1\x15\x04\x19\xfc\xff\xff\xff\xff\x07" + struct.pack("<I", 9) + b"PAR1"


@hostile("AF007")
def a_footer_that_says_2_GB(right: Right) -> bytes:
    return right.file()[:-8] + struct.pack("<I", 2_000_000_000) + b"PAR1"


@hostile("AF002")
def metadata_of_a_megabyte(right: Right) -> bytes:
    return right.says(description="x" * 1_000_000)


def named(right: Right, count: int) -> bytes:
    """A footer with that many columns, and no rows."""
    element = {1: Value(I32, 2), 3: Value(I32, 1), 4: Value(BINARY, b"c")}

    def change(footer: Struct) -> None:
        root = footer[2].content[1][0]
        root[5] = Value(I32, count)
        footer[2] = Value(LIST, (STRUCT, [root, *[element] * count]))
        footer[4] = Value(LIST, (STRUCT, []))
        footer[3] = Value(I64, 0)
        footer.pop(7, None)

    return forged(right.file(store_schema=False), change)


several(
    ("AF007",),
    a_hundred_thousand_columns=lambda right: named(right, 100_000),
    a_million_seeds=lambda right: right.says(seeds=[1] * 1_000_000),
)


@hostile("AF007")
def a_million_columns(right: Right) -> bytes:
    element = {1: Value(I32, 2), 3: Value(I32, 1), 4: Value(BINARY, b"a longer name of a column")}

    def change(footer: Struct) -> None:
        footer[2] = Value(LIST, (STRUCT, [footer[2].content[1][0], *[element] * 1_000_000]))

    return forged(right.file(store_schema=False), change)


@hostile("AF007")
def two_thousand_columns(right: Right) -> bytes:
    return right.file({f"c{number}": pa.array(np.zeros(right.rows)) for number in range(2000)})


@hostile("AF006")
def row_groups_without_number(right: Right) -> bytes:
    def change(footer: Struct) -> None:
        empty = {1: Value(LIST, (STRUCT, [])), 2: Value(I64, 0), 3: Value(I64, 0)}
        footer[4] = Value(LIST, (STRUCT, [*groups(footer), *[empty] * 400_000]))

    return forged(right.file(), change)


# Footers that lie about rows.


def counted(right: Right, footer_rows: int | None, group_rows: int | None, values: int | None = None) -> bytes:
    def change(footer: Struct) -> None:
        if footer_rows is not None:
            footer[3] = Value(I64, footer_rows)
        if group_rows is not None:
            groups(footer)[0][3] = Value(I64, group_rows)
        if values is not None:
            chunk(groups(footer)[0], 0)[5] = Value(I64, values)

    return forged(right.file(), change)


several(
    ("AF007",),
    rows_without_end=lambda right: counted(right, 1 << 62, None),
    rows_without_end_in_the_group_too=lambda right: counted(right, 1 << 62, 1 << 62),
    many_keys_for_few_rows=lambda right: counted(right, None, None, 1 << 40),
)
several(
    ("AF006",),
    more_rows_in_the_footer_than_in_the_groups=lambda right: counted(right, right.rows + 1, None),
    fewer_rows_in_the_footer_than_in_the_groups=lambda right: counted(right, right.rows - 1, None),
    rows_below_zero=lambda right: counted(right, -1, None),
    rows_below_zero_in_both=lambda right: counted(right, -1, -1),
    more_rows_than_there_are=lambda right: counted(right, right.rows + 5, right.rows + 5),
    fewer_values_than_rows=lambda right: counted(right, None, None, right.rows - 2),
    values_below_zero=lambda right: counted(right, None, None, -1),
)

# Columns of other types.


def nested(right: Right) -> pa.Array:
    return pa.StructArray.from_arrays([right.columns["GPP"]], ["x"])


def lists(right: Right, kind: pa.DataType) -> pa.Array:
    return pa.array(right.arrays["GPP"].tolist()).cast(kind)


def fixed(right: Right, values: pa.Array, length: int = DAYS) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(values, length)


def flat(right: Right) -> np.ndarray:
    return right.arrays["GPP"].ravel()


class Opaque(pa.ExtensionType):
    def __init__(self) -> None:
        super().__init__(pa.list_(pa.float32(), DAYS), "tests.opaque")

    def __arrow_ext_serialize__(self) -> bytes:
        return b"cos\nsystem\n"

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, serialized: bytes) -> Opaque:
        return cls()


several(
    ("AF201",),
    **{
        f"targets {kind}": lambda right, make=make: right.file({"GPP": make(right)})
        for kind, make in {
            "as doubles": lambda right: fixed(right, pa.array(flat(right), pa.float64())),
            "as half floats": lambda right: fixed(right, pa.array(flat(right).astype(np.float16))),
            "as whole numbers": lambda right: fixed(right, pa.array(flat(right).astype(np.int32))),
            "as decimals": lambda right: fixed(right, pa.array(flat(right)).cast(pa.decimal128(20, 6))),
            "as text": lambda right: pa.array(["1.0"] * right.rows),
            "as lists of text": lambda right: fixed(right, pa.array(["1.0"] * flat(right).size)),
            "as pickles": lambda right: pa.array([pickle.dumps(Shell())] * right.rows, pa.binary()),
            "as true and false": lambda right: fixed(right, pa.array(flat(right) > 0)),
            "as dates": lambda right: pa.array(np.arange(right.rows), pa.timestamp("us")),
            "as lists of any length": lambda right: lists(right, pa.list_(pa.float32())),
            "as large lists": lambda right: lists(right, pa.large_list(pa.float32())),
            "as lists of lists": lambda right: fixed(right, fixed(right, pa.array(flat(right)), 1)),
            "in a struct": nested,
            "in a map": lambda right: pa.array([[("x", 1.0)]] * right.rows, pa.map_(pa.string(), pa.float32())),
            "in a dictionary": lambda right: pa.array(["a"] * right.rows).dictionary_encode(),
            "of an own type": lambda right: pa.ExtensionArray.from_storage(Opaque(), right.columns["GPP"]),
            "as nothing": lambda right: pa.nulls(right.rows),
            "of one value": lambda right: pa.array(np.ones(right.rows, np.float32)),
        }.items()
    },
    **{
        f"keys {kind}": lambda right, make=make: right.file({"sequence": make(right.arrays["sequence"])})
        for kind, make in {
            "as text": lambda keys: pa.array([str(key) for key in keys]),
            "as doubles": lambda keys: pa.array(keys.astype(float)),
            "as int32": lambda keys: pa.array(keys.astype(np.int32)),
            "as uint64": lambda keys: pa.array(keys.astype(np.uint64)),
            "in lists": lambda keys: pa.array([[key] for key in keys]),
        }.items()
    },
)
several(
    ("AF202",),
    lists_of_364=lambda right: right.file({"GPP": fixed(right, pa.array(right.arrays["GPP"][:, :364].ravel()), 364)}),
    lists_of_366=lambda right: right.file(
        {"GPP": fixed(right, pa.array(np.pad(right.arrays["GPP"], ((0, 0), (0, 1))).ravel()), 366)}
    ),
    lists_of_none=lambda right: right.file({"GPP": pa.array([[]] * right.rows, pa.list_(pa.float32(), 0))}),
)
several(
    ("AF203",),
    a_column_too_many=lambda right: right.file({"SMILES": pa.array(["C"] * right.rows)}),
    a_column_named_in_markup=lambda right: right.file({"<img src=x onerror=alert(1)>": right.columns["GPP"]}),
    a_column_named_in_control_characters=lambda right: right.file({"GPP\x1b[2J\x07": right.columns["GPP"]}),
    a_column_named_backwards=lambda right: right.file({"\u202eOPG": right.columns["GPP"]}),
    a_column_with_a_look_alike_name=lambda right: right.file({"\u0405equence": right.columns["GPP"]}),
    a_column_without_a_name=lambda right: right.file({"": right.columns["GPP"]}),
    a_column_with_NUL=lambda right: right.file({"GPP\0": right.columns["GPP"]}),
    a_column_with_a_name_of_a_megabyte=lambda right: right.file({"x" * 1_000_000: right.columns["GPP"]}),
    an_index_of_pandas=lambda right: right.file({"__index_level_0__": right.columns["sequence"]}),
)


@hostile("AF104")
def without_keys(right: Right) -> bytes:
    return parquet({"GPP": right.columns["GPP"]}, right.metadata.to_bytes())


@hostile("AF204")
def without_targets(right: Right) -> bytes:
    return parquet({"sequence": right.columns["sequence"]}, right.metadata.to_bytes())


@hostile("AF104", "AF204")
def without_columns(right: Right) -> bytes:
    return parquet({}, right.metadata.to_bytes())


# Quantiles.


def quantiles(right: Right, *names: str, offset: float = 0.0) -> bytes:
    """A file with these columns, each as high above the one before it; below it, if the offset is."""
    values = right.arrays["GPP"] * 0.1
    return right.file({name: daily_array(values + offset * number) for number, name in enumerate(names)})


several(
    ("AF203",),
    a_quantile_of_one_digit=lambda right: quantiles(right, "GPP_q5", "GPP_q05", "GPP_q95"),
    a_quantile_of_hundred_percent=lambda right: quantiles(right, "GPP_q05", "GPP_q95", "GPP_q100"),
    a_quantile_of_nothing=lambda right: quantiles(right, "_q05", "_q95"),
    a_quantile_of_the_key=lambda right: quantiles(right, "sequence_q05", "sequence_q95"),
    a_quantile_of_a_quantile=lambda right: quantiles(right, "GPP_q05", "GPP_q95", "GPP_q05_q50", "GPP_q05_q95"),
    a_quantile_in_other_digits=lambda right: quantiles(right, "GPP_q٠٥", "GPP_q٩٥"),
)
several(
    ("AF007",),
    two_thousand_quantiles=lambda right: right.file(
        {f"GPP_q{number:04d}": pa.array(np.zeros(right.rows)) for number in range(2000)}
    ),
)
several(
    ("AF007", "AF207", "AF207"),
    two_hundred_quantiles=lambda right: quantiles(
        right, *(f"{of}_q{n:02d}" for of in ("GPP", "NEE") for n in range(1, 100))
    ),
)
several(("AF206",), quantiles_of_what_is_not_there=lambda right: quantiles(right, "RECO_q05", "RECO_q95"))
several(("AF207",), one_quantile=lambda right: quantiles(right, "GPP_q50"))
several(("AF306",), quantiles_upside_down=lambda right: quantiles(right, "GPP_q05", "GPP_q50", "GPP_q95", offset=-0.1))


@hostile("AF301", "AF306")
def a_median_that_is_no_number(right: Right) -> bytes:
    """Whatever stands beside it, the others may cross."""
    values = right.arrays["GPP"] * 0.1
    middle = np.full_like(values, np.nan)
    below = {"GPP_q05": values, "GPP_q50": middle, "GPP_q55": values, "GPP_q95": values - np.float32(0.5)}
    return right.file({name: daily_array(column) for name, column in below.items()})


@hostile("AF205")
def a_quantile_twice(right: Right) -> bytes:
    columns = right.columns
    names = [*columns, "GPP_q05", "GPP_q05", "GPP_q95"]
    return listed([*columns.values(), *[columns["GPP"]] * 3], names, right)


def listed(columns: list[Any], names: list[str], right: Right) -> bytes:
    out = io.BytesIO()
    table = pa.Table.from_arrays(columns, names=names)
    pq.write_table(table.replace_schema_metadata({b"agroflux": right.metadata.to_bytes()}), out)
    return out.getvalue()


@hostile("AF205")
def a_target_twice(right: Right) -> bytes:
    table = pa.Table.from_arrays([*right.columns.values(), right.columns["GPP"]], names=[*right.columns, "GPP"])
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({b"agroflux": right.metadata.to_bytes()}), out)
    return out.getvalue()


@hostile("AF205")
def keys_twice(right: Right) -> bytes:
    columns = right.columns
    table = pa.Table.from_arrays([columns["sequence"], *columns.values()], names=["sequence", *columns])
    out = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({b"agroflux": right.metadata.to_bytes()}), out)
    return out.getvalue()


# Values.

several(
    ("AF301",),
    nan=lambda right: right.values(np.nan),
    nan_with_a_message=lambda right: right.values(np.frombuffer(b"\x01\x00\xc0\x7f", np.float32)[0]),
)
several(("AF302",), infinite=lambda right: right.values(np.inf), infinite_below=lambda right: right.values(-np.inf))
several(
    ("AF303",),
    the_largest_number=lambda right: right.values(np.finfo(np.float32).max),
    too_much=lambda right: right.values(51),
    too_little=lambda right: right.values(-1, name="N2O"),
)
several(
    ("AF305",),
    subnormal=lambda right: right.values(1e-40),
    subnormal_below_zero=lambda right: right.values(-1e-40),
    the_smallest_number=lambda right: right.values(1e-45),
)


@hostile("AF301", "AF302", "AF303", "AF305")
def all_kinds_of_values(right: Right) -> bytes:
    return right.values(np.nan, np.inf, 1e30, 1e-40)


@hostile("AF304")
def nulls_in_lists(right: Right) -> bytes:
    return right.file({"GPP": fixed(right, pa.array(flat(right), mask=np.arange(flat(right).size) == 7))})


@hostile("AF304")
def lists_that_are_null(right: Right) -> bytes:
    return right.file({"GPP": pa.array([None, *right.arrays["GPP"].tolist()[1:]], pa.list_(pa.float32(), DAYS))})


@hostile("AF101", "AF304")
def keys_that_are_null(right: Right) -> bytes:
    return right.file({"sequence": pa.array(right.arrays["sequence"], mask=np.arange(right.rows) == 1)})


# Rows.


def put(at: int, value: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(keys: np.ndarray) -> np.ndarray:
        keys[at] = value
        return keys

    return change


several(
    ("AF101", "AF102"),
    a_key_below_zero=lambda right: right.keys(put(0, -1)),
    the_largest_key=lambda right: right.keys(put(0, 2**63 - 1)),
    the_smallest_key=lambda right: right.keys(put(0, -(2**63))),
    another_year=lambda right: right.keys(lambda keys: keys + 50),
    keys_by_position=lambda right: right.keys(lambda keys: np.arange(len(keys))),
)
several(("AF101", "AF103"), one_key_for_all=lambda right: right.keys(lambda keys: np.full_like(keys, keys[0])))


def again(right: Right, offset: float) -> bytes:
    more = {name: np.concatenate([got, got[:1]]) for name, got in right.arrays.items()}
    more["GPP"][-1] += offset
    return parquet(Right(more, right.metadata).columns, right.metadata.to_bytes())


several(
    ("AF103",),
    a_row_twice=lambda right: again(right, 0.0),
    a_row_twice_that_differs=lambda right: again(right, 0.5),
)


@hostile("AF101")
def without_rows(right: Right) -> bytes:
    none = {name: got[:0] for name, got in right.arrays.items()}
    return parquet(Right(none, right.metadata).columns, right.metadata.to_bytes())


# What the file says of itself.

several(
    ("AF002",),
    no_metadata=lambda right: right.file(text=None),
    **{
        f"metadata {name}": lambda right, text=text: right.file(text=text)
        for name, text in {
            "cut off": b"{",
            "as a list": b"[]",
            "as a number": b"1",
            "as null": b"null",
            "without a model": b'{"task": "ecosys_temporal", "revision": "x"}',
            "of invalid UTF-8": b'{"task": "\xff\xfe"}',
            "in UTF-16": '{"task": "x"}'.encode("utf-16"),
            "nested without end": b"[" * 60_000,
            "with objects nested without end": b'{"a":' * 12_000,
            "of a number of 60,000 digits": b"9" * 60_000,
            "of a number of 4,000 digits": b'{"task":"t","revision":"r","model":"m","parameters":' + b"9" * 4000 + b"}",
            "with NUL": b'{"task": "\0"}',
        }.items()
    },
    metadata_after_a_byte_order_mark=lambda right: right.file(text=b"\xef\xbb\xbf" + right.metadata.to_bytes()),
    metadata_with_a_key_twice=lambda right: right.file(text=right.metadata.to_bytes()[:-1] + b', "model": "another"}'),
    **{
        f"{field} {name}": lambda right, field=field, value=value: right.says(**{field: value})
        for field, values in {
            "model": {
                "with an escape": "a\x1b[2J", "in two lines": "a\nb", "backwards": "a\u202eb", "unseen": "a\u200bb",
                "with a line separator": "a\u2028b", "empty": "", "blank": "  ", "too long": "x" * 300,
                "of half a character": "\ud800", "as a list": ["m"], "as nothing": None,
            },
            "authors": {"by the million": ["a"] * 10_000, "as text": "ann", "nested": [["ann"]]},
            "links": {
                "that run code": ["javascript:alert(1)"], "to a file": ["file:///etc/passwd"],
                "with data": ["data:text/html,x"], "with markup": ['https://x"><script>'],
                "with space": ["https://a b"],
                "that hide javascript": ["\x01javascript:alert(1)"],
            },
            "seeds": {
                "by the million": [1] * 20_000, "as a string": "1", "of half": [0.5], "true": [True], "huge": [10**30],
            },
            "parameters": {
                "below zero": -1, "infinite": float("inf"), "not a number": float("nan"), "true": True, "huge": 1 << 63,
            },
            "pretraining": {"unknown": "everything", "as a list": ["none"], "as an object": {}},
            "external data": {"by word": "yes", "that nobody names": True},
            "surprise": {"field": 1},
        }.items()
        for name, value in values.items()
        for field in [field.replace(" ", "_")]
    },
    format_true=lambda right: right.says(format=True),
)  # fmt: skip
several(
    ("AF003",),
    an_unknown_task=lambda right: right.says(task="ecosys_sideways"),
    a_task_that_is_a_path=lambda right: right.says(task="../../etc"),
)
several(("AF004",), another_revision=lambda right: right.says(revision="0" * 16))
several(
    ("AF008",),
    **{
        f"format {value}": lambda right, value=value: right.says(format=value)
        for value in (2, 0, -1, "1", None, [1], 1 << 70)
    },
)


@hostile("AF101", "AF102")
def the_rows_of_another_task(right: Right) -> bytes:
    return right.says(task="ecosys_spatial")
