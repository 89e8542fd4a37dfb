"""The reader of tower files, daily ones above all: what it derives, masks and fills, and what it says of bad files."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agroflux_data.commands.reading import least_quality
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import features, values
from agroflux_data.sources.fields.fields import Fields
from agroflux_data.sources.fluxnet.ameriflux import AmeriFlux
from agroflux_data.sources.fluxnet.folder import find
from agroflux_data.sources.fluxnet.site import temperature_range
from agroflux_data.splits import Years
from agroflux_data.variables import CORE_INPUTS

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "samples" / "fluxnet"
NAME = "FLX_{site}_FLUXNET2015_SUBSET_DD_2007-2009_1-3.csv"


def frame(first: str = "2007-01-01", last: str = "2009-12-31", seed: int = 0) -> pd.DataFrame:
    """A tower's days in FLUXNET columns and units; 2008 is a leap year."""
    rng = np.random.default_rng(seed)
    days = pd.date_range(first, last)
    season = np.sin((days.day_of_year.to_numpy() - 100) / 365 * 2 * np.pi)
    potential = 300 + 150 * season
    reco, gpp = 2 + 1.5 * season, np.maximum(0, 4 * season) + rng.uniform(0, 1, len(days))
    return pd.DataFrame(
        {
            "TIMESTAMP": days.strftime("%Y%m%d"),
            "TA_F": 10 + 12 * season + rng.normal(0, 2, len(days)),
            "TA_F_QC": 1.0,
            "SW_IN_POT": potential,
            "SW_IN_F": potential * rng.uniform(0.05, 0.8, len(days)),
            "P_F": np.maximum(0, rng.normal(0, 4, len(days))),
            "WS_F": rng.uniform(1, 6, len(days)),
            "LE_F_MDS": 40 + 35 * season,
            "LE_F_MDS_QC": 1.0,
            "NEE_VUT_REF": reco - gpp,
            "NEE_VUT_REF_QC": 1.0,
            "GPP_NT_VUT_REF": gpp,
            "RECO_NT_VUT_REF": reco,
        }
    )


def write(folder: Path, data: pd.DataFrame, site: str = "US-Tst", name: str = NAME) -> Path:
    path = folder / name.format(site=site)
    path.parent.mkdir(parents=True, exist_ok=True)
    data.to_csv(path, index=False, lineterminator="\n")
    return path


def day(data: pd.DataFrame, date: str) -> int:
    """The row of a date."""
    return int(data.index[data["TIMESTAMP"] == date][0])


def column(source: AmeriFlux, name: str) -> np.ndarray:
    return values(source.sequences(source.sites)[name])


def message(folder: Path, **options: Any) -> str:
    with pytest.raises(AgrofluxError) as caught:
        AmeriFlux.open(folder, **options)
    return str(caught.value)


def assert_same(one: pa.Table, other: pa.Table) -> None:
    """Equal tables; Arrow's own comparison holds no NaN equal."""
    pd.testing.assert_frame_equal(one.to_pandas(), other.to_pandas(), check_exact=True)


def warning(source: AmeriFlux, *words: str) -> str:
    """The one warning that has all the words."""
    found = [line for line in source.warnings if all(word in line for word in words)]
    assert len(found) == 1, (words, source.warnings)
    return found[0]


# What a row holds


def test_a_site_year_is_a_row_in_canonical_units(tmp_path):
    data = frame()
    write(tmp_path, data)
    source = AmeriFlux.open(tmp_path)
    rows = source.sequences(source.sites)

    assert (source.name, source.origin, source.years) == ("towers", "ameriflux", Years(2007, 2010, 2010, 2009))
    assert source.inputs == ("TMAX", "TMIN", "PREC", "RADN", "WIND")
    assert source.targets == ("GPP", "RECO", "NEE", "ET")
    assert rows.schema == features(source.inputs, source.targets).arrow_schema
    assert rows["sequence"].to_pylist() == [1_002_007, 1_002_008, 1_002_009]
    assert rows["site"].to_pylist() == ["US-Tst"] * 3
    assert rows["treatment"].to_pylist() == [0, 0, 0]
    assert np.isnan(rows["lat"].to_numpy()).all()
    of_2007 = data[:365]
    for name, expected in {
        "PREC": of_2007["P_F"],
        "RADN": of_2007["SW_IN_F"] * 0.0864,
        "WIND": of_2007["WS_F"],
        "NEE": of_2007["NEE_VUT_REF"],
        "GPP": of_2007["GPP_NT_VUT_REF"],
        "RECO": of_2007["RECO_NT_VUT_REF"],
        "ET": of_2007["LE_F_MDS"] * 86400 / (2.501e6 - 2361 * of_2007["TA_F"]),
    }.items():
        np.testing.assert_allclose(values(rows[name])[0], expected, rtol=1e-5, atol=1e-6, err_msg=name)


