"""The embedded world: whole rows for every task, reproducible, the same in any block, and secret where it must be."""

from __future__ import annotations

import pickle
from functools import cache

import numpy as np
import pyarrow as pa
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.partition import Partition
from agroflux_data.sequences import features, parts, values
from agroflux_data.simulators import places
from agroflux_data.sources.embedded import SCALES, Embedded
from agroflux_data.splits import FOLDS, YEARS, Edition, Years, assign_folds
from agroflux_data.tasks import SOURCES, TASKS
from agroflux_data.variables import INPUTS, STATICS, VARIABLES

SECRET = b"secret"
SHORT = {
    "ecosys": Years(2016, 2016, 2016, 2016),
    "daycent": Years(2018, 2019, 2019, 2019),
    "towers": Years(2011, 2011, 2011, 2011),
    "mesocosm": Years(2016, 2016, 2016, 2016),
}
"""A year or two, for what does not hang on how long a run is."""


def short(name: str, seed: int = 0, secret: bytes = SECRET) -> Embedded:
    """A tiny source cut to `SHORT`."""
    source = Embedded(name, "tiny", seed, secret)
    object.__setattr__(source, "years", SHORT[name])
    return source


@cache
def simulated(name: str) -> tuple[Embedded, pa.Table]:
    """All sites of a short source."""
    source = short(name)
    return source, source.sequences(source.sites)


@pytest.fixture(params=SOURCES)
def block(request: pytest.FixtureRequest) -> tuple[Embedded, pa.Table]:
    return simulated(request.param)


def inputs_of(table: pa.Table) -> list[str]:
    return [name for name in table.column_names if name in INPUTS]


def assert_same(one: pa.Table, other: pa.Table) -> None:
    """Equal to the last bit; NaN equals NaN, which Arrow's own comparison denies."""
    assert one.schema.equals(other.schema)
    for name in one.column_names:
        daily = pa.types.is_fixed_size_list(one.schema.field(name).type)
        a, b = (values(table[name]) if daily else table[name].to_numpy() for table in (one, other))
        np.testing.assert_array_equal(a, b, err_msg=name)


