"""Thrift's compact protocol, as far as Parquet's footers and page headers need it: to read one, change it, write it.

A struct is a dict of field number to `Value`; the numbers are those of parquet.thrift in the Parquet specification.
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 12


class Value(NamedTuple):
    """A field's type and content; for a list its content is (type of the items, items)."""

    kind: int
    content: Any


Struct = dict[int, Value]


def read(data: bytes, at: int = 0) -> tuple[Struct, int]:
    """The struct that begins there, and where it ends."""
    fields: Struct = {}
    number = 0
    while data[at]:
        delta, kind = divmod(data[at], 16)
        at += 1
        if delta:
            number += delta
        else:
            number, at = _signed(data, at)
        content, at = (kind == TRUE, at) if kind in (TRUE, FALSE) else _read(data, at, kind)
        fields[number] = Value(kind, content)
    return fields, at + 1


def _read(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in (TRUE, FALSE, BYTE):
        return data[at], at + 1
    if kind in (I16, I32, I64):
        return _signed(data, at)
    if kind == DOUBLE:
        return struct.unpack_from("<d", data, at)[0], at + 8
    if kind == BINARY:
        size, at = _unsigned(data, at)
        return data[at : at + size], at + size
    if kind == STRUCT:
        return read(data, at)
    assert kind == LIST, f"type {kind} is not in Parquet's metadata"
    size, of = divmod(data[at], 16)
    at += 1
    if size == 15:
        size, at = _unsigned(data, at)
    items = []
    for _ in range(size):
        item, at = _read(data, at, of)
        items.append(item)
    return (of, items), at


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 128:
            return number, at


def _signed(data: bytes, at: int) -> tuple[int, int]:
    number, at = _unsigned(data, at)
    return (number >> 1) ^ -(number & 1), at


def write(fields: Struct) -> bytes:
    """The bytes of a struct."""
    out, last = b"", 0
    for number, (kind, content) in sorted(fields.items()):
        if kind in (TRUE, FALSE):
            kind = TRUE if content else FALSE
        delta = number - last
        out += bytes([delta << 4 | kind]) if 0 < delta < 16 else bytes([kind]) + zigzag(number)
        out += b"" if kind in (TRUE, FALSE) else _write(kind, content)
        last = number
    return out + b"\0"


def _write(kind: int, content: Any) -> bytes:
    if kind in (TRUE, FALSE, BYTE):
        return bytes([content])
    if kind in (I16, I32, I64):
        return zigzag(content)
    if kind == DOUBLE:
        return struct.pack("<d", content)
    if kind == BINARY:
        return varint(len(content)) + content
    if kind == STRUCT:
        return write(content)
    of, items = content
    head = bytes([len(items) << 4 | of]) if len(items) < 15 else bytes([0xF0 | of]) + varint(len(items))
    written: dict[int, bytes] = {}  # a forged list may hold one item a million times
    for item in items:
        if id(item) not in written:
            written[id(item)] = _write(of, item)
    return head + b"".join([written[id(item)] for item in items])


def varint(number: int) -> bytes:
    """A number >= 0, seven bits a byte, the lowest first."""
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def zigzag(number: int) -> bytes:
    """A number of any sign."""
    return varint(number << 1 if number >= 0 else (-number << 1) - 1)
