"""Chamber tables: units, daily means, what is refused, and a release made of them."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agroflux_data.errors import AgrofluxError
from agroflux_data.sequences import values
from agroflux_data.sources.chambers import chamber_table
from agroflux_data.sources.chambers.flux_units import EXAMPLES, nitrogen_flux
from agroflux_data.sources.chambers.source import Chambers
from agroflux_data.sources.fields import weather_table
from agroflux_data.sources.fields.fields import Fields

UNIT = "ug N2O-N m-2 h-1"


def write(path: Path, rows: Iterable[tuple[object, ...]], header: str = "time,chamber,flux,unit") -> Path:
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def hours(day: str, fluxes: Iterable[float], chamber: object = 1, unit: str = UNIT) -> list[tuple[object, ...]]:
    """One measurement an hour, from midnight on."""
    return [(f"{day}T{hour:02d}:10", chamber, flux, unit) for hour, flux in enumerate(fluxes)]


def weather(path: Path, years: Iterable[int]) -> Path:
    days = np.arange("2016-01-01", "2019-01-01", dtype="datetime64[D]")
    rows = [(day, 20 + day.day / 10, 5, 1.5) for day in days.tolist() if day.year in years]
    return write(path, rows, "date,TMAX,TMIN,PREC")


def fields(tables: dict[str, Path]) -> Fields:
    return Fields.read(tables.get("soils"), tables.get("management"), tables.get("weather"))


def message(call, *arguments, **options) -> str:
    with pytest.raises(AgrofluxError) as caught:
        call(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("g N m-2 d-1", 1), ("mg N m-2 h-1", 0.024), ("ug N2O-N m-2 h-1", 2.4e-5), ("µg N2O-N m⁻² h⁻¹", 2.4e-5),
        ("g N ha-1 d-1", 1e-4), ("kg N2O-N ha-1 day-1", 0.1), ("ng N cm-2 h-1", 2.4e-4), ("g N/m2/d", 1),
        ("mg N2O m-2 d-1", 1e-3 * 28.0134 / 44.0128), ("nmol N2O m-2 s-1", 1e-9 * 28.0134 * 86400),
        ("umol N2O m^-2 min-1", 1e-6 * 28.0134 * 1440),
    ],
)  # fmt: skip
def test_units(unit, factor):
    assert nitrogen_flux(unit) == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize("unit", EXAMPLES)
def test_every_example_of_a_unit_is_understood(unit):
    assert nitrogen_flux(unit) > 0


@pytest.mark.parametrize(
    "unit", ["", "g", "g N m-2", "g N m d-1", "g N ha-2 d-1", "mol N m-2 s-1", "g CO2 m-2 d-1", "ppm", "g N m-2 y-1"]
)
def test_what_is_no_unit_of_n2o_flux_is_refused(unit):
    assert "such as g N m-2 d-1" in message(nitrogen_flux, unit)


def test_a_day_is_the_mean_of_its_hours_and_an_hour_that_of_its_measurements(tmp_path):
    rows = [*hours("2016-05-03", range(1, 13)), ("2016-05-03T00:40", 1, 5, UNIT)]
    found = chamber_table.read([write(tmp_path / "a.csv", rows)], 12)
    (day,) = np.flatnonzero(~np.isnan(found.daily["1", 2016]))
    assert day == 31 + 28 + 31 + 30 + 2  # 29 February 2016 has no place
    assert found.daily["1", 2016][day] == pytest.approx(np.mean([3, *range(2, 13)]) * 2.4e-5)


def test_days_of_too_few_hours_are_counted_in_a_note(tmp_path):
    rows = [*hours("2016-05-03", [1] * 12), *hours("2016-05-04", [1] * 11), *hours("2016-05-05", ["NA"] * 24)]
    path = write(tmp_path / "a.csv", rows)
    found = chamber_table.read([path], 12)
    assert np.isfinite(found.daily["1", 2016]).sum() == 1
    assert "1 of 2 days with measurements left out, for fewer than 12 hours" in " ".join(found.notes)
    assert np.isfinite(chamber_table.read([path], 1).daily["1", 2016]).sum() == 2
    assert "at most 12 hours" in message(chamber_table.read, [path], 13)


def test_missing_values_units_row_by_row_and_order(tmp_path):
    rows = hours("2016-05-03", [100, "", "NA", "nan", -9999, 200])
    rows += [("2016-05-03T06:00", 1, 0.0072, "g N m-2 d-1")]
    found = chamber_table.read([write(tmp_path / "a.csv", rows[::-1])], 1)
    assert np.nanmean(found.daily["1", 2016]) == pytest.approx((0.0024 + 0.0048 + 0.0072) / 3)
    notes = " ".join(found.notes)
    assert "units g N m-2 d-1, ug N2O-N m-2 h-1 in one table" in notes
    assert "times out of order, and sorted, of 1 chambers" in notes


def test_the_leap_day_is_dropped_and_the_year_keeps_365_days(tmp_path):
    rows = [row for day in ("2016-02-28", "2016-02-29", "2016-03-01") for row in hours(day, [1] * 12)]
    found = chamber_table.read([write(tmp_path / "a.csv", rows)], 12)
    assert np.flatnonzero(~np.isnan(found.daily["1", 2016])).tolist() == [58, 59]


def test_a_chamber_in_two_files(tmp_path):
    one = write(tmp_path / "one.csv", hours("2016-05-03", [1] * 12))
    two = write(tmp_path / "two.csv", hours("2016-05-04", [2] * 12))
    assert np.isfinite(chamber_table.read([one, two], 12).daily["1", 2016]).sum() == 2
    again = write(tmp_path / "three.csv", hours("2016-05-03", [1] * 12))
    assert "12 measurements that stand twice" in " ".join(chamber_table.read([one, again], 12).notes)
    other = write(tmp_path / "four.csv", hours("2016-05-03", [1.5] * 12))
    said = message(chamber_table.read, [one, other], 12)
    assert "two values of one time: chamber 1 at 2016-05-03 00:10:00" in said
    assert "four.csv, one.csv" in said


def test_impossible_fluxes_are_missing_and_named(tmp_path):
    rows = hours("2016-05-03", [1] * 12 + [1e6])
    found = chamber_table.read([write(tmp_path / "a.csv", rows)], 12)
    assert np.nanmax(found.daily["1", 2016]) == pytest.approx(2.4e-5)
    assert "1 measurements taken as missing, as outside -0.05 to 2 g N m-2 d-1, the first 24" in " ".join(found.notes)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty file"),
        (b"time;chamber;flux;unit\n2016-05-03;1;1;g N m-2 d-1\n", "no column time, chamber, flux, unit"),
        (b"time,chamber,flux\n2016-05-03,1,1\n", "no column unit"),
        (b"time,chamber,flux,unit\n", "no measurements"),
        (b"time,chamber,flux,unit\n2016-05-03T00:00,1\n", "broken line"),
        (b"time,chamber,flux,unit\n2016-05-03,1,1,g N m-2 d-1,9\n2016-05-04,1,1,g N m-2 d-1,8,7\n", "broken line"),
        (b"time,chamber,flux,unit\n3 May 2016,1,1,g N m-2 d-1\n", "no time: expected ISO 8601"),
        (b"time,chamber,flux,unit\n2016-05-03T00:00Z,1,1,g N m-2 d-1\n", "without an offset"),
        (b"time,chamber,flux,unit\n2016-05-03T00:00-06:00,1,1,g N m-2 d-1\n", "without an offset"),
        (b"time,chamber,flux,unit\n2016-02-30,1,1,g N m-2 d-1\n", "line 2"),
        (b"time,chamber,flux,unit\n2016-05-03,,1,g N m-2 d-1\n", "no chamber"),
        (b"time,chamber,flux,unit\n2016-05-03,1,much,g N m-2 d-1\n", "no flux"),
        (b"time,chamber,flux,unit\n2016-05-03,1,1e999,g N m-2 d-1\n", "no flux"),
        (b"time,chamber,flux,unit\n2016-05-03,1,1,g N m-2 y-1\n", "unknown unit of N2O flux"),
        (b"time,chamber,flux,unit\n2016-05-03,1,1,\xb5g N m-2 h-1\n", "no text in UTF-8"),
    ],
)  # fmt: skip
def test_bad_tables_are_one_clear_error(tmp_path, content, said):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    found = message(chamber_table.read, [path], 1)
    assert said in found or (said == "no unit" and "unknown unit" in found)
    assert "bad.csv" in found


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(st.lists(st.text(max_size=8), max_size=6), max_size=5)))
def test_no_other_error_escapes(tmp_path_factory, content):
    text = (
        content
        if isinstance(content, str)
        else "\n".join(",".join(row) for row in [["time,chamber,flux,unit"], *content])
    )
    path = tmp_path_factory.mktemp("fuzz") / "a.csv"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    for reading in (lambda: chamber_table.read([path], 1), lambda: weather_table.read(path)):
        with contextlib.suppress(AgrofluxError):
            reading()


def test_weather_in_whole_years(tmp_path):
    path = weather(tmp_path / "weather.csv", [2016, 2018])
    table = weather_table.read(path)
    assert table.years("1") == (2016, 2018)
    assert set(table.daily("1", 2016)) == {"TMAX", "TMIN", "PREC"}
    assert table.daily("1", 2016)["TMAX"][58:60] == pytest.approx([22.8, 20.1])
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:100] + lines[101:]))
    assert weather_table.read(path).years("1") == (2018,)


def test_one_sites_weather_goes_before_that_of_all(tmp_path):
    rows = [(day, "", 20, 5, 1) for day in np.arange("2017-01-01", "2018-01-01", dtype="datetime64[D]")]
    rows += [(day, "B", 30, 5, 1) for day in np.arange("2017-01-01", "2018-01-01", dtype="datetime64[D]")]
    table = weather_table.read(write(tmp_path / "weather.csv", rows, "date,site,TMAX,TMIN,PREC"))
    assert table.daily("A", 2017)["TMAX"][0] == 20
    assert table.daily("B", 2017)["TMAX"][0] == 30


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2016-01-01,5,9,0", "TMIN above TMAX"),
        ("2016-01-01,500,9,0", "a number out of range"),
        ("2016-01-01,,9,0", "TMAX"),
        ("01/02/2016,5,1,0", "yyyy-mm-dd"),
        ("2016-01-01,5,1,0\n2016-01-01,5,1,0", "a day twice: 2016-01-01 of all sites"),
    ],
)
def test_bad_weather_is_one_clear_error(tmp_path, row, said):
    path = tmp_path / "weather.csv"
    path.write_text(f"date,TMAX,TMIN,PREC\n{row}\n")
    assert said in message(weather_table.read, path)


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, Path]:
    """Six chambers in three years, with weather, management and soils."""
    rows = [
        row
        for chamber in range(1, 7)
        for year in (2016, 2017, 2018)
        for day in range(1, 25)
        for row in hours(f"{year}-05-{day:02d}", np.arange(1, 13) * chamber, chamber)
    ]
    fields = tmp_path / "fields"
    fields.mkdir()
    events = [
        (chamber, f"{year}-{what}") for chamber in range(1, 7) for year in (2016, 2017, 2018)
        for what in ("05-01,planting,corn,", "05-20,fertiliser,,18")
    ]  # fmt: skip
    soils = [(chamber, 1.4, 110, 580, 6.3, 16.5, 41.2, -96.5) for chamber in range(1, 7)]
    write(tmp_path / "chambers.csv", rows)
    return {
        "path": tmp_path / "chambers.csv",
        "weather": weather(fields / "weather.csv", [2016, 2017, 2018]),
        "management": write(fields / "management.csv", events, "site,date,event,crop,amount"),
        "soils": write(fields / "soils.csv", soils, "site,TBKDS,TCSAND,TCSILT,TPH,TSOC,lat,lon"),
    }


def test_rows_of_chambers(tables):
    source = pickle.loads(pickle.dumps(Chambers.open(tables["path"], fields=fields(tables))))
    assert [site.number for site in source.sites] == [1, 2, 3, 4, 5, 6]
    assert source.sites[0].lat == 41.2
    rows = source.sequences(source.sites[1:3])
    assert rows["sequence"].to_pylist()[:2] == [2002016, 2002017]
    assert np.nanmean(values(rows["N2O"])[0]) == pytest.approx(2 * 6.5 * 2.4e-5, rel=1e-6)
    assert values(rows["FERTZR_N"]).sum(axis=1).tolist() == [18.0] * 6
    assert rows["TSOC"].to_pylist() == [16.5] * 6
    assert source.sequences([]).schema == rows.schema


def test_years_without_weather_are_left_out_and_named(tables):
    weather(tables["weather"], [2016, 2018])
    source = Chambers.open(tables["path"], fields=fields(tables))
    assert source.years.all == range(2016, 2019)
    assert source.sequences(source.sites[:1])["year"].to_pylist() == [2016, 2018]
    assert any("1: 2017 left out, as the table of weather" in warning for warning in source.warnings)


def test_a_chamber_without_a_soil_is_left_out_and_named(tables):
    lines = tables["soils"].read_text().splitlines()
    tables["soils"].write_text("\n".join(lines[:-1]) + "\n")
    source = Chambers.open(tables["path"], fields=fields(tables))
    assert [site.name for site in source.sites] == ["1", "2", "3", "4", "5"]
    assert "6: left out, as the table of soils has no row of it" in source.warnings


def test_tables_that_are_not_given_are_inputs_that_lack(tables):
    source = Chambers.open(tables["path"], fields=Fields.read(None, None, tables["weather"]))
    assert source.inputs == ("TMAX", "TMIN", "PREC")
    assert any(warning.startswith("FERTZR_N, PDOY") for warning in source.warnings)


def test_bad_choices_are_one_clear_error(tables, tmp_path):
    assert "min_hours from 1 to 24" in message(Chambers.open, tables["path"], min_hours=25)
    assert "no chamber table" in message(Chambers.open, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert "a folder with some" in message(Chambers.open, tmp_path / "empty")
    tables["weather"].write_text("date,TMAX,TMIN,PREC\n2016-01-01,5,1,0\n")
    assert "no year with both measurements and inputs" in message(Chambers.open, tables["path"], fields=fields(tables))


def test_a_release_of_chambers_is_sound(command, tables, tmp_path):
    options = [f"--{name}={path}" for name, path in tables.items() if name != "path"]
    built = command("agroflux-data", "import", "chambers", str(tables["path"]), "mine", *options, cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    checked = command("agroflux-data", "check", "mine", cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_source_without_inputs_is_no_release(command, tables, tmp_path):
    result = command("agroflux-data", "import", "chambers", str(tables["path"]), "mine", cwd=tmp_path)
    assert result.returncode == 2
    assert "a source without inputs" in result.stderr
    assert not (tmp_path / "mine").exists()