def test_leap_day_is_dropped(tmp_path):
    data = frame()
    data.loc[day(data, "20080228"), "P_F"] = 28
    data.loc[day(data, "20080229"), "P_F"] = 29
    data.loc[day(data, "20080301"), "P_F"] = 31
    data.loc[day(data, "20081231"), "P_F"] = 99
    write(tmp_path, data)
    rain = column(AmeriFlux.open(tmp_path), "PREC")
    assert rain[1, [58, 59, 364]].tolist() == [28, 31, 99]


def test_temperatures_straddle_the_mean_by_the_clearness_of_the_day(tmp_path):
    data = frame()
    data.loc[0, ["SW_IN_F", "SW_IN_POT"]] = [0.17 * 3 * 400, 400]
    write(tmp_path, data)
    source = AmeriFlux.open(tmp_path)
    high, low = column(source, "TMAX"), column(source, "TMIN")
    assert (high > low).all()
    np.testing.assert_allclose((high[0] + low[0]) / 2, data["TA_F"][:365], atol=1e-4)
    assert high[0, 0] - low[0, 0] == pytest.approx(9, abs=1e-4)
    assert "Hargreaves" in warning(source, "TMAX")


@pytest.mark.parametrize(
    ("radiation", "above", "spread"), [(0, 0, 1), (5, 0, 1), (0, 300, 1), (300, 300, 25), (0.34 * 300, 300, 4)]
)
def test_daily_range_of_temperature_is_bounded(radiation, above, spread):
    assert temperature_range(radiation, above) == pytest.approx(spread)
    assert np.isnan(temperature_range(np.nan, above))


def test_fluxes_count_only_on_days_with_enough_measured_data(tmp_path):
    data = frame()
    data.loc[:2, "NEE_VUT_REF_QC"] = [0.74, 0.75, -9999]
    data.loc[5, "LE_F_MDS_QC"] = 0.5
    data.loc[7, ["NEE_VUT_REF", "GPP_NT_VUT_REF"]] = -9999
    write(tmp_path, data)
    source = AmeriFlux.open(tmp_path)
    for name in ("NEE", "GPP"):
        assert np.flatnonzero(np.isnan(column(source, name)[0])).tolist() == [0, 2, 7]
    assert np.flatnonzero(np.isnan(column(source, "RECO")[0])).tolist() == [0, 2]
    assert np.flatnonzero(np.isnan(column(source, "ET")[0])).tolist() == [5]
    assert "2 of 1096 days" in warning(source, "US-Tst", "NEE", "below 0.75")
    lenient = AmeriFlux.open(tmp_path, min_qc=0.5)
    assert np.flatnonzero(np.isnan(column(lenient, "NEE")[0])).tolist() == [2, 7]
    everything = AmeriFlux.open(tmp_path, min_qc=None)
    assert np.flatnonzero(np.isnan(column(everything, "NEE")[0])).tolist() == [7]
    assert not np.isnan(column(everything, "ET")).any()
    assert everything.content != AmeriFlux.open(tmp_path, min_qc=0).content


def test_observed_exchange_is_not_forced_to_close(tmp_path):
    data = frame()
    data["NEE_VUT_REF"] += 0.5
    write(tmp_path, data)
    source = AmeriFlux.open(tmp_path)
    np.testing.assert_allclose(column(source, "NEE")[0], data["NEE_VUT_REF"][:365], atol=1e-5)
    assert "0.50 g C" in warning(source, "US-Tst", "RECO - GPP")


# What a file lacks


