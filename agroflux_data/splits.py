"""Which rows go where: years, site folds, and the two editions.

The *open* edition is the paper's protocol, with every target public. In it every test value can be read somewhere
else: a spatial fold trains on the years that the temporal test hides, and every fold is training data for the others.
The *sealed* edition cuts a source as a matrix instead, and hides the two dark cells:

                     early years        late years
        P sites      public             HIDDEN: temporal test
        Q sites      HIDDEN: spatial test (all years)

where Q is fold 4 and late are the test years.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from agroflux_data.randomness import stream

__all__ = ["ALWAYS_TRAIN", "FOLDS", "SEALED_FOLD", "SITE_SEED", "YEARS", "Edition", "Place", "Scenario", "Years",
           "assign_folds", "place"]  # fmt: skip

Scenario = Literal["temporal", "spatial"]
Period = Literal["train", "validation", "test"]

FOLDS = 5
SEALED_FOLD = 4
"""The fold whose sites are Q, the spatial test of the sealed edition."""
ALWAYS_TRAIN = -1
"""The fold number of a site that is in no fold: training data for all of them."""
SITE_SEED = 2602_01614
"""Shuffles the sites of every source, once and for all releases."""


class Edition(StrEnum):
    """sealed: test targets are hidden; open: the paper's protocol, every target public."""

    SEALED = "sealed"
    OPEN = "open"


@dataclass(frozen=True)
class Years:
    """The years of a source, cut in time: ``first <= train < validation <= validation < test <= test <= last``.

    Attributes
    ----------
    first, last : int
        First and last year with data, both included.
    validation, test : int
        First validation year and first test year. Equal when there is no validation year.
    """

    first: int
    validation: int
    test: int
    last: int

    def period(self, year: int) -> Period:
        """train, validation or test."""
        return "train" if year < self.validation else "validation" if year < self.test else "test"

    def of(self, period: Period) -> range:
        """The years of a period."""
        bounds = {"train": (self.first, self.validation), "validation": (self.validation, self.test)}
        return range(*bounds.get(period, (self.test, self.last + 1)))

    @property
    def all(self) -> range:
        return range(self.first, self.last + 1)


YEARS: dict[str, Years] = {
    "ecosys": Years(2000, 2013, 2016, 2018),
    "daycent": Years(2000, 2017, 2019, 2020),
    "towers": Years(2000, 2014, 2016, 2020),
    "mesocosm": Years(2016, 2017, 2018, 2018),
}


def assign_folds(sites: Sequence[str], *, remainder: Literal["spread", "always_train"]) -> dict[str, int]:
    """The fold of each site.

    Parameters
    ----------
    sites : sequence of str
        Site names; their order does not matter.
    remainder : {"spread", "always_train"}
        What happens to the ``len(sites) % 5`` sites that are over: ``spread`` makes five near-equal folds
        (simulated sources), ``always_train`` keeps them out of all folds (towers and mesocosm).

    Returns
    -------
    dict
        Site name -> 0..4, or `ALWAYS_TRAIN`. In site order of the published shuffle.
    """
    shuffled = sorted(sites)
    stream(SITE_SEED, "sites").shuffle(shuffled)
    folded = len(shuffled) if remainder == "spread" else len(shuffled) // FOLDS * FOLDS
    return {site: number % FOLDS if number < folded else ALWAYS_TRAIN for number, site in enumerate(shuffled)}


@dataclass(frozen=True)
class Place:
    """Where a row stands in a task: its split, and whether its outputs are hidden there."""

    split: str
    hidden: bool = False


def place(scenario: Scenario, edition: Edition, fold: int, period: Period) -> Place | None:
    """Where a (site, year) stands in a task, or None where the task does not have it.

    Parameters
    ----------
    scenario : {"temporal", "spatial"}
    edition : Edition
    fold : int
        The site's fold, from `assign_folds`.
    period : {"train", "validation", "test"}
        The year's period, from `Years.period`.
    """
    sealed = edition is Edition.SEALED
    fold_name = "always_train" if fold == ALWAYS_TRAIN else f"fold_{fold}"
    if scenario == "temporal":
        if sealed and fold == SEALED_FOLD:
            return None
        return Place(period, hidden=sealed and period == "test")
    if not sealed:
        return Place(fold_name)
    if fold == SEALED_FOLD:
        return Place("test", hidden=True)
    return None if period == "test" else Place(fold_name)
