"""Half-hourly and hourly tower files: days whose values are known exactly, and what is said of bad files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agroflux_data.errors import AgrofluxError
from agroflux_data.sequences import values
from agroflux_data.sources.fluxnet.ameriflux import AmeriFlux
from agroflux_data.sources.fluxnet.fluxnet_subdaily import read_days
from agroflux_data.sources.fluxnet.folder import SubdailyFile

NAME = "AMF_{site}_FLUXNET_FULLSET_{resolution}_2007-2009_3-5.csv"
COLUMNS = ("TA_F", "VPD_F", "P_F", "SW_IN_F", "WS_F", "LE_F_MDS", "LE_F_MDS_QC", "NEE_VUT_REF", "NEE_VUT_REF_QC",
           "GPP_NT_VUT_REF", "RECO_NT_VUT_REF")  # fmt: skip
HALVES = np.arange(48)


def _stamps(moments: pd.DatetimeIndex) -> np.ndarray:
    """yyyymmddHHMM as numbers: of hundreds of thousands of rows, text takes seconds."""
    date = (moments.year * 10_000 + moments.month * 100 + moments.day).to_numpy(np.int64)
    return date * 10_000 + (moments.hour * 100 + moments.minute).to_numpy()


def frame(first: str = "2007-01-01", last: str = "2007-12-31", minutes: int = 30) -> pd.DataFrame:
    """Periods of days that are all alike but for the air, warmer by 0.01 degC from day to day.

    Temperature is a cosine with its peak in the period from 15:00; VPD is 5 hPa by day, 1 hPa by night; it rains 0.5 mm
    in the first hour; radiation is 600 W m-2 from 6 to 18 h.
    """
    start = pd.date_range(first, pd.Timestamp(last) + pd.Timedelta(days=1), freq=f"{minutes}min", inclusive="left")
    hour = start.hour + start.minute / 60
    day = (start.normalize() - start[0].normalize()).days.to_numpy()
    light = (hour >= 6) & (hour < 18)
    return pd.DataFrame(
        {
            "TIMESTAMP_START": _stamps(start),
            "TIMESTAMP_END": _stamps(start + pd.Timedelta(minutes=minutes)),
            "TA_F": 2 + 0.01 * day + 6 * np.cos((hour - 15) / 24 * 2 * np.pi),
            "VPD_F": np.where(light, 5.0, 1.0),
            "P_F": np.where(hour < 1, 0.5 * minutes / 60, 0),
            "SW_IN_F": np.where(light, 600.0, 0.0),
            "WS_F": np.where(light, 4.0, 2.0),
            "LE_F_MDS": np.where(light, 100.0, 0.0),
            "LE_F_MDS_QC": 0,
            "NEE_VUT_REF": np.where(light, -9.0, 3.0),
            "NEE_VUT_REF_QC": 0,
            "GPP_NT_VUT_REF": np.where(light, 12.0, 0.0),
            "RECO_NT_VUT_REF": 3.0,
        }
    )


def write(folder: Path, data: pd.DataFrame, site: str = "US-Tst", resolution: str = "HH", name: str = NAME) -> Path:
    path = folder / name.format(site=site, resolution=resolution)
    path.parent.mkdir(parents=True, exist_ok=True)
    data.to_csv(path, index=False, lineterminator="\n")
    return path


def read(path: Path, *minutes: int) -> tuple[pd.DataFrame, list[str]]:
    notes: list[str] = []
    return read_days(SubdailyFile(path, minutes or (30,)), COLUMNS, "US-Tst", notes), notes


def message(path: Path, *minutes: int) -> str:
    with pytest.raises(AgrofluxError) as caught:
        read(path, *minutes)
    assert str(path) in str(caught.value)
    return str(caught.value)


def saturation(temperature: float) -> float:
    return 0.6108 * np.exp(17.27 * temperature / (temperature + 237.3))


def warning(source: AmeriFlux, *words: str) -> str:
    """The one warning that has all the words."""
    found = [line for line in source.warnings if all(word in line for word in words)]
    assert len(found) == 1, (words, source.warnings)
    return found[0]


# What a day holds


@pytest.mark.parametrize(("minutes", "resolution"), [(30, "HH"), (60, "HR")])
def test_a_day_is_made_by_the_rules_of_the_daily_product(tmp_path, minutes, resolution):
    days, notes = read(write(tmp_path, frame(last="2007-01-03", minutes=minutes), resolution=resolution), minutes)
    assert [f"{day:%Y%m%d}" for day in days.index] == ["20070101", "20070102", "20070103"]
    assert notes == []
    second = days.iloc[1]
    for name, expected in {
        "TA_F": 2.01, "P_F": 0.5, "SW_IN_F": 300, "WS_F": 3, "LE_F_MDS": 50, "LE_F_MDS_QC": 1, "NEE_VUT_REF_QC": 1,
        "NEE_VUT_REF": -3 * 86400 * 12.0107e-6, "GPP_NT_VUT_REF": 6 * 86400 * 12.0107e-6,
        "RECO_NT_VUT_REF": 3 * 86400 * 12.0107e-6, "TMAX": 8.01, "TMIN": -3.99,
        # The warmest dark is at 18:00, the coldest light at 6:00.
        "HMAX": saturation(2.01 + 6 / 2**0.5) - 0.1, "HMIN": saturation(2.01 - 6 / 2**0.5) - 0.5,
    }.items():  # fmt: skip
        assert second[name] == pytest.approx(expected, abs=1e-9), name


def test_a_day_belongs_to_the_period_that_ends_at_its_midnight(tmp_path):
    data = frame(last="2007-01-03")
    data.loc[[47, 48], "TA_F"] = [30, -30]
    data.loc[[47, 48], "P_F"] = [7, 9]
    assert data.loc[47, ["TIMESTAMP_START", "TIMESTAMP_END"]].tolist() == [200701012330, 200701020000]
    days, _ = read(write(tmp_path, data))
    assert days["TMAX"].iloc[0] == 30
    assert days["TMIN"].iloc[1] == -30
    assert days["P_F"].tolist() == pytest.approx([7.5, 9.25, 0.5])


def test_quality_is_the_share_of_measured_and_good_periods(tmp_path):
    data = frame(last="2007-01-02")
    data.loc[:11, "NEE_VUT_REF_QC"] = [0, 1, 2, 3, 0, 1, 2, 3, 2, 2, -9999, 1]
    days, _ = read(write(tmp_path, data))
    assert days["NEE_VUT_REF_QC"].tolist() == [41 / 48, 1]


def test_a_day_with_a_missing_period_is_missing(tmp_path):
    data = frame(last="2007-01-04")
    data["VPD_F"] = data["VPD_F"].astype(object)
    data.loc[5, "TA_F"] = -9999
    data.loc[[48, 49, 50], "VPD_F"] = ["", "NA", "-9999.0"]
    days, notes = read(write(tmp_path, data.drop(index=100)))
    assert np.isnan(days.loc["20070101", ["TA_F", "TMAX", "TMIN", "HMAX"]]).all()
    assert days.loc["20070101", "NEE_VUT_REF"] == pytest.approx(-3 * 1.03772448)
    assert np.isnan(days.loc["20070102", ["VPD_F", "HMAX", "HMIN"]]).all()
    assert not np.isnan(days.loc["20070102", "TMAX"])
    assert np.isnan(days.loc["20070103", ["TMAX", "P_F", "NEE_VUT_REF"]]).all()
    assert days.loc["20070103", "NEE_VUT_REF_QC"] == 47 / 48
    assert [note for note in notes if "1 days lack" in note and "20070103" in note]
    assert not np.isnan(days.loc["20070104"]).any()


def test_periods_out_of_order_are_sorted(tmp_path):
    data = frame(last="2007-01-05")
    ordered, _ = read(write(tmp_path / "ordered", data))
    shuffled, notes = read(write(tmp_path / "shuffled", data.sample(frac=1, random_state=1)))
    pd.testing.assert_frame_equal(shuffled, ordered)
    assert len(notes) == 1
    assert "out of order" in notes[0]


def test_vapour_pressure_is_never_negative(tmp_path):
    data = frame(last="2007-01-01")
    data.loc[3, "VPD_F"] = 90
    days, _ = read(write(tmp_path, data))
    assert days["HMIN"].iloc[0] == 0


# A site's years


def test_a_year_of_half_hours_is_a_row(tmp_path):
    data = frame("2007-01-01", "2008-12-31")
    write(tmp_path, data)
    source = AmeriFlux.open(tmp_path, test_from=2008)
    rows = source.sequences(source.sites)
    assert source.inputs == ("TMAX", "TMIN", "PREC", "RADN", "HMAX", "HMIN", "WIND")
    assert source.targets == ("GPP", "RECO", "NEE", "ET")
    assert rows["sequence"].to_pylist() == [1_002_007, 1_002_008]
    first = {name: float(values(rows[name])[0, 0]) for name in source.inputs + source.targets}
    assert first == pytest.approx(
        {"TMAX": 8, "TMIN": -4, "PREC": 0.5, "RADN": 25.92, "HMAX": saturation(2 + 6 / 2**0.5) - 0.1,
         "HMIN": saturation(2 - 6 / 2**0.5) - 0.5, "WIND": 3,
         "GPP": 6 * 1.03772448, "RECO": 3 * 1.03772448, "NEE": -3 * 1.03772448, "ET": 4.32 / (2.501 - 0.002361 * 2)},
        rel=1e-5,
    )  # fmt: skip
    # 1 March 2008 is day 365 + 31 + 29 of the record, and follows 28 February in the row.
    assert values(rows["TMAX"])[1, 59] == pytest.approx(8 + 0.01 * (365 + 60), rel=1e-6)
    assert values(rows["TMAX"])[1, 58] == pytest.approx(8 + 0.01 * (365 + 58), rel=1e-6)
    assert not [line for line in source.warnings if "TMAX" in line or "HMAX" in line]


def test_days_of_poor_quality_are_missing_unless_all_are_kept(tmp_path):
    data = frame()
    data.loc[:12, "NEE_VUT_REF_QC"] = 2
    data.loc[48:59, "NEE_VUT_REF_QC"] = 3
    write(tmp_path, data)
    seen = {}
    for min_qc in (0.75, 0.7, None):
        source = AmeriFlux.open(tmp_path, min_qc=min_qc)
        nee = values(source.sequences(source.sites)["NEE"])
        seen[min_qc] = np.flatnonzero(np.isnan(nee[0])).tolist()
    assert seen == {0.75: [0], 0.7: [], None: []}


def daily(data: pd.DataFrame) -> pd.DataFrame:
    """A daily file of the same days, with other values so that it is seen which file is taken."""
    dates = (data["TIMESTAMP_START"] // 10_000).unique()
    return pd.DataFrame(
        {"TIMESTAMP": dates, "TA_F": 5.0, "P_F": 1.0, "SW_IN_F": 200.0, "SW_IN_POT": 300.0, "WS_F": 1.5,
         "LE_F_MDS": 20.0, "LE_F_MDS_QC": 1.0, "NEE_VUT_REF": -1.0, "NEE_VUT_REF_QC": 1.0, "GPP_NT_VUT_REF": 4.0,
         "RECO_NT_VUT_REF": 3.0}
    )  # fmt: skip


def test_beside_a_daily_file_only_extremes_are_taken(tmp_path):
    data = frame()
    write(tmp_path / "half", data)
    write(tmp_path / "day", daily(data), resolution="DD")
    source = AmeriFlux.open(tmp_path)
    rows = source.sequences(source.sites)
    day = {name: float(values(rows[name])[0, 0]) for name in source.inputs + source.targets}
    assert (day["TMAX"], day["TMIN"]) == pytest.approx((8, -4))
    assert day["HMAX"] == pytest.approx(saturation(2 + 6 / 2**0.5) - 0.1, rel=1e-5)
    assert (day["NEE"], day["PREC"], day["WIND"]) == (-1, 1, 1.5)
    assert day["ET"] == pytest.approx(1.728 / (2.501 - 0.002361 * 5), rel=1e-5)
    said = warning(source, "US-Tst: fluxes and daily weather from")
    assert "SET_DD_" in said
    assert "extremes of the day from AMF_US-Tst_FLUXNET_FULLSET_HH_" in said


def test_sites_with_and_without_half_hours_share_what_both_have(tmp_path):
    data = frame()
    write(tmp_path, data, "US-Hhh")
    write(tmp_path, daily(data), "US-Day", "DD")
    source = AmeriFlux.open(tmp_path)
    assert [site.name for site in source.sites] == ["US-Day", "US-Hhh"]
    assert source.inputs == ("TMAX", "TMIN", "PREC", "RADN", "WIND")
    assert "US-Day" in warning(source, "HMAX, HMIN: left out")
    derived = warning(source, "TMAX, TMIN: derived")
    assert "US-Day" in derived
    assert "US-Hhh" not in derived


def test_a_gap_of_months_costs_its_year(tmp_path):
    data = frame("2007-01-01", "2008-12-31")
    write(tmp_path, data[(data["TIMESTAMP_START"] < 200804010000) | (data["TIMESTAMP_START"] >= 200807010000)])
    source = AmeriFlux.open(tmp_path)
    assert source.sequences(source.sites)["year"].to_pylist() == [2007]
    assert "91 days missing" in warning(source, "first 20080401")
    warning(source, "2008 left out, for gaps")


def test_a_year_that_lacks_its_last_day_is_filled(tmp_path):
    data = frame()
    write(tmp_path, data[:-48])
    source = AmeriFlux.open(tmp_path)
    rows = source.sequences(source.sites)
    assert np.isnan(values(rows["NEE"])[0, 364])
    assert values(rows["TMAX"])[0, 364] == values(rows["TMAX"])[0, 363]
    warning(source, "TMAX interpolated on 1 days")


@pytest.mark.parametrize("name", ["AMF_{site}_FLUXNET_FLUXMET_HH_2007-2007_v1.3_r1.csv", NAME])
def test_names_of_half_hours_may_hold_hours_only_in_the_newer_product(tmp_path, name):
    write(tmp_path, frame(minutes=60), name=name)
    if "FLUXMET" in name:
        assert AmeriFlux.open(tmp_path).sites[0].name == "US-Tst"
    else:
        with pytest.raises(AgrofluxError, match="another resolution than the name says: expected 30 minutes a line"):
            AmeriFlux.open(tmp_path)


def test_a_site_in_two_subdaily_files(tmp_path):
    write(tmp_path, frame(last="2007-01-01"))
    write(tmp_path / "again", frame(last="2007-01-01", minutes=60), resolution="HR")
    with pytest.raises(AgrofluxError, match=r"two sub-daily files of US-Tst.*_HH_.* and again/.*_HR_"):
        AmeriFlux.open(tmp_path)


# Bad input


def _set(column: str, value: object, row: int = 40) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(data: pd.DataFrame) -> pd.DataFrame:
        data = data.astype({column: object})
        data.loc[row, column] = value
        return data

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: pd.concat([data, data[9:14]]), ["duplicate times", "5 more than once", "200701010430"]),
        (_set("TIMESTAMP_START", "200701321000"), ["no date", "yyyymmddHHMM", "'200701321000'", "line 41"]),
        (_set("TIMESTAMP_START", "200701012460"), ["no date", "TIMESTAMP_START"]),
        (_set("TIMESTAMP_END", "20070102"), ["no date", "'20070102'", "TIMESTAMP_END"]),
        (_set("TIMESTAMP_END", "200701012130"), ["an uneven period", "90 minutes from 200701012000"]),
        (lambda data: data.assign(TIMESTAMP_START=data["TIMESTAMP_START"] + 5), ["another resolution", "25 minutes"]),
        (_set("P_F", "n/a"), ["no number", "'n/a'", "column P_F", "200701012000"]),
        (_set("TA_F", "inf"), ["no number", "'inf'"]),
        (_set("NEE_VUT_REF_QC", 0.5), ["quality flag is none", "0.5", "day 20070101"]),
        (lambda data: data[:0], ["no days"]),
        (lambda data: data.rename(columns={"TIMESTAMP_END": "END"}), ["no FLUXNET header", "TIMESTAMP_END"]),
    ],
)
def test_bad_values(tmp_path, change, words):
    said = message(write(tmp_path, change(frame(last="2007-01-03"))))
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[:-30], ["broken line", "13 cells", "row 97"]),
        (lambda text: text.replace(b",", b";"), ["no FLUXNET header", "commas"]),
        (lambda text: b"", ["empty file"]),
        (lambda text: text.replace(b"200701010130,", b"2007\xff1010130,", 1), ["UTF-8", "row 4"]),
        (lambda text: text.decode().encode("utf-16"), ["UTF-8", "row 1"]),
    ],
    ids=["truncated", "semicolons", "empty", "not utf-8", "utf-16"],
)
def test_bad_files(tmp_path, change, words):
    path = write(tmp_path, frame(last="2007-01-02"))
    path.write_bytes(change(path.read_bytes()))
    said = message(path)
    for word in words:
        assert word in said


@pytest.mark.parametrize("column", ["TA_F", "P_F", "SW_IN_F", "NEE_VUT_REF", "NEE_VUT_REF_QC"])
def test_a_needed_column_is_missing(tmp_path, column):
    path = write(tmp_path, frame(last="2007-01-02").drop(columns=column))
    with pytest.raises(AgrofluxError, match=f"no column {column}") as caught:
        AmeriFlux.open(tmp_path)
    assert str(path) in str(caught.value)


def test_another_unit_is_said(tmp_path):
    data = frame()
    write(tmp_path, data.assign(TA_F=data["TA_F"] + 273.15))
    with pytest.raises(AgrofluxError, match=r"US-Tst: TA_F in another unit: expected values within -52\.5 to 47\.5"):
        AmeriFlux.open(tmp_path)


_SHORT = frame(last="2007-01-02").to_csv(index=False, lineterminator="\n").encode()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, len(_SHORT)),
    length=st.integers(0, 60) | st.just(len(_SHORT)),
    noise=st.binary(max_size=8)
    | st.sampled_from(
        [b"", b",", b"\n", b"\r", b'"', b"-9999", b"nan", b"inf", b"1e400", b"200712312330", b";", b"\0"]
    ),
)
def test_no_file_is_answered_with_anything_but_days_or_the_one_error(tmp_path, start, length, noise):
    path = tmp_path / NAME.format(site="US-Tst", resolution="HH")
    path.write_bytes(_SHORT[:start] + noise + _SHORT[start + length :])
    try:
        days, _ = read(path)
    except AgrofluxError:
        return
    assert len(days) >= 1
    assert not np.isinf(days.to_numpy()).any()