def test_short_gaps_in_inputs_are_interpolated(tmp_path):
    data = frame()
    data.loc[99:105, "P_F"] = [2, -9999, -9999, -9999, -9999, -9999, 8]
    data.loc[0, "WS_F"] = -9999
    write(tmp_path, data)
    source = AmeriFlux.open(tmp_path)
    np.testing.assert_allclose(column(source, "PREC")[0, 99:106], [2, 3, 4, 5, 6, 7, 8], atol=1e-5)
    assert column(source, "WIND")[0, 0] == pytest.approx(data.loc[1, "WS_F"], abs=1e-5)
    assert "5 days" in warning(source, "US-Tst", "PREC", "interpolated")


def test_a_year_with_a_long_gap_in_an_input_is_left_out(tmp_path):
    data = frame()
    data.loc[400:405, "SW_IN_F"] = -9999
    write(tmp_path, data)
    source = AmeriFlux.open(tmp_path)
    rows = source.sequences(source.sites)
    assert rows["year"].to_pylist() == [2007, 2009]
    assert not np.isnan(np.stack([values(rows[name]) for name in source.inputs])).any()
    assert "RADN" in warning(source, "US-Tst", "2008 left out")


def test_part_years_and_years_without_fluxes_are_left_out(tmp_path):
    data = frame(first="2006-07-01")
    data.loc[data["TIMESTAMP"].str.startswith("2008"), ["NEE_VUT_REF_QC", "LE_F_MDS_QC"]] = 0
    write(tmp_path, data)
    source = AmeriFlux.open(tmp_path)
    assert source.sequences(source.sites)["year"].to_pylist() == [2007, 2009]
    assert "gaps" in warning(source, "2006 left out")
    assert "no flux" in warning(source, "2008 left out")


def test_days_that_the_file_lacks_are_a_gap(tmp_path):
    data = frame()
    write(tmp_path, data.drop(index=[200, 201]))
    source = AmeriFlux.open(tmp_path)
    assert np.flatnonzero(np.isnan(column(source, "NEE")[0])).tolist() == [200, 201]
    assert not np.isnan(column(source, "PREC")).any()
    assert "20070720" in warning(source, "2 days missing")


def test_days_out_of_order_are_sorted(tmp_path):
    data = frame()
    write(tmp_path / "ordered", data)
    write(tmp_path / "shuffled", data.sample(frac=1, random_state=1))
    ordered, shuffled = AmeriFlux.open(tmp_path / "ordered"), AmeriFlux.open(tmp_path / "shuffled")
    assert_same(shuffled.sequences(shuffled.sites), ordered.sequences(ordered.sites))
    warning(shuffled, "out of order")


@pytest.mark.parametrize("absent", [True, False], ids=["no column", "no values"])
def test_other_thresholds_and_partitionings_stand_in(tmp_path, absent):
    usual = ["NEE_VUT_REF", "NEE_VUT_REF_QC", "GPP_NT_VUT_REF", "RECO_NT_VUT_REF"]
    data = frame()
    data["NEE_CUT_REF"], data["NEE_CUT_REF_QC"] = data["NEE_VUT_REF"] - 1, 1.0
    data["GPP_DT_CUT_REF"], data["RECO_DT_CUT_REF"] = data["GPP_NT_VUT_REF"] + 1, data["RECO_NT_VUT_REF"]
    expected = data[["GPP_DT_CUT_REF", "NEE_CUT_REF"]].to_numpy()[:365]
    if absent:
        data = data.drop(columns=usual)
    else:
        data[usual] = -9999
    write(tmp_path, data)
    source = AmeriFlux.open(tmp_path)
    np.testing.assert_allclose(column(source, "GPP")[0], expected[:, 0], atol=1e-5)
    np.testing.assert_allclose(column(source, "NEE")[0], expected[:, 1], atol=1e-5)
    warning(source, "NEE taken from NEE_CUT_REF")
    warning(source, "GPP taken from GPP_DT_CUT_REF")


