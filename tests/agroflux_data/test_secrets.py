"""The secret matters: who runs this code with another one does not get a host's hidden targets.

R2 of one world against others, pooled over the observed days of the rows that a sealed release hides. The fields of a
few sites may be alike in two worlds by chance, so there are more sites here than at the smallest scale, each with
fewer years, and several wrong guesses are pooled.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from agroflux_data.sequences import values
from agroflux_data.sources import embedded
from agroflux_data.sources.embedded import Embedded, Extent
from agroflux_data.splits import YEARS, Edition, assign_folds, place
from agroflux_data.tasks import TASKS
from submission.keys import positions
from submission.metrics import r2

HOST, WRONG = b"the host's secret", (b"a guess", b"another guess", b"a third guess")
EXTENTS = {
    "daycent": Extent(30, 2, 2016, 30),
    "ecosys": Extent(20, 2, 2015, 20),
    "towers": Extent(11, 1, 2009, 11),
    "mesocosm": Extent(6, 1, 2016, 6),
}


@cache
def world(name: str, secret: bytes) -> pa.Table:
    source = Embedded(name, "tiny", 0, secret)
    return source.sequences(source.sites)


def hidden(name: str, rows: pa.Table) -> np.ndarray:
    """Whether each row's targets are hidden in some task of the sealed edition, (rows,)."""
    task = TASKS[f"{name}_temporal"]
    source = Embedded(name, "tiny", 0, HOST)
    folds = assign_folds([site.name for site in source.sites], remainder=task.remainder)
    places = (
        [place(scenario, Edition.SEALED, folds[site], YEARS[name].period(year)) for scenario in ("temporal", "spatial")]
        for site, year in zip(rows["site"].to_pylist(), rows["year"].to_pylist(), strict=True)
    )
    return np.array([any(one is not None and one.hidden for one in both) for both in places])


def explained(name: str, target: str, secrets: tuple[bytes, ...]) -> float:
    """R2 on hidden rows of what other secrets give."""
    truths, reruns = [], []
    for secret in secrets:
        truth, rerun = world(name, HOST), world(name, secret)
        # A tower of another world may have lost a year that this one has.
        wanted = np.isin(truth["sequence"].to_numpy(), rerun["sequence"].to_numpy()) & hidden(name, truth)
        assert wanted.sum() >= 6
        at = positions(truth["sequence"].to_numpy()[wanted], rerun["sequence"].to_numpy())
        one, other = values(truth[target])[wanted], values(rerun[target])[at]
        truths.append(np.where(np.isnan(other), np.nan, one))
        reruns.append(other)
    return r2(np.concatenate(truths), np.concatenate(reruns))


@pytest.fixture(autouse=True)
def _extents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(embedded.SCALES, "tiny", EXTENTS)


@pytest.mark.parametrize(
    "name",
    [
        "daycent",
        pytest.param("ecosys", marks=pytest.mark.slow),
        pytest.param("towers", marks=pytest.mark.slow),
    ],
)
def test_a_wrong_secret_leaves_carbon_in_part(name: str) -> None:
    for target in ("GPP", "NEE"):
        assert 0.5 < explained(name, target, WRONG) < 0.95, target


@pytest.mark.parametrize(
    "name",
    [
        "daycent",
        pytest.param("ecosys", marks=pytest.mark.slow),
        pytest.param("mesocosm", marks=pytest.mark.slow),
    ],
)
def test_a_wrong_secret_leaves_little_of_nitrous_oxide(name: str) -> None:
    assert explained(name, "N2O", WRONG) < 0.7


def test_the_right_secret_gives_everything() -> None:
    for target in ("GPP", "NEE", "N2O"):
        assert explained("daycent", target, (HOST,)) == 1
