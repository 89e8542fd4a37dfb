"""Named random streams: the same key gives the same numbers, whatever else is drawn before or beside it."""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["stream"]


def stream(key: int | bytes, *names: object) -> np.random.Generator:
    """A generator of its own for one named purpose.

    Sites are simulated in blocks whose size differs between scales and machines, so nothing may depend on the
    order of drawing: each (key, names) is hashed into an independent seed.

    Parameters
    ----------
    key : int or bytes
        The public seed of a release, or its secret.
    *names : object
        What is drawn, for whom: ``stream(seed, "weather", "17019")``. Only ``str()`` of each counts.

    Returns
    -------
    numpy.random.Generator
    """
    secret = key if isinstance(key, bytes) else str(int(key)).encode()
    # Each part goes in with its length, so that ("ab", "c") and ("a", "bc") are different streams.
    parts = [secret, *(str(name).encode() for name in names)]
    digest = hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