def test_columns_are_those_that_all_sites_have(tmp_path):
    write(tmp_path, frame(), "US-Two")
    write(tmp_path, frame(seed=1).drop(columns=["WS_F", "LE_F_MDS"]), "US-One")
    source = AmeriFlux.open(tmp_path)
    assert source.inputs == ("TMAX", "TMIN", "PREC", "RADN")
    assert source.targets == ("GPP", "RECO", "NEE")
    assert "US-One" in warning(source, "WIND: left out")
    assert "US-One" in warning(source, "ET: left out")
    for name in ("HMAX", "FERTZR_N", "PLANTT", "TBKDS", "lat"):
        warning(source, name)


def test_impossible_values_are_missing_values(tmp_path):
    data = frame()
    data.loc[10, "P_F"], data.loc[11, "NEE_VUT_REF"], data.loc[12, "SW_IN_F"] = 1e6, 999, -0.4
    write(tmp_path, data)
    source = AmeriFlux.open(tmp_path)
    assert column(source, "PREC")[0, 10] == pytest.approx((data.loc[9, "P_F"] + data.loc[11, "P_F"]) / 2, abs=1e-5)
    assert np.isnan(column(source, "NEE")[0, 11])
    assert column(source, "RADN")[0, 12] == 0
    assert "20070111" in warning(source, "PREC taken as missing")
    assert "20070112" in warning(source, "NEE taken as missing")


# What other files say of the fields

SOILS = "site,TBKDS,TCSAND,TCSILT,TPH,TSOC,lat,lon\nUS-Tst,1.42,110,580,6.3,16.5,41.2,-96.5\n"
MANAGEMENT = """site,date,event,crop,amount
US-Tst,2007-05-01,planting,corn,
US-Tst,2007-06-01,fertiliser,,9
US-Tst,2009-05-11,planting,soybean,
"""
BADM = """SITE_ID,GROUP_ID,VARIABLE_GROUP,VARIABLE,DATAVALUE
US-Tst,1,GRP_LOCATION,LOCATION_LAT,40.5
US-Tst,1,GRP_LOCATION,LOCATION_LONG,-95.25
US-Tst,2,GRP_IGBP,IGBP,GRA
"""


def fields(folder: Path, soils: str = SOILS, management: str = MANAGEMENT) -> Fields:
    paths = folder / "soils.txt", folder / "management.txt"
    for path, text in zip(paths, (soils, management), strict=True):
        path.write_text(text)
    return Fields.read(*paths)


def test_soils_and_management_become_inputs(tmp_path):
    write(tmp_path, frame())
    source = AmeriFlux.open(tmp_path, fields=fields(tmp_path))
    rows = source.sequences(source.sites)
    assert source.inputs == (*CORE_INPUTS, "RADN", "WIND")
    assert rows.schema == features(source.inputs, source.targets).arrow_schema
    assert rows["year"].to_pylist() == [2007, 2009]
    assert rows["TCSILT"].to_pylist() == [580, 580]
    assert values(rows["PLANTT"])[:, [0, 364]].tolist() == [[1, 1], [0, 0]]
    assert np.argwhere(values(rows["PDOY"])).tolist() == [[0, 120], [1, 130]]
    assert values(rows["FERTZR_N"]).sum(axis=1).tolist() == [9, 0]
    assert rows["lat"].to_pylist() == [pytest.approx(41.2)] * 2
    assert "no planting in it" in warning(source, "US-Tst: 2008 left out")
    assert not [line for line in source.warnings if "TBKDS" in line or "PDOY" in line or "lat, lon" in line]
    assert source.sequences([]).num_rows == 0
    assert source.content != AmeriFlux.open(tmp_path).content


def test_sites_that_the_tables_do_not_know_are_left_out(tmp_path):
    for site in ("US-Tst", "US-Two"):
        write(tmp_path, frame(), site)
    source = AmeriFlux.open(tmp_path, fields=fields(tmp_path))
    assert [site.name for site in source.sites] == ["US-Tst"]
    assert warning(source, "US-Two: left out").endswith("as the table of soils has no row of it")
    other = fields(tmp_path, soils=SOILS.replace("US-Tst", "US-ne1"), management=MANAGEMENT.replace("US-Tst", "US-ne1"))
    said = message(tmp_path, fields=other)
    assert "no year that can be used" in said
    assert "US-Tst: left out, as the table of soils has no row of it" in said


