"""The sub-daily process model: printed values of its equations, closed balances, and how a field behaves."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from agroflux_data.simulators.drivers import Drivers, Latents, Management, Simulation, Soil, Weather
from agroflux_data.simulators.ecosys import Ecosys, heat, microbes
from agroflux_data.simulators.ecosys.ammonia import volatilised
from agroflux_data.simulators.ecosys.column import conductances, solve
from agroflux_data.simulators.ecosys.habitat import habitat
from agroflux_data.simulators.ecosys.hours import disaggregate
from agroflux_data.simulators.ecosys.model import _Field
from agroflux_data.simulators.ecosys.parameters import PARAMETERS, RATE, table
from agroflux_data.simulators.ecosys.photosynthesis import leaf
from agroflux_data.simulators.ecosys.soil_water import drain, fill, spill
from agroflux_data.simulators.ecosys.temperature import INTERCEPTS, response
from agroflux_data.simulators.hydraulics import saxton_rawls
from agroflux_data.simulators.sun import extraterrestrial_radiation
from agroflux_data.variables import DAYS, VARIABLES

RATES = (0.0, 5.0, 10.0, 17.0, 25.0, 33.6)
YEARS = 3
LATITUDE = 41.0


def _weather(years: int, series: int, rain: float = 1.0, seed: int = 3) -> Weather:
    """A Corn Belt year: sinusoidal seasons, a wet-dry chain with gamma amounts; the same in all series."""
    generator = np.random.default_rng(seed)
    days = years * DAYS
    day = np.arange(days) % DAYS
    season = -np.cos(2 * np.pi * (day - 15) / DAYS)
    chance, noise = generator.random(days), generator.normal(0, 3, days)
    wet = np.zeros(days, bool)
    for i in range(1, days):
        wet[i] = chance[i] < (0.43 if wet[i - 1] else 0.27)
        noise[i] += 0.6 * noise[i - 1]
    mean, spread = 10.5 + 13.3 * season + noise, 11 - 2.5 * wet
    tmin = mean - spread / 2
    vapour = 0.6108 * np.exp(17.27 * (tmin - 1) / (tmin + 236.3))
    sky = np.where(wet, 0.38, 0.60) * generator.uniform(0.85, 1.1, days)
    columns = {
        "TMAX": mean + spread / 2,
        "TMIN": tmin,
        "PREC": rain * wet * generator.gamma(0.7, 12, days) * (1 + 0.35 * season),
        "RADN": sky * extraterrestrial_radiation(LATITUDE, day + 1),
        "HMAX": 1.1 * vapour,
        "HMIN": 0.95 * vapour,
        "WIND": generator.uniform(2.5, 5.5, days),
    }
    return Weather(**{name: np.repeat(values[:, None], series, axis=1) for name, values in columns.items()})


def _drivers(
    years: int = YEARS, rates: tuple[float, ...] = RATES, rain: float = 1.0, corn_first: bool = True
) -> Drivers:
    """Corn and soybean in turn, all nitrogen at planting, one series for each rate."""
    series = len(rates)
    fertiliser, planting = np.zeros((2, years * DAYS, series))
    crop = np.zeros((years * DAYS, series))
    for year in range(years):
        corn = (year % 2 == 0) == corn_first
        crop[year * DAYS : (year + 1) * DAYS] = corn
        day = year * DAYS + (120 if corn else 138)
        planting[day] = 1
        fertiliser[day] = np.array(rates) * corn
    soil = Soil(*(np.full(series, value) for value in (1.35, 190.0, 530.0, 6.3, 14.5)))
    return Drivers(
        2001,
        np.full(series, LATITUDE),
        soil,
        _weather(years, series, rain),
        Management(fertiliser, planting, crop),
        Latents.neutral(years, series),
    )


@cache
def _simulated() -> Simulation:
    return Ecosys(spin_up=2).run(_drivers())


def _years(name: str) -> np.ndarray:
    """(years, 365, series)."""
    return _simulated().outputs[name].astype(float).reshape(YEARS, DAYS, -1)


# Equations.


def test_temperature_response_has_the_published_values() -> None:
    expected = [0.017, 0.083, 0.219, 0.403, 0.651, 1.0, 1.458, 1.865, 1.754]
    np.testing.assert_allclose(response(np.arange(0, 41, 5)), expected, atol=5.1e-4)


@pytest.mark.parametrize("energy", sorted(INTERCEPTS))
def test_every_temperature_response_is_one_at_25_degrees(energy: float) -> None:
    assert response(25.0, energy) == pytest.approx(1, abs=0.01)


def test_c3_leaf_is_farquhar_and_compensates_above_zero_co2() -> None:
    c3 = leaf(PARAMETERS, 90, 1500, 25, corn=False)
    # Rubisco-limited by hand: Vc (C - G) / (C + Kc (1 + O/Ko)) with Kc = 380 and O/Ko = 0.516.
    gamma, ci = float(c3.compensation), 150.0
    assert 15 < gamma < 60
    assert float(c3.assimilation(np.asarray(ci))) == pytest.approx(90 * (ci - gamma) / (ci + 576), rel=0.02)
    assert float(c3.assimilation(np.asarray(gamma))) == 0


def test_c4_saturates_with_co2_where_c3_still_gains() -> None:
    low, high = np.asarray(180.0), np.asarray(360.0)
    c3 = leaf(PARAMETERS, 90, 1500, 25, corn=False)
    c4 = leaf(PARAMETERS, 44, 1500, 25, corn=True)
    assert c4.assimilation(high) / c4.assimilation(low) < 1.05
    assert c3.assimilation(high) / c3.assimilation(low) > 1.3
    assert float(c4.compensation) == 0


def test_microsite_oxygen_solves_its_quadratic() -> None:
    dissolved, km, found = 8.0, 0.08, []
    for demand, conductance in ((0.01, 2.0), (0.5, 1.0), (20.0, 1.0)):
        s = microbes.microsite_oxygen(demand, conductance, dissolved, km)
        assert demand * s / (s + km) == pytest.approx(conductance * (dissolved - s), rel=1e-9)
        found.append(s)
    assert np.all(np.diff(found) < 0)


def _reduced(cascade: tuple[float, float, float], nitrous: float) -> list[float]:
    """N that passed each step of a cascade over a stock of N2O, none of which leaves."""
    to_nitrite, to_nitrous, reduction = cascade
    return [to_nitrite, to_nitrous, reduction / (1 + reduction) * (nitrous + to_nitrous)]


def test_electrons_go_to_nitrate_then_nitrite_then_nitrous_oxide() -> None:
    p, plenty, none = PARAMETERS.scalars(), (1e6, 1.0), (0.0, 1.0)
    only_nitrate = microbes.cascade(p, 1.0, plenty, plenty, plenty, 1.0)
    kept = PARAMETERS.nitrous_electrons
    np.testing.assert_allclose(_reduced(only_nitrate, 1e6), [0.875 * (1 - kept), 0, 1.75 * kept], atol=1e-3)
    only_nitrous = microbes.cascade(p, 1.0, none, none, plenty, 1.0)
    np.testing.assert_allclose(_reduced(only_nitrous, 1e6), [0, 0, 1.75], atol=1e-3)


def test_column_conserves_what_it_diffuses() -> None:
    thickness = np.array([[0.1], [0.2], [0.4]])
    conductance = conductances(np.full((3, 2), 0.5), thickness, np.full(2, 0.3))
    old = np.array([[1.0, 5.0], [2.0, 0.0], [3.0, 1.0]])
    storage = thickness / 0.25 * np.ones((3, 2))
    new = solve(conductance, storage, storage * old, np.zeros(2))
    lost = (storage * (old - new)).sum(0)
    np.testing.assert_allclose(lost, conductance[0] * new[0], rtol=1e-12)
    # Against the matrix form.
    g = conductance[:, 0]
    matrix = np.diag(storage[:, 0] + g + np.append(g[1:], 0)) - np.diag(g[1:], 1) - np.diag(g[1:], -1)
    np.testing.assert_allclose(np.linalg.solve(matrix, storage[:, 0] * old[:, 0]), new[:, 0])


def test_drainage_is_the_exact_solution_and_water_is_kept() -> None:
    soil = saxton_rawls(np.array([0.19]), np.array([0.28]), np.array([2.5]), np.array([1.35]))
    content = np.full((9, 1), 0.45)
    in_steps, water = np.zeros(9), content.copy()
    thickness = np.diff([0, 0.01, 0.05, 0.10, 0.15, 0.28, 0.45, 0.60, 1.00, 1.50])[:, None]
    for _ in range(12):
        out = drain(soil, water, 0.5)
        in_steps += out[:, 0]
        water = water - out / (1000 * thickness)
    np.testing.assert_allclose(in_steps, drain(soil, content, 6.0)[:, 0], rtol=1e-9)
    room, most = np.full((9, 1), 3.0), np.full((9, 1), 10.0)
    filled, flow = fill(np.full((9, 1), 7.0), room, np.array([8.0]))
    np.testing.assert_allclose(filled[:, 0], [10, 10, 9, 7, 7, 7, 7, 7, 7])
    np.testing.assert_allclose(flow[:4, 0], [8, 5, 2, 0])
    spilt, _, over = spill(np.array([[9.0], [13.0], [2.0]]), most[:3], np.zeros((4, 1)))
    np.testing.assert_allclose(spilt[:, 0], [10, 10, 2])
    assert over[0] == pytest.approx(2)


def test_hours_keep_the_days_sums_and_extremes() -> None:
    weather = _weather(1, 2)
    hours = disaggregate(weather, np.full(2, LATITUDE), 0, steps=8)
    np.testing.assert_allclose(hours.rain.sum(1), weather.PREC, atol=1e-9)
    np.testing.assert_allclose(hours.radiation.sum(1) * 3 * 3600 / 1e6, weather.RADN, rtol=1e-6)
    assert np.all(hours.temperature <= weather.TMAX[:, None] + 1e-5)
    assert np.all(hours.temperature >= weather.TMIN[:, None] - 1e-5)
    assert np.all(hours.radiation[:, 0] == 0)


def test_every_parameter_has_a_unit_and_a_source() -> None:
    rows = table()
    assert len(rows) > 60
    for name, value, unit, source in rows:
        assert unit, name
        assert source, name
        assert np.all(np.isfinite(value)), name


# The whole model.


def test_balances_close_from_states() -> None:
    for name, error in _simulated().imbalance.items():
        assert error.shape == (YEARS, len(RATES))
        assert error.max() <= 1e-7, name


def test_outputs_are_complete_and_physical() -> None:
    simulation = _simulated()
    assert set(simulation.outputs) == set(Ecosys.outputs)
    for name, values in simulation.outputs.items():
        assert values.shape == (YEARS * DAYS, len(RATES))
        assert values.dtype == np.float32
        assert np.isfinite(values).all(), name
        assert values.min() >= VARIABLES[name].low, name
        assert values.max() <= VARIABLES[name].high, name
    for name in ("GPP", "RECO", "SOIL_CO2", "N2O", "ET", "LAI"):
        assert simulation.outputs[name].min() >= 0, name


def test_nee_is_reco_less_gpp_exactly_and_yearly_outputs_are_constant() -> None:
    out = _simulated().outputs
    np.testing.assert_array_equal(out["NEE"], out["RECO"] - out["GPP"])
    for name in ("YIELD", "DSOC"):
        assert np.ptp(_years(name), axis=1).max() == 0


def test_the_fields_carbon_adds_up() -> None:
    # What is not respired or harvested stays in the soil or lies as residue, little more after a rotation than before.
    gain = _years("GPP").sum(1) - _years("RECO").sum(1) - _years("YIELD")[:, 0] - _years("DSOC")[:, 0]
    assert np.abs(gain[:2].mean(0)).max() < 60


def test_corn_out_yields_soybean_and_both_grow_in_summer() -> None:
    gpp = _years("GPP")[..., 3]
    assert 1000 < gpp[0].sum() < 2000
    assert 500 < gpp[1].sum() < gpp[0].sum()
    assert gpp[:, 180:240].sum() > 0.5 * gpp.sum()
    assert gpp[:, :100].max() == 0
    assert 3 < _years("LAI")[0, :, 3].max() < 8


def test_yield_rises_with_nitrogen_and_then_no_more() -> None:
    yields = _years("YIELD")[[0, 2], 0].mean(0)
    assert yields[0] < yields[1] < yields[2]
    assert yields[0] < 0.8 * yields[3]
    assert yields[5] == pytest.approx(yields[3], rel=0.1)


def test_nitrous_oxide_and_nitrate_rise_with_nitrogen() -> None:
    nitrous = _years("N2O").sum((0, 1))
    # Beyond what the crop takes, a single wet week decides between N2O and N2.
    assert np.all(np.diff(nitrous[:4]) > 0)
    assert nitrous[4:].min() > nitrous[3] > 1.3 * nitrous[0]
    assert np.all(np.diff(_years("NO3_L3").mean((0, 1))) > 0)
    assert np.all(np.diff(_years("NH4_L1").mean((0, 1))) > 0)


def test_nitrous_oxide_comes_in_hot_moments() -> None:
    ordered = np.sort(_years("N2O")[..., 3], axis=1)[:, ::-1]
    share = ordered[:, :18].sum(1) / ordered.sum(1)
    assert 0.15 < share.mean() < 0.8


def _pulse(fraction: float) -> float:
    """N2O that denitrifiers give off in five days from a soil whose pores are filled to a fraction, gN m-2."""
    series = 1
    field = _Field(PARAMETERS, _drivers(1, (0.0,)), steps=4)
    content = np.full((1, 9, series), fraction) * field.hydraulics.saturation
    day = habitat(PARAMETERS, field.hydraulics, np.repeat(content, 4, 0), np.full((4, 9, series), 22.0))
    field.pools.nitrate[1:4] += 4.0
    site = field.site._replace(nitrification=np.zeros(series, RATE))
    roots = np.zeros(field.pools.doc.shape, RATE)
    given_off = 0.0
    for _ in range(5):
        dissolved = microbes.hydrolyse(PARAMETERS, day, field.pools)
        given_off += float(microbes.day(PARAMETERS, site, day, field.pools, dissolved, roots).n2o.sum())
    return given_off


def test_nitrous_oxide_from_nitrate_peaks_where_oxygen_is_short_but_not_gone() -> None:
    dry, moist, wet, flooded = (_pulse(fraction) for fraction in (0.5, 0.75, 0.88, 1.0))
    assert wet > 2 * moist > 4 * dry
    assert wet > 20 * flooded


def test_soil_temperature_waves_die_out_with_depth() -> None:
    ranges = [float((_years(f"TSMAX_L{n}") - _years(f"TSMIN_L{n}")).mean()) for n in (1, 3, 5)]
    assert ranges[0] > 1.5 * ranges[1] > 1.5 * 1.5 * ranges[2] > 0
    means = _years("TSMAX_L5")[..., 0] + _years("TSMIN_L5")[..., 0]
    assert np.ptp(means) / 2 > 15


def test_drought_closes_stomata_and_costs_yield() -> None:
    wet = Ecosys(spin_up=1).run(_drivers(1, (17.0,))).outputs
    dry = Ecosys(spin_up=1).run(_drivers(1, (17.0,), rain=0.35)).outputs
    summer = slice(190, 240)
    assert dry["ET"][summer, 0].sum() < 0.8 * wet["ET"][summer, 0].sum()
    assert dry["GPP"][summer, 0].sum() < 0.9 * wet["GPP"][summer, 0].sum()
    assert dry["SWC_L5"][summer, 0].mean() < wet["SWC_L5"][summer, 0].mean()


def test_three_hours_are_near_one_hour() -> None:
    drivers = _drivers(1, (0.0, 17.0))
    coarse, fine = (Ecosys(spin_up=0, steps=steps).run(drivers) for steps in (8, 24))
    for name, most in (("GPP", 0.04), ("RECO", 0.04), ("ET", 0.02), ("YIELD", 0.04), ("N2O", 0.2)):
        sums = [run.outputs[name].sum(0, dtype=float) for run in (coarse, fine)]
        np.testing.assert_allclose(sums[0], sums[1], rtol=most, err_msg=name)
    for imbalance in (*coarse.imbalance.values(), *fine.imbalance.values()):
        assert imbalance.max() <= 1e-8


def test_ammonia_leaves_alkaline_warm_soil_and_never_more_than_there_is() -> None:
    def lost(ammonium: float, ph: float, temperature: float, hours: float = 24.0) -> float:
        given = (np.array([value]) for value in (ammonium, 0.05, 0.0135, ph, temperature))
        return float(volatilised(PARAMETERS, *given, hours)[0])

    assert lost(2.0, 6.3, 20) < lost(2.0, 7.5, 20) < lost(2.0, 7.5, 30)
    # Twice the urea leaves the soil more alkaline too.
    assert lost(4.0, 6.3, 20) > 2 * lost(2.0, 6.3, 20)
    assert lost(2.0, 10.5, 40, hours=1e6) == pytest.approx(2.0)


def test_no_latent_heat_is_missed_when_a_day_passes_the_whole_range_of_freezing() -> None:
    content, snow = np.full((9, 1), 0.3, np.float32), np.zeros(1, np.float32)
    conductivity, capacity = np.full((9, 1), 1.2, np.float32), np.full((9, 1), 2.5e6, np.float32)
    start = np.full((heat.NODES, 1), 2.0, np.float32)
    cold = np.full(1, -15.0, np.float32)
    wet = heat.step(start, conductivity, capacity, content, cold, snow)
    dry = heat.step(start, conductivity, capacity, 0 * content, cold, snow)
    assert np.all(wet[:5] > dry[:5])
    assert wet[2, 0] > dry[2, 0] + 1


def test_a_series_does_not_depend_on_its_block() -> None:
    drivers = _drivers(1, (0.0, 17.0, 25.0))
    # The third series has another crop, so that the block is mixed.
    crop, planting = drivers.management.PLANTT.copy(), drivers.management.PDOY.copy()
    crop[:, 2], planting[:, 2] = 0, np.roll(planting[:, 2], 20)
    drivers = replace(drivers, management=Management(drivers.management.FERTZR_N, planting, crop))
    together = Ecosys(spin_up=0).run(drivers).outputs
    for column in range(3):
        take = np.array([column])
        alone = (
            Ecosys(spin_up=0)
            .run(
                replace(
                    drivers,
                    latitude=drivers.latitude[take],
                    soil=drivers.soil.take(take),
                    weather=drivers.weather.take(take),
                    management=drivers.management.take(take),
                    latents=drivers.latents.take(take),
                )
            )
            .outputs
        )
        for name, values in alone.items():
            np.testing.assert_array_equal(values[:, 0], together[name][:, column], err_msg=name)


LATENTS = {
    "maturity": 1.15,
    "productivity": 1.2,
    "vigour": 0.8,
    "tile": 1.0,
    "tile_depth": 1.2,
    "tillage": 1.0,
    "residue_removed": 0.5,
    "disequilibrium": 1.2,
    "sand_shift": 150.0,
    "carbon_shift": 1.3,
    "ph_shift": 0.8,
    "nitrification": 1.5,
    "denitrification": 2.0,
}


@cache
def _latents() -> dict[str, dict[str, np.ndarray]]:
    """Outputs of one corn year for each latent moved, and of the neutral field."""
    drivers = _drivers(1, (17.0,) * (1 + len(LATENTS)), rain=1.3)
    moved = drivers.latents
    for column, (name, value) in enumerate(LATENTS.items(), start=1):
        values = getattr(moved, name).copy()
        values[..., column] = value
        moved = replace(moved, **{name: values})
    out = Ecosys(spin_up=1).run(replace(drivers, latents=moved)).outputs
    return {
        name: {key: values[:, column].astype(float) for key, values in out.items()}
        for column, name in enumerate(("neutral", *LATENTS))
    }


def test_latents_act_as_they_say() -> None:
    runs = _latents()
    total = {name: {key: values.sum() for key, values in run.items()} for name, run in runs.items()}
    neutral = total["neutral"]
    assert total["productivity"]["GPP"] > neutral["GPP"] > total["vigour"]["GPP"]
    assert np.flatnonzero(runs["maturity"]["LAI"])[-1] > np.flatnonzero(runs["neutral"]["LAI"])[-1]
    assert total["denitrification"]["N2O"] > neutral["N2O"]
    assert total["nitrification"]["NH4_L1"] < neutral["NH4_L1"]
    assert total["ph_shift"]["NH4_L1"] < neutral["NH4_L1"]
    assert total["tile"]["SWC_L5"] < neutral["SWC_L5"]
    assert total["disequilibrium"]["DSOC"] < neutral["DSOC"]
    assert total["residue_removed"]["DSOC"] < neutral["DSOC"]
    assert total["sand_shift"]["SWC_L5"] < neutral["SWC_L5"]
    for name in LATENTS:
        assert any(not np.array_equal(values, runs["neutral"][key]) for key, values in runs[name].items()), name
