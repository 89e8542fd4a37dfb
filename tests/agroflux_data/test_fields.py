"""Soils and management as inputs of the sequences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.sources.fields.fields import Fields
from agroflux_data.variables import STATICS

SOILS = "site,TBKDS,TCSAND,TCSILT,TPH,TSOC,lat,lon\nA,1.4,110,580,6.3,16.5,41,-96\nB,1.3,200,500,6,20,,\n"
MANAGEMENT = """site,date,event,crop,amount
A,2012-04-24,planting,corn,
A,2012-06-01,fertiliser,,9
B,2013-05-01,planting,soybean,
"""


def tables(folder: Path) -> tuple[Path, Path]:
    soils, management = folder / "soils.csv", folder / "management.csv"
    soils.write_text(SOILS)
    management.write_text(MANAGEMENT)
    return soils, management


def test_columns_of_sites_and_years(tmp_path):
    fields = Fields.read(*tables(tmp_path))
    assert fields.inputs == ("FERTZR_N", "PDOY", "PLANTT", *STATICS)
    assert (fields.known("A", [2011, 2012, 2013]), fields.known("B", [2012]), fields.known("C", [2012])) == (
        [2012],
        [],
        [],
    )
    columns = fields.columns([("B", 2013), ("A", 2012)])
    assert set(columns) == set(fields.inputs)
    assert columns["TBKDS"].tolist() == [1.3, 1.4]
    assert columns["PLANTT"][:, 0].tolist() == [0, 1]
    assert columns["FERTZR_N"].sum(axis=1).tolist() == [0, 9]
    assert all(column.shape == (0, 365) or name in STATICS for name, column in fields.columns([]).items())
    assert fields.place("A") == (41, -96)
    assert np.isnan(fields.place("B")).all()
    assert np.isnan(fields.place("C")).all()


def test_without_tables_nothing_is_added_or_left_out():
    fields = Fields.read(None, None)
    assert (fields.inputs, fields.content, fields.columns([("A", 2012)])) == ((), "", {})
    assert fields.known("A", [2012]) == [2012]
    assert fields.notes({"A": [2012]}) == []


def test_each_table_stands_alone(tmp_path):
    soils, management = tables(tmp_path)
    assert Fields.read(soils, None).inputs == STATICS
    assert Fields.read(soils, None).known("A", [1999]) == [1999]
    assert Fields.read(None, management).inputs == ("FERTZR_N", "PDOY", "PLANTT")
    assert Fields.read(None, management).known("A", [1999, 2012]) == [2012]


def test_what_the_tables_lack_is_named(tmp_path):
    notes = Fields.read(*tables(tmp_path)).notes({"A": [2011, 2012, 2013], "C": [2012]})
    assert notes == [
        "A: 2011, 2013 left out, as the table of management has no planting in them and the crop is not known",
        "C: left out, as the table of soils has no row of it",
        "B: only in the table of soils, no files of this name",
        "B: only in the table of management, no files of this name",
    ]


def test_content_tells_other_tables_apart(tmp_path):
    soils, management = tables(tmp_path)
    contents = {Fields.read(*pair).content for pair in ((soils, management), (soils, None), (None, management))}
    management.write_text(MANAGEMENT.replace(",9", ",10"))
    assert len(contents | {Fields.read(soils, management).content}) == 4


def test_no_file(tmp_path):
    with pytest.raises(AgrofluxError, match="unreadable file"):
        Fields.read(tmp_path / "none.csv", None)