def test_the_network_says_where_the_tower_stands(tmp_path):
    write(tmp_path, frame())
    (tmp_path / "AMF_US-Tst_FLUXNET_BIF_2007-2009_v1.3_r1.csv").write_text(BADM)
    (tmp_path / "AMF_US-Tst_FLUXNET_BIFVARINFO_DD_2007-2009_v1.3_r1.csv").write_text("no BADM\n")
    (tmp_path / "AMF_US-Tst_BIF_20230922.xlsx").write_bytes(b"PK")
    source = AmeriFlux.open(tmp_path, fields=fields(tmp_path))
    rows = source.sequences(source.sites)
    assert set(zip(rows["lat"].to_pylist(), rows["lon"].to_pylist(), strict=True)) == {(40.5, -95.25)}
    assert "GRA (IGBP)" in warning(source, "US-Tst: stands on")
    warning(source, "AMF_US-Tst_BIF_20230922.xlsx: not read")


def test_the_command_takes_tables_and_quality(command, tmp_path):
    write(tmp_path / "towers", frame().assign(NEE_VUT_REF_QC=0.3))
    (tmp_path / "soils.csv").write_text(SOILS)
    (tmp_path / "management.csv").write_text(MANAGEMENT)
    result = command(
        "agroflux-data", "build", "mine", "--source", "ameriflux=towers", "--soils", "soils.csv", "--management",
        "management.csv", "--all-qc", "--test-from", "2009", cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    train = Release(tmp_path / "mine").table("towers_temporal", "train")
    assert train["year"].to_pylist() == [2007]
    assert train["TPH"].to_pylist() == [pytest.approx(6.3)]
    assert not np.isnan(values(train["NEE"])).any()
    assert command("agroflux-data", "check", "mine", cwd=tmp_path).returncode == 0


def test_a_bad_table_is_one_clear_error_of_the_command(command, tmp_path):
    write(tmp_path / "towers", frame())
    (tmp_path / "soils.csv").write_text(SOILS.replace("580", "58").replace("110", "11"))
    result = command("agroflux-data", "import", "ameriflux", "towers", "mine", "--soils", "soils.csv", cwd=tmp_path)
    assert result.returncode == 2
    assert "impossible texture" in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"towers", "soils.csv"}


def test_one_choice_of_quality():
    assert [least_quality(None, False), least_quality(0.5, False), least_quality(None, True)] == [0.75, 0.5, None]
    with pytest.raises(AgrofluxError, match="expected --min-qc or --all-qc, got"):
        least_quality(0.5, True)


# Files, sites and years


def test_daily_files_are_told_by_their_names(tmp_path):
    data = frame(last="2007-12-31")
    for site, name in {
        "US-Aaa": "FLX_US-Aaa_FLUXNET2015_FULLSET_DD_2007-2007_1-4.csv",
        "US-Bbb": "deep/er/AMF_US-Bbb_FLUXNET_SUBSET_DD_2007-2007_3-5.csv",
        "US-Ccc": "AMF_US-Ccc_FLUXNET_FLUXMET_DD_2007-2007_v1.3_r1.csv",
        "DE-Ddd": "ICOSETC_DE-Ddd_FLUXNET_DD_L2.csv",
    }.items():
        write(tmp_path, data, site, name)
    others = [
        "FLX_US-Aaa_FLUXNET2015_FULLSET_MM_2007-2007_1-4.csv",
        "FLX_US-Aaa_FLUXNET2015_ERAI_DD_1989-2014_1-4.csv",
        "AMF_US-Ccc_FLUXNET_ERA5_HH_1981-2024_v1.3_r1.csv",
        "AMF_US-Ccc_FLUXNET_ERA5_DD_1981-2024_v1.3_r1.csv",
        "AMF_US-Ccc_FLUXNET_BIFVARINFO_HH_2007-2007_v1.3_r1.csv",
    ]
    for name in others:
        (tmp_path / name).write_text("TIMESTAMP\n")
    source = AmeriFlux.open(tmp_path)
    assert [(site.name, site.number) for site in source.sites] == [
        ("DE-Ddd", 1), ("US-Aaa", 2), ("US-Bbb", 3), ("US-Ccc", 4)
    ]  # fmt: skip
    skipped = warning(source, "files left out")
    assert all(name in skipped for name in others)
    assert [file.site for file in find(tmp_path).sites] == [site.name for site in source.sites]