def matched(one: pa.Table, other: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The rows of two tables that have the same sequence."""
    keep = set(one["sequence"].to_pylist()) & set(other["sequence"].to_pylist())
    return tuple(
        table.filter(pa.array([key in keep for key in table["sequence"].to_pylist()])) for table in (one, other)
    )


def test_rows_have_the_columns_of_the_task_in_order(block: tuple[Embedded, pa.Table]) -> None:
    source, table = block
    task = TASKS[f"{source.name}_spatial"]
    assert (source.origin, source.inputs, source.targets) == ("embedded", task.inputs, task.targets)
    assert table.schema.names == features(task.inputs, task.targets).arrow_schema.names
    sequence = table["sequence"].to_numpy()
    site, treatment, year = parts(sequence)
    assert len(np.unique(sequence)) == len(sequence)
    np.testing.assert_array_equal(np.lexsort((treatment, year, site)), np.arange(len(sequence)))
    np.testing.assert_array_equal(treatment, table["treatment"].to_numpy())
    np.testing.assert_array_equal(year, table["year"].to_numpy())
    known = {place.name: place for place in source.sites}
    assert [known[name].number for name in table["site"].to_pylist()] == site.tolist()


def test_simulations_have_every_year_and_treatment(block: tuple[Embedded, pa.Table]) -> None:
    source, table = block
    extent = SCALES["tiny"][source.name]
    if source.name == "towers":
        facts = places.tower_facts()
        for name, year in zip(table["site"].to_pylist(), table["year"].to_pylist(), strict=True):
            assert facts[name].first_year <= year <= facts[name].last_year
            assert year in source.years.all
    else:
        assert table.num_rows == extent.sites * extent.treatments * len(source.years.all)
        assert set(table["year"].to_pylist()) == set(source.years.all)


def test_inputs_are_whole_and_everything_is_possible(block: tuple[Embedded, pa.Table]) -> None:
    source, table = block
    for name in source.inputs + source.targets:
        variable = VARIABLES[name]
        array = table[name].to_numpy() if name in STATICS else values(table[name])
        observed = source.name in ("towers", "mesocosm") and name in source.targets
        assert observed or not np.isnan(array).any(), name
        assert variable.low <= np.nanmin(array), name
        assert np.nanmax(array) <= variable.high, name
    # Each row has some observation, and one planting day.
    assert not np.all([np.isnan(values(table[name])).all(axis=1) for name in source.targets], axis=0).any()
    np.testing.assert_array_equal(values(table["PDOY"]).sum(axis=1), 1)


@pytest.mark.parametrize("name", ["ecosys", "daycent", "towers"])
def test_a_site_is_the_same_in_any_block(name: str) -> None:
    source, table = simulated(name)
    chosen = [source.sites[3], source.sites[0]]
    part = source.sequences(chosen)
    keep = pa.array([name in {site.name for site in chosen} for name in table["site"].to_pylist()])
    assert part.num_rows > 0
    assert_same(part, table.filter(keep))


def test_another_secret_changes_every_output_and_no_input(block: tuple[Embedded, pa.Table]) -> None:
    source, table = block
    other = short(source.name, secret=b"another").sequences(source.sites)
    one, other = matched(table, other)
    assert_same(one.select(inputs_of(one)), other.select(inputs_of(other)))
    for name in source.targets:
        a, b = values(one[name]), values(other[name])
        both = ~np.isnan(a) & ~np.isnan(b)
        same = np.mean(a[both] == b[both])
        # Before emergence there is no leaf and no photosynthesis, in any world; chambers report 0 below their limit.
        assert same < (0.75 if name in ("GPP", "LAI") else 0.2), name
        explained = 1 - np.sum((a - b)[both] ** 2) / np.sum((a[both] - a[both].mean()) ** 2)
        if name in ("GPP", "NEE"):
            assert 0.4 < explained < 0.95, name
        if name == "N2O":
            assert explained < 0.7


def test_another_seed_is_another_world() -> None:
    _, one = simulated("daycent")
    source = short("daycent", seed=1)
    one, other = matched(one, source.sequences(source.sites[:2]))
    assert one.num_rows == 2 * 2 * 2
    for name in ("TMAX", "PREC", "RADN", "N2O"):
        assert not np.any(np.all(values(one[name]) == values(other[name]), axis=1)), name
    assert one["TSOC"].to_pylist() != other["TSOC"].to_pylist()


def test_chambers_share_their_field_and_see_their_season() -> None:
    _, table = simulated("mesocosm")
    for name in inputs_of(table):
        by_year = {}
        for year, row in zip(table["year"].to_pylist(), table[name].to_pylist(), strict=True):
            assert by_year.setdefault(year, row) == row, name
    seen = ~np.isnan(values(table["N2O"]))
    assert not seen[:, :90].any()
    assert not seen[:, 212:].any()
    assert 90 < seen.sum(axis=1).mean() < 122


def test_towers_have_gaps_and_simulations_none(block: tuple[Embedded, pa.Table]) -> None:
    source, table = block
    missing = np.mean([np.isnan(values(table[name])).mean() for name in source.targets])
    if source.name == "towers":
        assert 0.08 < missing < 0.4
    elif source.name != "mesocosm":
        assert missing == 0


@pytest.mark.parametrize("scale", ["tiny", "small", "paper"])
@pytest.mark.parametrize("name", SOURCES)
def test_sources_are_cheap_and_say_what_they_have(name: str, scale: str) -> None:
    source = Embedded(name, scale, 7, SECRET)
    assert pickle.loads(pickle.dumps(source)) == source
    assert len(pickle.dumps(source)) < 3000
    assert SECRET.decode() not in repr(source) + source.content
    assert (scale in source.content, "7" in source.content) == (True, True)
    numbers = [site.number for site in source.sites]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == SCALES[scale][name].sites
    own, full = source.years, YEARS[name]
    assert (own.validation, own.test, own.last) == (full.validation, full.test, full.last)
    assert full.first <= own.first < own.validation
    assert len(Partition(source, Edition.SEALED, SECRET).blocks) == {
        ("ecosys", "small"): 2, ("daycent", "small"): 2, ("ecosys", "paper"): 4, ("daycent", "paper"): 214,
    }.get((name, scale), 1)  # fmt: skip


@pytest.mark.parametrize("scale", ["tiny", "small"])
@pytest.mark.parametrize("name", SOURCES)
def test_every_fold_and_every_period_has_a_site_with_data(name: str, scale: str) -> None:
    source = Embedded(name, scale, 0, SECRET)
    facts = places.tower_facts()
    folds = assign_folds([site.name for site in source.sites], remainder=TASKS[f"{name}_spatial"].remainder)
    assert {fold for fold in folds.values() if fold >= 0} == set(range(FOLDS))

    def has(site: str, years: range) -> bool:
        return any(name != "towers" or facts[site].first_year <= year <= facts[site].last_year for year in years)

    early = range(source.years.first, source.years.test)
    for fold in range(FOLDS):
        assert any(has(site, early) for site, number in folds.items() if number == fold), fold
    for period in ("train", "validation", "test"):
        assert any(has(site, source.years.of(period)) for site, number in folds.items() if number < FOLDS - 1), period


@pytest.mark.parametrize(("name", "scale"), [("rice", "tiny"), ("ecosys", "huge")])
def test_unknown_names_and_scales_are_refused(name: str, scale: str) -> None:
    with pytest.raises(AgrofluxError, match="unknown"):
        Embedded(name, scale, 0, SECRET)


def test_no_sites_are_no_rows() -> None:
    source = Embedded("towers", "tiny", 0, SECRET)
    assert source.sequences(()).num_rows == 0
