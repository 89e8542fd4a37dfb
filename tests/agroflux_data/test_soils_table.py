"""The file of soils: what it gives, and what is said of a bad one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agroflux_data.errors import AgrofluxError
from agroflux_data.sources.fields import soils_table
from agroflux_data.variables import STATICS

HEADER = "site,TBKDS,TCSAND,TCSILT,TPH,TSOC"
ROW = "US-Ne1,1.42,110,580,6.3,16.5"


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "soils.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def message(folder: Path, text: str | bytes) -> str:
    path = write(folder, text)
    with pytest.raises(AgrofluxError) as caught:
        soils_table.read(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_row_is_a_site(tmp_path):
    text = f"{HEADER},lat,lon\n{ROW},41.165,-96.477\n\nUS-Br1, 1.3 ,200,500,6,20,,\n"
    soils = soils_table.read(write(tmp_path, text))
    assert list(soils) == ["US-Ne1", "US-Br1"]
    assert soils["US-Ne1"].values == dict(zip(STATICS, (1.42, 110, 580, 6.3, 16.5), strict=True))
    assert (soils["US-Ne1"].lat, soils["US-Ne1"].lon) == (41.165, -96.477)
    assert np.isnan([soils["US-Br1"].lat, soils["US-Br1"].lon]).all()
    assert soils["US-Br1"].values["TBKDS"] == 1.3


def test_order_of_columns_and_marks_of_other_programs_do_no_harm(tmp_path):
    text = b'\xef\xbb\xbfTSOC,"site",TPH,TCSILT,TCSAND,TBKDS\r\n16.5,"US-Ne1",6.3,580,110,1.42\r\n'
    plain, other = (soils_table.read(write(tmp_path, content)) for content in (f"{HEADER}\n{ROW}\n", text))
    assert other["US-Ne1"].values == plain["US-Ne1"].values


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty file", HEADER]),
        ("\n\n", ["empty file"]),
        (HEADER, ["no rows"]),
        (f"{HEADER}\n{ROW}\n".replace(",", ";"), ["no column site, TBKDS", "commas", "site;TBKDS"]),
        (f"{HEADER}\n{ROW}\n".replace("TPH", "pH"), ["no column TPH", "line 1"]),
        (f"{HEADER},latitude\n{ROW},41\n", ["unknown column", "'latitude'"]),
        (f"{HEADER},lat,lat\n{ROW},41,41\n", ["column twice"]),
        (f"{HEADER}\n{ROW[:-9]}", ["broken line", "6 cells", "line 2"]),
        (f"{HEADER}\n{ROW}\nUS-Br1,1.3,200,500,6,20\n{ROW}\n", ["site US-Ne1 twice", "lines 2 and 4"]),
        (f"{HEADER}\n,1.42,110,580,6.3,16.5\n", ["an empty cell", "name of a site", "column site"]),
        (f"{HEADER}\nUS-Ne1,1420,110,580,6.3,16.5\n", ["out of range", "0.1 to 2.2 Mg m-3", "'1420'", "column TBKDS"]),
        (f"{HEADER}\nUS-Ne1,1.42,11,58,6.3,16.5\n", ["impossible texture", "10 g kg-1 are 1 %", "'69'", "line 2"]),
        (f"{HEADER}\nUS-Ne1,1.42,500,580,6.3,16.5\n", ["impossible texture", "'1080'"]),
        (f"{HEADER}\nUS-Ne1,1.42,110,580,NA,16.5\n", ["no number", "3 to 10", "'NA'", "column TPH"]),
        (f"{HEADER}\nUS-Ne1,1.42,110,580,6.3,\n", ["no number", "column TSOC"]),
        (f"{HEADER}\nUS-Ne1,1.42,110,580,-9999,16\n", ["out of range", "'-9999'"]),
        (f"{HEADER}\nUS-Ne1,1.42,110,580,nan,16\n", ["no number", "'nan'"]),
        (f"{HEADER},lat,lon\n{ROW},41.2,\n", ["half a place", "lat '41.2', lon ''"]),
        (f"{HEADER},lat,lon\n{ROW},-96.5,141.2\n", ["out of range", "-90 to 90 degrees", "column lat"]),
        (f"{HEADER}\n{ROW}\n".encode("utf-16"), ["UTF-8"]),
        (f"{HEADER}\n{ROW}\n".encode().replace(b"Ne1", b"N\xe91"), ["UTF-8", "line 2"]),
        (f'{HEADER}\n"{ROW}\n', ["not readable as CSV"]),
    ],
)  # fmt: skip
def test_bad_files(tmp_path, text, words):
    said = message(tmp_path, text)
    for word in words:
        assert word in said


def test_no_file(tmp_path):
    with pytest.raises(AgrofluxError, match="unreadable file: expected a file with columns site,TBKDS"):
        soils_table.read(tmp_path / "none.csv")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, 70), length=st.integers(0, 9), noise=st.binary(max_size=9) | st.text(',\n"9-.e', max_size=9)
)
def test_no_file_is_answered_with_anything_but_soils_or_the_one_error(tmp_path, start, length, noise):
    whole = f"{HEADER},lat,lon\n{ROW},41,-96\n".encode()
    noise = noise if isinstance(noise, bytes) else noise.encode()
    path = write(tmp_path, whole[:start] + noise + whole[start + length :])
    try:
        soils = soils_table.read(path)
    except AgrofluxError:
        return
    assert soils
    assert np.isfinite([list(soil.values.values()) for soil in soils.values()]).all()