def test_a_site_has_the_same_rows_whatever_is_asked_beside_it(tmp_path):
    for number, site in enumerate(("US-Two", "US-One")):
        write(tmp_path, frame(seed=number), site)
    source = pickle.loads(pickle.dumps(AmeriFlux.open(tmp_path)))
    both = source.sequences(list(reversed(source.sites)))
    assert both["sequence"].to_pylist() == sorted(both["sequence"].to_pylist())
    for number, site in enumerate(source.sites):
        assert_same(both.slice(3 * number, 3), source.sequences([site]))
    assert source.sequences([]).num_rows == 0
    assert len(pickle.dumps(source)) < 10_000


def test_content_tells_other_files_and_choices_apart(tmp_path):
    data = frame()
    write(tmp_path / "one", data)
    write(tmp_path / "two" / "moved", data)
    first = AmeriFlux.open(tmp_path / "one")
    assert AmeriFlux.open(tmp_path / "two").content == first.content
    assert AmeriFlux.open(tmp_path / "one", min_qc=0.5).content != first.content
    cuts = {AmeriFlux.open(tmp_path / "one", test_from=year).content for year in (2008, 2009)}
    assert len(cuts | {first.content}) == 3
    data.loc[700, "NEE_VUT_REF"] += 0.1
    write(tmp_path / "one", data)
    assert AmeriFlux.open(tmp_path / "one").content != first.content


def test_years_are_the_benchmarks_where_the_files_have_them(tmp_path):
    write(tmp_path, frame("1999-01-01", "2017-12-31"))
    source = AmeriFlux.open(tmp_path)
    assert source.years == Years(2000, 2014, 2016, 2017)
    assert source.sequences(source.sites)["year"].to_pylist() == list(range(2000, 2018))
    assert "2000 to 2020" in warning(source, "1999 left out")


def test_a_first_test_year_cuts_the_years(tmp_path):
    write(tmp_path, frame("1998-01-01", "2000-12-31"))
    source = AmeriFlux.open(tmp_path, test_from=2000)
    assert source.years == Years(1998, 2000, 2000, 2000)
    assert [source.years.period(year) for year in (1998, 1999, 2000)] == ["train", "train", "test"]
    for wrong in (1998, 2001):
        assert "from 1999 to 2000" in message(tmp_path, test_from=wrong)


def test_years_for_neither_training_nor_testing_are_said(tmp_path):
    write(tmp_path / "early", frame())
    warning(AmeriFlux.open(tmp_path / "early"), "none for testing")
    write(tmp_path / "late", frame("2017-01-01", "2018-12-31"))
    warning(AmeriFlux.open(tmp_path / "late"), "none for training")


def test_a_site_without_a_usable_year_is_left_out(tmp_path):
    write(tmp_path, frame("1995-01-01", "1997-12-31"), "US-Old")
    assert "1995 to 1997" in message(tmp_path)
    write(tmp_path, frame())
    source = AmeriFlux.open(tmp_path)
    assert [site.name for site in source.sites] == ["US-Tst"]
    warning(source, "US-Old: left out")


# Bad input


def test_no_folder(tmp_path):
    assert "nothing there" in message(tmp_path / "none")
    file = write(tmp_path, frame())
    assert "a file" in message(file)


def test_no_daily_file(tmp_path):
    assert "an empty folder" in message(tmp_path)
    (tmp_path / "AMF_US-Ne1_FLUXNET_SUBSET_2001-2020_3-5.zip").write_text("")
    (tmp_path / "FLX_US-Ne1_FLUXNET2015_SUBSET_MM_2001-2013_1-4.csv").write_text("TIMESTAMP\n")
    text = message(tmp_path)
    assert "no daily, half-hourly or hourly file: expected unpacked files" in text
    assert "SUBSET_MM" in text
    assert ".zip" in text


def test_archives_are_to_be_unpacked(tmp_path):
    archive = tmp_path / "AMF_US-Ne1_FLUXNET_SUBSET_2001-2020_3-5.zip"
    archive.write_bytes(b"PK")
    assert "an archive, to be unpacked first" in message(archive)
    write(tmp_path, frame())
    assert archive.name in warning(AmeriFlux.open(tmp_path), "files left out, as packed")


