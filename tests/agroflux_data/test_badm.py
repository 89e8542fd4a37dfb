"""Where towers stand, from files in the BADM interchange format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agroflux_data.errors import AgrofluxError
from agroflux_data.sources.fluxnet import badm
from agroflux_data.sources.fluxnet.badm import Station

HEADER = "SITE_ID,GROUP_ID,VARIABLE_GROUP,VARIABLE,DATAVALUE"
TABLE = f"""{HEADER}
US-Ne1,1,GRP_HEADER,SITE_NAME,"Mead, irrigated"
US-Ne1,2,GRP_LOCATION,LOCATION_LAT,41.1651
US-Ne1,2,GRP_LOCATION,LOCATION_LONG,-96.4766
US-Ne1,3,GRP_IGBP,IGBP,CRO
US-AR1,4,GRP_LOCATION,LOCATION_LAT,30
US-AR1,5,GRP_LOCATION,LOCATION_LAT,36.4267
US-AR1,6,GRP_IGBP,IGBP,GRA
"""


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "AMF_AA-Flx_BIF_20230922.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_places_and_land_covers_by_site(tmp_path):
    stations, notes = badm.read([write(tmp_path, TABLE)])
    assert notes == []
    assert stations["US-Ne1"] == Station(41.1651, -96.4766, "CRO")
    assert (stations["US-AR1"].lat, stations["US-AR1"].cover) == (36.4267, "GRA")
    assert np.isnan(stations["US-AR1"].lon)


def test_files_are_read_together(tmp_path):
    first, second = tmp_path / "one", tmp_path / "two"
    for folder, text in ((first, TABLE), (second, f"{HEADER}\nUS-AR1,4,GRP_LOCATION,LOCATION_LONG,-99.42\n")):
        folder.mkdir()
        write(folder, text)
    stations, _ = badm.read(sorted(tmp_path.rglob("*.csv")))
    assert stations["US-AR1"].lon == -99.42


def test_a_spreadsheet_is_left_out_by_name(tmp_path):
    stations, notes = badm.read([tmp_path / "AMF_US-Ne1_BIF_20230922.xlsx"])
    assert stations == {}
    assert "AMF_US-Ne1_BIF_20230922.xlsx: not read" in notes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["no column SITE_ID"]),
        (TABLE.replace(",", ";"), ["no column SITE_ID, VARIABLE, DATAVALUE", "commas"]),
        (TABLE.replace("41.1651", "411651"), ["no place", "-90 to 90", "'411651'", "line 3", "LOCATION_LAT"]),
        (TABLE.replace("-96.4766", "96 W"), ["no place", "-180 to 180", "'96 W'"]),
        (TABLE.replace("41.1651", "nan"), ["no place"]),
        (TABLE.encode().replace(b"irrigated", b"irrigu\xe9"), ["UTF-8"]),
        (TABLE.encode("utf-16"), ["UTF-8"]),
    ],
)
def test_bad_files(tmp_path, text, words):
    path = write(tmp_path, text)
    with pytest.raises(AgrofluxError) as caught:
        badm.read([path])
    for word in (*words, str(path)):
        assert word in str(caught.value)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, len(TABLE)),
    length=st.integers(0, 9),
    noise=st.binary(max_size=9) | st.text(',\n\r"\0-9.').map(str.encode),
)
def test_no_file_is_answered_with_anything_but_stations_or_the_one_error(tmp_path, start, length, noise):
    path = write(tmp_path, TABLE[:start].encode() + noise + TABLE[start + length :].encode())
    try:
        stations, _ = badm.read([path])
    except AgrofluxError:
        return
    assert all(not abs(station.lat) > 90 for station in stations.values())
