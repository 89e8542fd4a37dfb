"""Rows are joined by their sequence number, never by their position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["KeyFaults", "compare", "positions"]


@dataclass(frozen=True)
class KeyFaults:
    """What is wrong with the keys of a file: each an int64 array of sequence numbers, sorted and unique."""

    missing: NDArray[np.int64]
    extra: NDArray[np.int64]
    duplicate: NDArray[np.int64]


def compare(found: NDArray[np.int64], expected: NDArray[np.int64]) -> KeyFaults:
    """Compare the keys of a file with those of a split, neither in any order.

    Parameters
    ----------
    found : int64 array (M,)
    expected : int64 array (N,)
        Without duplicates.
    """
    unique, counts = np.unique(found, return_counts=True)
    return KeyFaults(
        np.setdiff1d(expected, unique), np.setdiff1d(unique, expected, assume_unique=True), unique[counts > 1]
    )


def positions(keys: NDArray[np.int64], among: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each key stands among others; every key must be there.

    Parameters
    ----------
    keys : int64 array (M,)
    among : int64 array (N,)
        Without duplicates, in any order.

    Returns
    -------
    int64 array (M,)
        Such that ``among[positions(keys, among)] == keys``.

    Raises
    ------
    KeyError
        A key is not among them.

    Examples
    --------
    >>> positions(np.array([30, 10]), np.array([10, 20, 30])).tolist()
    [2, 0]
    """
    if len(keys) == len(among) and np.array_equal(keys, among):
        return np.arange(len(keys))
    order = np.argsort(among)
    place = np.searchsorted(among, keys, sorter=order)
    found = order[np.minimum(place, len(order) - 1)] if len(order) else np.zeros(len(keys), np.int64)
    if len(keys) and (not len(order) or not np.array_equal(among[found], keys)):
        raise KeyError("a sequence is not there")
    return found