def test_a_site_in_two_files(tmp_path):
    write(tmp_path, frame())
    write(tmp_path, frame(), name="again/AMF_{site}_FLUXNET_FULLSET_DD_2007-2009_3-5.csv")
    text = message(tmp_path)
    assert "two daily files of US-Tst" in text
    assert "AMF_US-Tst" in text
    assert "FLX_US-Tst" in text


@pytest.mark.parametrize("lacking", ["TA_F", "P_F", "SW_IN_F", "SW_IN_POT", "NEE_VUT_REF", "NEE_VUT_REF_QC"])
def test_a_needed_column_is_missing(tmp_path, lacking):
    path = write(tmp_path, frame().drop(columns=lacking))
    text = message(tmp_path)
    assert text.startswith(f"no column {lacking}: expected all of TA_F, P_F")
    assert text.endswith(f"(in {path})")


def _set(column: str, value: object, row: int = 40) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(data: pd.DataFrame) -> pd.DataFrame:
        data = data.astype({column: object})
        data.loc[row, column] = value
        return data

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: pd.concat([data, data[10:14]]), ["duplicate days", "20070111, 20070112, 20070113 and 1 more"]),
        (_set("TIMESTAMP", "20070230"), ["no date", "'20070230'", "TIMESTAMP", "line 41"]),
        (_set("TIMESTAMP", "200702"), ["no date", "yyyymmdd", "'200702'"]),
        (_set("TIMESTAMP", "00070210"), ["no date", "1950"]),
        (_set("P_F", "n/a"), ["no number", "'n/a'", "column P_F", "20070210"]),
        (_set("NEE_VUT_REF_QC", 2), ["quality flag", "2.0", "NEE_VUT_REF_QC", "20070210"]),
        (lambda data: data.assign(NEE_VUT_REF=-9999), ["nothing observed", "-9999 everywhere in NEE_VUT_REF"]),
        (lambda data: data.assign(NEE_VUT_REF_QC=0.1), ["nothing observed", "at least 0.75"]),
        (lambda data: data.assign(TA_F=data["TA_F"] + 273.15), ["US-Tst: TA_F in another unit", "such days"]),
        (lambda data: data.assign(TA_F=-9999), ["no year that can be used", "TMAX"]),
        (lambda data: data[:0], ["no days"]),
    ],
)
def test_bad_values(tmp_path, change, words):
    write(tmp_path, change(frame()))
    text = message(tmp_path)
    for word in (*words, "US-Tst" if "no year" not in text else str(tmp_path)):
        assert word in text


def _text() -> bytes:
    return frame().to_csv(index=False, lineterminator="\n").encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["empty file"]),
        (b"\nTIMESTAMP,TA_F\n", ["no FLUXNET header", "a first line"]),
        (_text()[:-40], ["broken line", "13 cells", "row 1097"]),
        (_text().replace(b",", b";"), ["no FLUXNET header", "commas", "TIMESTAMP;TA_F"]),
        (_text().decode().encode("utf-16"), ["UTF-8"]),
        (_text().replace(b"20070105,", b"2007\xff105,"), ["UTF-8", "row 6"]),
        (_text().replace(b"WS_F", b"P_F"), ["column twice", "P_F"]),
        (b"PK\x03\x04" + bytes(range(32)), ["no FLUXNET header"]),
    ],
    ids=["empty", "empty line", "truncated", "semicolons", "utf-16", "not utf-8", "twice", "binary"],
)
def test_bad_files(tmp_path, content, words):
    path = tmp_path / NAME.format(site="US-Tst")
    path.write_bytes(content)
    text = message(tmp_path)
    for word in (*words, str(path)):
        assert word in text


def test_bad_quality(tmp_path):
    write(tmp_path, frame())
    with pytest.raises(AgrofluxError, match="min_qc from 0 to 1"):
        AmeriFlux.open(tmp_path, min_qc=75)


def test_radiation_beyond_that_above_the_atmosphere_is_said(tmp_path):
    data = frame()
    write(tmp_path, data.assign(SW_IN_POT=200.0, SW_IN_F=280.0))
    warning(AmeriFlux.open(tmp_path), "US-Tst: RADN", "W m-2")


