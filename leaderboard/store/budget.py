"""How often may be written to the Hub: about 128 commits an hour are taken for a repository, whoever makes them."""

from __future__ import annotations

import math

__all__ = ["BURST", "EVERY", "Budget"]

BURST = 30
"""Commits that may follow each other at once after a quiet time."""
EVERY = 50.0
"""Seconds after which one more commit may be made: with the burst, at most 102 in any hour."""


class Budget:
    """A count of commits that fills up with time and empties with use.

    Times are seconds on any one clock. The state is a single time, by which all that was spent is made up for: the
    generic cell rate algorithm of ITU-T I.371.

    Parameters
    ----------
    burst : int
        Commits that are there at most.
    every : float
        Seconds in which one comes back.
    """

    def __init__(self, burst: int = BURST, every: float = EVERY):
        self._burst, self._every = burst, every
        self._made_up = self._blocked = -math.inf

    def spend(self, now: float) -> None:
        """Count a commit."""
        self._made_up = max(self._made_up, now) + self._every

    def block(self, until: float) -> None:
        """Make none before a time: the Hub said so."""
        self._blocked = max(self._blocked, until)

    def left(self, now: float) -> int:
        """How many commits may follow each other now."""
        if now < self._blocked:
            return 0
        owed = max(0.0, self._made_up - now)
        return max(0, math.floor(self._burst - owed / self._every + 1e-9))

    def free(self, now: float) -> float:
        """When the next commit may be made; ``now`` or later."""
        return max(now, self._blocked, self._made_up - (self._burst - 1) * self._every)
