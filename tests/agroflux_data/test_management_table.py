"""The file of management: the days it gives, and what is said of a bad one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agroflux_data.errors import AgrofluxError
from agroflux_data.sources.fields import management_table
from agroflux_data.sources.fields.management_table import COLUMNS, ManagementTable

HEADER = "site,date,event,crop,amount"
TABLE = f"""{HEADER}
US-Ne1,2012-05-30,fertiliser,,9.5
US-Ne1,2012-04-24,planting,corn,
US-Ne1,2012-05-30,fertiliser,,2.5
US-Ne1,2013-11-02,fertiliser,,4
US-Ne1,2014-05-20,planting,soybean,
US-Ne1,2014-06-01,planting,soybean,
US-Br1,2012-05-01,planting,soybean,
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "management.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def events(folder: Path, *rows: str) -> ManagementTable:
    return management_table.read(write(folder, "\n".join([HEADER, *rows])))


def test_a_planted_year_has_its_days(tmp_path):
    table = management_table.read(write(tmp_path, TABLE))
    assert table.sites == ("US-Br1", "US-Ne1")
    days = table.daily("US-Ne1", 2012)
    assert tuple(days) == COLUMNS
    # 24 April is day 114 and 30 May is day 150 of a year without 29 February.
    assert np.flatnonzero(days["PDOY"]).tolist() == [113]
    assert days["PDOY"][113] == 1
    assert np.flatnonzero(days["FERTZR_N"]).tolist() == [149]
    assert days["FERTZR_N"][149] == 12
    assert (days["PLANTT"] == 1).all()
    other = table.daily("US-Br1", 2012)
    assert (other["PLANTT"] == 0).all()
    assert not other["FERTZR_N"].any()
    assert all(len(column) == 365 for column in days.values())


def test_a_year_without_a_planting_has_no_crop(tmp_path):
    table = management_table.read(write(tmp_path, TABLE))
    assert table.planted("US-Ne1") == (2012, 2014)
    assert table.planted("US-Xxx") == ()
    for year in (2011, 2013):
        with pytest.raises(KeyError):
            table.daily("US-Ne1", year)


def test_a_field_may_be_planted_again(tmp_path):
    days = management_table.read(write(tmp_path, TABLE)).daily("US-Ne1", 2014)
    assert np.flatnonzero(days["PDOY"]).tolist() == [139, 151]


def test_first_last_and_leap_days(tmp_path):
    table = events(
        tmp_path, "A,2012-02-29,fertiliser,,1", "A,2012-02-28,fertiliser,,2", "A,2012-03-01,fertiliser,,4",
        "A,2012-01-01,planting,corn,", "A,2012-12-31,fertiliser,,8",
    )  # fmt: skip
    days = table.daily("A", 2012)
    assert {int(day): float(days["FERTZR_N"][day]) for day in np.flatnonzero(days["FERTZR_N"])} == {
        58: 3,
        59: 4,
        364: 8,
    }
    assert days["PDOY"][0] == 1


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["A,24.04.2012,planting,corn,"], ["no date", "yyyy-mm-dd", "'24.04.2012'", "line 2, column date"]),
        (["A,2013-02-29,planting,corn,"], ["no date", "'2013-02-29'"]),
        (["A,2012-W17-2,planting,corn,"], ["no date"]),
        (["A,,planting,corn,"], ["an empty cell", "yyyy-mm-dd"]),
        ([",2012-04-24,planting,corn,"], ["an empty cell", "column site"]),
        (["A,2012-04-24,planting,corn,", "A,2012-10-01,harvest,corn,"],
         ["unknown event", "planting or fertiliser", "'harvest'", "line 3"]),
        (["A,2012-04-24,planting,wheat,"], ["unknown crop", "corn or soybean", "'wheat'"]),
        (["A,2012-04-24,planting,,"], ["unknown crop"]),
        (["A,2012-04-24,planting,corn,7"], ["an amount of a planting", "'7'"]),
        (["A,2012-04-24,fertiliser,corn,7"], ["a crop of a fertiliser"]),
        (["A,2012-04-24,fertiliser,,"], ["no number", "column amount"]),
        (["A,2012-04-24,fertiliser,,-9999"], ["out of range", "0 to 80 g N m-2"]),
        (["A,2012-04-24,fertiliser,,180"], ["out of range", "10 kg ha-1 are 1 g m-2", "'180'"]),
        (["A,2012-04-24,fertiliser,,60", "A,2012-05-24,fertiliser,,30"],
         ["too much nitrogen in 2012", "80 g N m-2 a year", "'90'"]),
        (["A,2012-04-24,planting,corn,"] * 2, ["an event twice", "lines 2 and 3"]),
        (["A,2012-04-24,planting,corn,", "A,2012-06-01,planting,soybean,"],
         ["two crops at A in 2012", "'corn and soybean'", "line 3"]),
        (["A,2012-04-24,planting,corn"], ["broken line", "5 cells"]),
        ([], ["no rows"]),
    ],
)  # fmt: skip
def test_bad_rows(tmp_path, rows, words):
    with pytest.raises(AgrofluxError) as caught:
        events(tmp_path, *rows)
    for word in (*words, "management.csv"):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TABLE.replace(",", "\t"), ["no column site, date", "commas"]),
        (TABLE.replace("amount", "kg_ha"), ["no column amount"]),
        (TABLE.encode().replace(b"corn", b"ma\xefs"), ["UTF-8", "line 3"]),
    ],
)
def test_bad_files(tmp_path, text, words):
    path = write(tmp_path, text)
    with pytest.raises(AgrofluxError) as caught:
        management_table.read(path)
    for word in (*words, str(path)):
        assert word in str(caught.value)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, len(TABLE)),
    length=st.integers(0, 9),
    noise=st.binary(max_size=9) | st.sampled_from(["corn", "soybean", "planting", ",", "\n", "nan", "inf", "0", "-"]),
)
def test_no_file_is_answered_with_anything_but_days_or_the_one_error(tmp_path, start, length, noise):
    noise = noise if isinstance(noise, bytes) else noise.encode()
    path = write(tmp_path, TABLE[:start].encode() + noise + TABLE[start + length :].encode())
    try:
        table = management_table.read(path)
    except AgrofluxError:
        return
    for site in table.sites:
        for year in table.planted(site):
            days = table.daily(site, year)
            assert days["FERTZR_N"].max() <= 80
            assert days["PDOY"].any()
