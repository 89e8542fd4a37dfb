"""The one interface to every source of sequences, embedded or a user's own files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agroflux_data.splits import Years

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Site", "Source"]


@dataclass(frozen=True)
class Site:
    """One place with data.

    Attributes
    ----------
    name : str
        County FIPS, tower ID such as ``US-Ne1``, chamber number.
    number : int
        The site's part of every sequence number; unique within its source.
    lat, lon : float
        Degrees; NaN where nothing says.
    """

    name: str
    number: int
    lat: float
    lon: float


class Source(ABC):
    """Where the sequences of one source come from.

    A source is cheap to make and to pickle: it names sites, years and columns at once, and reads or simulates only
    when `sequences` is called.

    Attributes
    ----------
    name : str
        ecosys, daycent, towers or mesocosm.
    origin : str
        Who made the numbers: ``embedded``, ``official``, ``ameriflux``, ``daycent``, ``ecosys``.
    inputs, targets : tuple of str
        The input and output columns that this source really has.
    years : Years
    warnings : tuple of str
        What was derived, left out or doubtful, one sentence each, each with the name of what it is about.
    """

    name: str
    origin: str
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    years: Years
    warnings: tuple[str, ...] = ()

    @property
    def content(self) -> str:
        """What the rows are made from, in one line and without any secret: scale and seed, or a hash over files.

        A release with the same content, edition and secret need not be built again.
        """
        return self.origin

    @property
    @abstractmethod
    def sites(self) -> tuple[Site, ...]:
        """All sites, in the order of their numbers."""

    @property
    def block_sites(self) -> int:
        """How many sites one call of `sequences` does best with: what fits in memory and is worth the start."""
        return 16

    @abstractmethod
    def sequences(self, sites: Sequence[Site]) -> pa.Table:
        """All sequences of some sites.

        Parameters
        ----------
        sites : sequence of Site
            Some of `sites`.

        Returns
        -------
        pyarrow.Table
            The row of `agroflux_data.sequences.schema` for this source's columns, sorted by (site, year,
            treatment). The same rows for a site, whatever other sites are asked for beside it.
        """