def test_marks_of_other_programs_do_no_harm(tmp_path):
    data = frame()
    data.loc[3, "NEE_VUT_REF"] = np.nan
    words = data.astype({"NEE_VUT_REF": object, "WS_F": object})
    words.loc[3, "NEE_VUT_REF"], words.loc[4, "WS_F"] = "NA", " -9999.0"
    data.loc[4, "WS_F"] = -9999
    write(tmp_path / "plain", data)
    path = tmp_path / "other" / NAME.format(site="US-Tst")
    path.parent.mkdir()
    path.write_bytes(b"\xef\xbb\xbf" + words.to_csv(index=False, lineterminator="\r\n").encode())
    plain, other = AmeriFlux.open(tmp_path / "plain"), AmeriFlux.open(tmp_path / "other")
    assert_same(other.sequences(other.sites), plain.sequences(plain.sites))
    assert np.isnan(column(other, "NEE")[0, 3])


_SHORT = frame(last="2007-12-31").to_csv(index=False, lineterminator="\n")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_file_is_answered_with_anything_but_rows_or_the_one_error(tmp_path, data):
    start = data.draw(st.integers(0, len(_SHORT)))
    length = data.draw(st.one_of(st.just(0), st.integers(0, 40), st.just(len(_SHORT))))
    cells = st.sampled_from(
        [
            "",
            ",",
            "\n",
            "\r",
            '"',
            "-9999",
            "nan",
            "inf",
            "-inf",
            "1e400",
            "True",
            "0x1",
            "20079999",
            "20071231",
            ";",
            "\0",
        ]
    )
    noise = data.draw(st.one_of(st.binary(max_size=8), st.lists(cells, max_size=6).map(lambda c: "".join(c).encode())))
    content = _SHORT[:start].encode() + noise + _SHORT[start + length :].encode()
    (tmp_path / NAME.format(site="US-Tst")).write_bytes(content)
    try:
        source = AmeriFlux.open(tmp_path)
    except AgrofluxError:
        return
    rows = source.sequences(source.sites)
    assert rows.num_rows >= 1
    for name in source.inputs:
        assert np.isfinite(values(rows[name])).all()


# The real record


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="needs the real tower files of ../shared/samples/fluxnet")
def test_the_real_record_of_us_ar1():
    source = AmeriFlux.open(SAMPLES, test_from=2012)
    rows = source.sequences(source.sites)
    assert [site.name for site in source.sites] == ["US-AR1"]
    assert rows["year"].to_pylist() == [2009, 2010, 2011, 2012]
    assert "US-Ne1_FLUXNET2015_SUBSET_MM" in warning(source, "files left out")
    june_15 = 31 + 28 + 31 + 30 + 31 + 15 - 1
    # From the file's line of 20100615: 346.574 W m-2, 158.344 W m-2 at 23.661 degC.
    for name, expected in {
        "PREC": 0.1, "WIND": 1.889, "RADN": 29.94399, "NEE": -2.30089, "GPP": 4.41892, "RECO": 2.11804, "ET": 5.59521,
    }.items():  # fmt: skip
        assert values(rows[name])[1, june_15] == pytest.approx(expected, rel=1e-5), name
    high, low = values(rows["TMAX"])[1, june_15], values(rows["TMIN"])[1, june_15]
    assert (high + low) / 2 == pytest.approx(23.661, abs=1e-4)
    assert high - low == pytest.approx(17.611, abs=1e-3)
    # 20120604 comes after the leap day, and its exchange was not measured.
    assert values(rows["PREC"])[3, june_15 - 11] == 0
    assert np.isnan(values(rows["NEE"])[3, june_15 - 11])
    # 20121231 is the last day of a leap year.
    assert values(rows["PREC"])[3, 364] == pytest.approx(6.836)
    observed = (~np.isnan(values(rows["NEE"]))).sum(axis=1)
    assert observed.tolist() == [233, 362, 356, 238]
    np.testing.assert_allclose(values(rows["NEE"]), values(rows["RECO"]) - values(rows["GPP"]), atol=1e-4)
