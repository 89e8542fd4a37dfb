"""The reader of EcoSIM's history: totals, signs, units, layers and columns, the calendar, and bad files."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.sequences import features, values
from agroflux_data.sources.model_runs.ecosys_output import EcosysOutput
from agroflux_data.sources.readers import Reading, read
from agroflux_data.splits import Years

NAME = "mead_4.ecosim.h0.{}.nc"
UNITS = {
    "PREC_col": "mm H2O/m2/hr", "SOL_RADN_col": "W/m2", "HMAX_AIR_col": "kPa", "WIND_col": "m/s",
    "AIR_TEMP_col": "oC", "ECO_GPP_col": "gC/m2", "ECO_RA_col": "gC/m2", "ECO_RH_col": "gC/m2",
    "CO2_SEMIS_FLX_col": "umol C/m2/s", "N2O_SEMIS_FLX_col": "gN/m2/hr", "ECO_ET_col": "mm H2O/m2",
    "GRAIN_C_pft": "gC/m2", "tSoilOrgC_col": "gC/m2", "cNO3t_vr": "gN/Mg soil", "rWatFLP_vr": "m3 H2O/m3 soil pore",
    "VSPore_vr": "m3 pore/m3 soil",
}  # fmt: skip
TOTALS = ("ECO_GPP_col", "ECO_RA_col", "ECO_RH_col", "ECO_ET_col")
LEVELS, PFTS = 6, 3


def history(first: str = "2003-01-01", last: str = "2005-12-31", columns: int = 1, leap: bool = True) -> dict:
    """Variables of a case as the model would write them, totals included; and the dates of the records."""
    rng = np.random.default_rng(columns)
    dates = pd.date_range(first, last)
    dates = dates if leap else dates[~((dates.month == 2) & (dates.day == 29))]
    daily = {name: rng.uniform(0.1, 1, (len(dates), columns)) for name in UNITS if name.endswith("_col")}
    daily |= {"AIR_TEMP_col": daily["AIR_TEMP_col"] * 20, "SOL_RADN_col": daily["SOL_RADN_col"] * 300}
    for name in ("ECO_RA_col", "ECO_RH_col", "CO2_SEMIS_FLX_col", "N2O_SEMIS_FLX_col"):
        daily[name] = -0.01 * daily[name]
    wrote = dict(daily)
    for name in TOTALS:
        wrote[name] = pd.DataFrame(daily[name]).groupby(dates.year).cumsum().to_numpy()
    wrote["GRAIN_C_pft"] = np.ma.masked_invalid(np.full((len(dates), columns * PFTS), np.nan))
    for column in range(columns):
        wrote["GRAIN_C_pft"][:, column * PFTS] = dates.day_of_year * 0.5 + column
        wrote["GRAIN_C_pft"][:, column * PFTS + 1] = 10.0
    layer = np.arange(1, LEVELS + 1)[None, :, None] * np.ones((len(dates), 1, columns))
    wrote |= {"cNO3t_vr": layer, "rWatFLP_vr": layer / 10, "VSPore_vr": np.full_like(layer, 0.5)}
    return {"daily": daily, "wrote": wrote, "dates": dates, "columns": columns}


def write(path: Path, data: dict, rows: slice = slice(None), kind: str = "NETCDF3_CLASSIC", **changes: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    count = len(data["dates"][rows])
    with netCDF4.Dataset(path, "w", format=kind) as file:
        sizes = {"time": count, "column": data["columns"], "pft": data["columns"] * PFTS, "levsoi": LEVELS}
        for name, size in {**sizes, "hist_interval": 2}.items():
            file.createDimension(name, size)
        for name, array in data["wrote"].items():
            place = {"col": ("column",), "pft": ("pft",), "_vr": ("levsoi", "column")}[name[-3:]]
            variable = file.createVariable(name, "f4", ("time", *place), fill_value=1e30)
            variable.units = changes.get(name, UNITS[name])
            variable[:] = array[rows]
        bounds = file.createVariable("time_bounds", "f8", ("time", "hist_interval"))
        start = np.arange(len(data["dates"]))[rows]
        bounds[:] = np.stack([start, start + 1], axis=1)
    return path


def column(source: EcosysOutput, name: str) -> np.ndarray:
    return values(source.sequences(source.sites)[name])


def message(path: Path) -> str:
    with pytest.raises(AgrofluxError) as caught:
        EcosysOutput.open(path)
    return str(caught.value)


def warning(source: EcosysOutput, *words: str) -> str:
    """The one warning that has all the words."""
    found = [line for line in source.warnings if all(word in line for word in words)]
    assert len(found) == 1, (words, source.warnings)
    return found[0]


@pytest.mark.parametrize("kind", ["NETCDF3_CLASSIC", "NETCDF4"])
def test_a_case_year_is_a_row_in_canonical_units_and_signs(tmp_path, kind):
    data = history()
    write(tmp_path / NAME.format("2003-01-01-00000"), data, kind=kind)
    source = EcosysOutput.open(tmp_path)
    rows = source.sequences(source.sites)

    assert (source.name, source.origin, source.years) == ("ecosys", "ecosys", Years(2003, 2006, 2006, 2005))
    assert rows.schema == features(source.inputs, source.targets).arrow_schema
    assert rows["sequence"].to_pylist() == [1_042_003, 1_042_004, 1_042_005]
    assert (source.sites[0].name, rows["treatment"][0].as_py()) == ("mead", 4)
    daily = {name: array[:, 0] for name, array in data["daily"].items()}
    respired = -daily["ECO_RA_col"] - daily["ECO_RH_col"]
    for name, expected in {
        "PREC": 24 * daily["PREC_col"],
        "RADN": 0.0864 * daily["SOL_RADN_col"],
        "HMAX": daily["HMAX_AIR_col"],
        "GPP": daily["ECO_GPP_col"],
        "RECO": respired,
        "NEE": respired - daily["ECO_GPP_col"],
        "SOIL_CO2": -1.0368 * daily["CO2_SEMIS_FLX_col"],
        "N2O": -24 * daily["N2O_SEMIS_FLX_col"],
        "ET": daily["ECO_ET_col"],
    }.items():
        # 2004: with a leap day, and with totals that start anew.
        of_2004 = np.delete(expected[365 : 365 + 366], 59)
        np.testing.assert_allclose(values(rows[name])[1], of_2004, rtol=1e-4, atol=2e-4, err_msg=name)
    assert [values(rows[f"NO3_L{layer}"])[0, 0] for layer in (1, 3, 5)] == [1, 3, 5]
    assert values(rows["SWC_L3"])[0, 0] == pytest.approx(0.15)
    assert values(rows["YIELD"])[:, 7].tolist() == [365 / 2 + 10, 366 / 2 + 10, 365 / 2 + 10]
    carbon = pd.Series(daily["tSoilOrgC_col"], data["dates"]).groupby(data["dates"].year).last()
    change = values(rows["DSOC"])[:, 0]
    assert np.isnan(change[0])
    np.testing.assert_allclose(change[1:], carbon.diff()[1:], atol=1e-5)


def test_columns_are_sites_and_plants_of_a_column_are_summed(tmp_path):
    data = history(columns=2)
    write(tmp_path / NAME.format("2003-01-01-00000"), data)
    source = EcosysOutput.open(tmp_path)
    assert [site.name for site in source.sites] == ["mead-1", "mead-2"]
    rows = source.sequences(source.sites)
    assert values(rows["YIELD"])[[0, 3], 0].tolist() == [365 / 2 + 10, 365 / 2 + 11]
    np.testing.assert_allclose(values(rows["PREC"])[3], 24 * data["daily"]["PREC_col"][:365, 1], rtol=1e-5)


def test_files_of_a_case_follow_each_other(tmp_path):
    data = history()
    write(tmp_path / "one" / NAME.format("2003-01-01-00000"), data)
    cut = 365 + 100
    write(tmp_path / "two" / NAME.format("2003-01-01-00000"), data, slice(0, cut))
    write(tmp_path / "two" / NAME.format("2004-04-10-00000"), data, slice(cut, None))
    whole, parts = EcosysOutput.open(tmp_path / "one"), EcosysOutput.open(tmp_path / "two")
    np.testing.assert_array_equal(column(parts, "GPP"), column(whole, "GPP"))
    assert parts.content != whole.content


def test_years_may_stand_for_the_date_in_a_name(tmp_path):
    write(tmp_path / NAME.format("subset_2003-2005"), history())
    assert EcosysOutput.open(tmp_path).years == Years(2003, 2006, 2006, 2005)


def test_runs_without_leap_days_are_told_by_their_totals(tmp_path):
    data = history(leap=False)
    write(tmp_path / NAME.format("2003-01-01-00000"), data)
    rain = column(EcosysOutput.open(tmp_path), "PREC")
    np.testing.assert_allclose(rain.reshape(-1), 24 * data["daily"]["PREC_col"][:, 0], rtol=1e-5)


def test_temperatures_need_the_latitude(tmp_path):
    path = write(tmp_path / NAME.format("2003-01-01-00000"), history())
    source = EcosysOutput.open(tmp_path)
    assert "TMAX" not in source.inputs
    warning(source, "TMAX", "latitude")
    with netCDF4.Dataset(path, "a") as file:
        for name, degrees in {"lat": 41.2, "lon": -96.5}.items():
            file.createVariable(name, "f8", ("column",))[:] = degrees
    source = EcosysOutput.open(tmp_path)
    assert (source.sites[0].lat, source.sites[0].lon) == (41.2, -96.5)
    mean = (column(source, "TMAX") + column(source, "TMIN")) / 2
    np.testing.assert_allclose(mean[0], history()["daily"]["AIR_TEMP_col"][:365, 0], rtol=1e-5)
    assert (column(source, "TMAX") > column(source, "TMIN")).all()


def test_what_a_case_did_not_write_is_named(tmp_path):
    data = history()
    for name in ("VSPore_vr", "ECO_RH_col", "GRAIN_C_pft"):
        del data["wrote"][name]
    write(tmp_path / NAME.format("2003-01-01-00000"), data)
    source = EcosysOutput.open(tmp_path)
    assert not {"SWC_L1", "RECO", "NEE", "YIELD"} & {*source.targets}
    text = warning(source, "not in the history")
    assert all(name in text for name in ("VSPore_vr", "ECO_RH_col", "GRAIN_C_pft", "ECO_HVST_C_col"))


# Bad files


def test_files_that_are_no_netcdf_are_named(tmp_path):
    path = tmp_path / NAME.format("2003-01-01-00000")
    for content in (b"", b"not a NetCDF at all", b"CDF\x01junk"):
        path.write_bytes(content)
        assert all(word in message(tmp_path) for word in ("NetCDF", path.name))


@pytest.mark.parametrize("kind", ["NETCDF3_CLASSIC", "NETCDF4"])
def test_a_truncated_file_is_refused_or_lacks_its_days(tmp_path, kind):
    path = write(tmp_path / NAME.format("2003-01-01-00000"), history(), kind=kind)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert path.name in message(tmp_path)


def test_a_netcdf_without_what_is_needed_is_named(tmp_path):
    path = tmp_path / NAME.format("2003-01-01-00000")
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", 3)
        file.createVariable("PREC_col", "f4", ("time",))
    assert all(word in message(tmp_path) for word in ("no variable time_bounds", "PREC_col"))
    data = history()
    data["wrote"] = {"PREC_col": data["wrote"]["PREC_col"]}
    write(path, data)
    assert "no output in a run" in message(tmp_path)


def test_damage_inside_a_file_is_our_error(tmp_path):
    path = write(tmp_path / NAME.format("2003-01-01-00000"), history(last="2003-12-31"))
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    faults = 0
    for _ in range(40):
        damaged = bytearray(whole)
        for place in rng.integers(0, 4000, 10):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            source = EcosysOutput.open(tmp_path)
            source.sequences(source.sites)
        except AgrofluxError:
            faults += 1
    assert faults


def test_another_unit_is_refused(tmp_path):
    write(tmp_path / NAME.format("2003-01-01-00000"), history(), PREC_col="mm H2O/m2/day")
    assert all(word in message(tmp_path) for word in ("another unit of PREC_col", "mm H2O/m2/hr", "mm H2O/m2/day"))


def test_hourly_history_is_left_out(tmp_path):
    data = history()
    path = write(tmp_path / NAME.format("2003-01-01-00000"), data)
    hourly = write(tmp_path / NAME.replace("h0", "h1").format("2003-01-01-00000"), data)
    with netCDF4.Dataset(hourly, "a") as file:
        file["time_bounds"][:] = file["time_bounds"][:] / 24
    warning(EcosysOutput.open(tmp_path), hourly.name, "not a day long")
    path.unlink()
    assert "no daily history" in message(tmp_path)


def test_days_that_stand_twice_are_refused(tmp_path):
    data = history()
    write(tmp_path / NAME.format("2003-01-01-00000"), data)
    write(tmp_path / NAME.format("2005-01-01-00000"), data, slice(365 + 366, None))
    assert all(word in message(tmp_path) for word in ("duplicate days", "day 1 of 2005"))


def test_a_name_with_another_first_day_is_told_by_the_totals(tmp_path):
    write(tmp_path / NAME.format("2003-02-01-00000"), history())
    assert "start anew on 1 January" in message(tmp_path)
    (tmp_path / NAME.format("2003-02-01-00000")).rename(tmp_path / NAME.format("2003-13-01-00000"))
    assert "no date" in message(tmp_path)


def test_other_names_are_named(tmp_path):
    write(tmp_path / "mead.nc", history())
    assert all(word in message(tmp_path) for word in ("no history of EcoSIM", "mead.nc"))
    (tmp_path / "mead.nc").unlink()
    assert "no output of Ecosys" in message(tmp_path)


def test_two_cases_of_a_site_and_treatment_are_refused(tmp_path):
    data = history(last="2003-12-31")
    for folder in ("a", "b"):
        write(tmp_path / folder / NAME.format("2003-01-01-00000"), data)
    assert all(word in message(tmp_path) for word in ("two runs of site mead, treatment 4", "a/mead_4", "b/mead_4"))


def test_a_gap_costs_its_year(tmp_path):
    data = history()
    write(tmp_path / NAME.format("2003-01-01-00000"), data, slice(0, 500))
    write(tmp_path / NAME.format("2004-06-01-00000"), data, slice(517, None))
    source = EcosysOutput.open(tmp_path)
    assert source.sequences(source.sites)["year"].to_pylist() == [2003, 2005]
    warning(source, "2004 left out")


def test_years_of_the_sample_sum_to_its_totals(shared):
    source = EcosysOutput.open(shared / "samples" / "ecosim", test_from=2002)
    rows = source.sequences(source.sites)
    assert rows["year"].to_pylist() == [2001, 2002]
    for name, totals in {
        "GPP": [1181.243, 1355.810],
        "RECO": [418.125 + 1110.378, 698.004 + 540.306],
        "ET": [420.220, 485.469],
        "N2O": [0.10392, 0.01492],
    }.items():
        np.testing.assert_allclose(values(rows[name]).astype(float).sum(axis=1), totals, rtol=1e-3, err_msg=name)
    np.testing.assert_allclose(values(rows["YIELD"])[:, 0], [383.700, 253.537], rtol=1e-5)
    assert {"TMAX", "TMIN"}.isdisjoint(source.inputs)
    assert "VSPore_vr" in warning(source, "not in the history")


def test_the_reader_is_called_by_name_with_its_tables(shared, tmp_path):
    (tmp_path / "soils.csv").write_text(
        "site,TBKDS,TCSAND,TCSILT,TPH,TSOC,lat,lon\ndryland_maize,1.3,100,600,6.5,15,41.2,-96.5\n"
    )
    reading = Reading(test_from=2002, soils=tmp_path / "soils.csv")
    (source,) = read("ecosys", shared / "samples" / "ecosim", reading)
    assert {"TMAX", "TMIN", "TSOC"} <= {*source.inputs}
    (source,) = read("daycent", shared / "samples" / "daycent_mead", Reading(test_from=1987))
    assert (source.name, len(source.sites)) == ("daycent", 1)
