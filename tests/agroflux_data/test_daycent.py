"""The daycent process model: golden values of its equations, balances, independence, latents and realism."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from agroflux_data.simulators.daycent import DayCent, Parameters, parameter_table
from agroflux_data.simulators.daycent.nitrogen_gas import (
    carbon_dioxide_limit,
    n2_to_n2o,
    nitrate_limit,
    nitrification_ph,
    nitrification_temperature,
    water_limit,
)
from agroflux_data.simulators.daycent.organic_matter import abiotic_temperature, metabolic_fraction
from agroflux_data.simulators.daycent.parameters import CORN, SOYBEAN, Crop
from agroflux_data.simulators.daycent.plant import poisson_density
from agroflux_data.simulators.daycent.temperature import surface_extremes
from agroflux_data.simulators.daycent.water import potential_evapotranspiration, water_stress
from agroflux_data.simulators.drivers import Drivers, Latents, Management, Soil, Weather
from agroflux_data.tasks import TASKS
from agroflux_data.variables import DAYS, VARIABLES

RATES = np.array([0.0, 0.0, 6.72, 6.72, 16.8, 16.8, 33.6, 33.6])
"""g N m-2 in corn years; of each pair one starts with corn and one with soybean."""
YEARS = 4


def _printed(values: object, digits: int) -> list[float]:
    return [round(float(value), digits) for value in np.atleast_1d(np.asarray(values))]


class TestGoldenValues:
    """Numbers worked out by hand from the published equations, to the digits printed there."""

    def test_growth_temperature_of_corn(self):
        factor = poisson_density(np.arange(5.0, 41.0, 5.0), 30.0, 45.0, 1.0, 2.5)
        assert _printed(factor, 3) == [0.038, 0.125, 0.310, 0.592, 0.875, 1.0, 0.860, 0.485]

    def test_surface_temperature(self):
        assert _printed(surface_extremes(np.array(30.0), np.array(18.0), np.array(0.0)), 2) == [51.15, 16.22]
        assert _printed(surface_extremes(np.array(30.0), np.array(18.0), np.array(600.0)), 2) == [29.82, 18.62]

    def test_nitrate_limit(self):
        assert _printed(nitrate_limit([1.0, 10.0, 50.0]), 3) == [0.152, 1.687, 8.338]

    def test_carbon_dioxide_limit(self):
        assert _printed(carbon_dioxide_limit([5.0, 20.0]), 3) == [0.710, 4.813]

    def test_water_limit(self):
        assert _printed(water_limit([0.7, 0.8, 0.9], 20.0, 0.05), 3) == [0.264, 0.732, 0.851]

    def test_n2_to_n2o(self):
        assert _printed(n2_to_n2o(10.0, 5.0, 0.8, 0.1), 2) == [0.60]

    def test_decomposition_temperature(self):
        assert _printed(abiotic_temperature([0.0, 10.0, 20.0, 30.0]), 3) == [0.118, 0.345, 0.756, 1.0]

    def test_nitrification_ph(self):
        assert _printed(nitrification_ph([5.0, 6.0, 7.0]), 3) == [0.56, 0.864, 0.952]

    def test_nitrification_temperature(self):
        factor = nitrification_temperature(np.arange(5.0, 36.0, 5.0))
        assert _printed(factor, 3) == [0.004, 0.023, 0.084, 0.224, 0.478, 0.810, 1.0]
        assert nitrification_temperature(20.0, 30.0) == pytest.approx(nitrification_temperature(25.0))

    def test_water_stress(self):
        assert water_stress(np.array(0.378)) == pytest.approx(0.5)
        assert water_stress(np.array(1.0)) > 0.99

    def test_litter_quality(self):
        assert _printed(metabolic_fraction([0.0, 10.0, 60.0]), 3) == [0.85, 0.72, 0.2]

    def test_potential_evapotranspiration(self):
        # 0.75 * 0.0023 * (20 + 17.8) * sqrt(10) * 40 / (2.501 - 0.002361 * 20)
        assert potential_evapotranspiration(np.array(25.0), np.array(15.0), np.array(40.0)) == pytest.approx(
            3.3612, abs=1e-3
        )


def test_every_parameter_has_a_unit_and_a_source():
    rows = parameter_table()
    assert len(rows) == len(fields(Parameters)) + len(fields(Crop))
    for name, value, unit, source in rows:
        assert value is not None, name
        assert unit, name
        assert len(source) > 5, name
    table = {row[0]: row[1] for row in rows}
    assert table["harvest_index"] == (CORN.harvest_index, SOYBEAN.harvest_index)


def _drivers(years: int = YEARS, seed: int = 3) -> Drivers:
    """Sinusoidal seasons with autocorrelated noise and random rain, one field with eight treatments."""
    rng = np.random.default_rng(seed)
    days, series = years * DAYS, len(RATES)
    day = np.arange(days) % DAYS
    noise = np.zeros(days)
    for number in range(1, days):
        noise[number] = 0.7 * noise[number - 1] + rng.normal(0, 2.8)
    mean = 10.5 + 14.5 * np.sin(2 * np.pi * (day - 110) / 365) + noise
    wet = rng.random(days) < 0.28
    spread = np.where(wet, 8.0, 12.0) + rng.normal(0, 1, days)
    radiation = 14.5 + 9 * np.sin(2 * np.pi * (day - 80) / 365) - 4 * wet
    rain = wet * rng.gamma(0.75, 13, days)

    def block(values: np.ndarray) -> np.ndarray:
        return np.repeat(values[:, None], series, axis=1)

    weather = Weather(
        *(block(values) for values in (mean + spread / 2, mean - spread / 2, rain, np.clip(radiation, 2, 30))),
        *(np.full((days, series), value) for value in (1.6, 1.1, 3.5)),
    )
    corn = ((np.arange(days) // DAYS)[:, None] + np.arange(series)[None]) % 2 == 0
    planting = (day[:, None] == np.where(corn, 122, 138)).astype(float)
    soil = Soil(*(np.full(series, value) for value in (1.35, 188.0, 533.0, 6.3, 14.5)))
    return Drivers(
        2000,
        np.full(series, 41.0),
        soil,
        weather,
        Management(planting * corn * RATES, planting, corn.astype(float)),
        Latents.neutral(years, series),
    )


@pytest.fixture(scope="module")
def drivers() -> Drivers:
    return _drivers()


@pytest.fixture(scope="module")
def simulation(drivers):
    return DayCent().run(drivers)


def _annual(simulation, name: str) -> np.ndarray:
    """Sums of the calendar years, (years, series)."""
    values = simulation.outputs[name].astype(float)
    return values.reshape(-1, DAYS, values.shape[1]).sum(1)


def _corn(drivers: Drivers) -> np.ndarray:
    return drivers.management.PLANTT[::DAYS] > 0.5


def test_outputs_are_the_tasks_targets(simulation, drivers):
    assert DayCent.name == "daycent"
    assert DayCent.outputs == TASKS["daycent_temporal"].targets
    assert tuple(simulation.outputs) == DayCent.outputs
    for name, values in simulation.outputs.items():
        assert values.shape == (drivers.days, drivers.series), name
        assert values.dtype == np.float32, name
        assert np.isfinite(values).all(), name
        assert VARIABLES[name].low <= values.min() <= values.max() <= VARIABLES[name].high, name


@pytest.mark.parametrize("balance", ["carbon", "nitrogen", "water"])
def test_balances_close(simulation, balance):
    assert simulation.imbalance[balance].shape == (YEARS, len(RATES))
    assert simulation.imbalance[balance].max() < 1e-6


def test_balances_close_at_the_edges():
    """Extreme soils, latents and weather: a mass must not vanish where a flow is clipped."""
    drivers = _drivers(years=2)
    soil = replace(
        drivers.soil,
        sand=np.array([20, 900, 20, 500, 100, 300, 700, 188.0]),
        silt=np.array([300, 50, 900, 250, 500, 400, 200, 533.0]),
        organic_carbon=np.array([3, 4, 120, 40, 14, 14, 14, 14.0]),
        bulk_density=np.array([1.7, 1.6, 0.7, 1.0, 1.35, 1.35, 1.35, 1.35]),
    )
    weather = replace(
        drivers.weather,
        PREC=drivers.weather.PREC * np.array([0, 0.2, 1, 2, 4, 1, 1, 1.0]),
        TMIN=drivers.weather.TMIN - np.array([0, 0, 0, 0, 0, 12, 25, 0.0]),
        TMAX=drivers.weather.TMAX - np.array([0, 0, 0, 0, 0, 12, 25, -12.0]),
    )
    latents = replace(
        drivers.latents,
        tile=np.linspace(0, 1, 8),
        tillage=np.linspace(1, 0, 8),
        residue_removed=np.linspace(0, 1, 8),
        disequilibrium=np.linspace(0.5, 1.5, 8),
        denitrification=np.full(8, 4.0),
        nitrification=np.full(8, 4.0),
    )
    simulation = DayCent().run(replace(drivers, soil=soil, weather=weather, latents=latents))
    for name, values in simulation.imbalance.items():
        assert values.max() < 1e-6, name
    for name, values in simulation.outputs.items():
        assert np.isfinite(values).all(), name
    for name in ("NH4_L1", "NO3_L1", "NO3_L3", "NO3_L5", "N2O", "GPP", "RECO", "ET", "SWC_L1"):
        assert simulation.outputs[name].min() >= 0, name


def test_nee_is_reco_minus_gpp(simulation):
    outputs = simulation.outputs
    np.testing.assert_array_equal(outputs["NEE"], outputs["RECO"] - outputs["GPP"])
    assert outputs["GPP"].min() >= 0
    assert outputs["RECO"].min() > 0
    assert outputs["N2O"].min() > 0


@pytest.mark.parametrize("name", ["YIELD", "DSOC"])
def test_annual_outputs_are_constant_through_the_year(simulation, name):
    values = simulation.outputs[name].reshape(YEARS, DAYS, -1)
    assert (np.ptp(values, axis=1) == 0).all()
    assert np.ptp(values[:, 0]) > 0


def test_a_series_does_not_depend_on_its_block():
    drivers = _drivers(years=1)
    simulation = DayCent().run(drivers)
    for column in (0, 5):
        take = np.array([column])
        alone = DayCent().run(
            replace(
                drivers,
                latitude=drivers.latitude[take],
                soil=drivers.soil.take(take),
                weather=drivers.weather.take(take),
                management=drivers.management.take(take),
                latents=drivers.latents.take(take),
            )
        )
        for name, values in alone.outputs.items():
            np.testing.assert_array_equal(values[:, 0], simulation.outputs[name][:, column], err_msg=name)


class TestRealism:
    """Classes of magnitude of DayCent's own runs for corn and soybean of the Corn Belt."""

    def _by_rate(self, simulation, drivers, name: str) -> list[float]:
        annual, corn = _annual(simulation, name), _corn(drivers)
        return [annual[corn & (rate == RATES)].mean() for rate in (0.0, 6.72, 16.8, 33.6)]

    def test_production(self, simulation, drivers):
        gpp = self._by_rate(simulation, drivers, "GPP")
        assert 1000 < gpp[2] < 1450
        assert gpp[0] < 0.95 * gpp[2]
        assert 2.0 < simulation.outputs["GPP"].mean() < 3.0
        assert 3.0 < simulation.outputs["GPP"].std() < 5.0

    def test_a_canopy_closes_in_june(self, simulation, drivers):
        gpp = simulation.outputs["GPP"].reshape(YEARS, DAYS, -1).transpose(0, 2, 1)[_corn(drivers)].mean(0)
        may, june, july = (gpp[first:last].mean() for first, last in ((120, 151), (151, 181), (181, 212)))
        assert may < 2
        assert 2 * may < june < 0.8 * july

    def test_mineral_nitrogen_lies_as_in_daycent(self, simulation):
        # Runs of DayCent over the same rates: mean 8.3, 1.9, 4.7 and 3.9 ppm, ammonium never above 240.
        assert simulation.outputs["NH4_L1"].max() < 250
        for name, low, high in (("NH4_L1", 5, 15), ("NO3_L1", 1, 5), ("NO3_L3", 2, 8), ("NO3_L5", 1, 6)):
            assert low < simulation.outputs[name].mean() < high, name

    def test_yield_saturates_with_nitrogen(self, simulation, drivers):
        grain = [total / DAYS for total in self._by_rate(simulation, drivers, "YIELD")]
        assert grain[0] < grain[1] <= grain[2] <= grain[3] * 1.001
        assert 330 < grain[2] < 480
        assert grain[3] - grain[2] < 0.1 * grain[2]

    def test_carbon_gain_is_about_the_yield(self, simulation):
        gain = -_annual(simulation, "NEE").mean()
        assert gain == pytest.approx(simulation.outputs["YIELD"].mean() + simulation.outputs["DSOC"].mean(), rel=0.25)

    def test_n2o_rises_with_nitrogen(self, simulation, drivers):
        none, low, middle, high = (10 * total for total in self._by_rate(simulation, drivers, "N2O"))
        assert none < low < middle < high
        assert 0.4 < none < 2.0
        assert 1.3 < middle < 4.5
        assert 2.0 < high < 7.0

    def test_n2o_has_hot_moments(self, simulation):
        days = np.sort(simulation.outputs["N2O"].astype(float).reshape(YEARS, DAYS, -1), axis=1)
        share = days[:, -18:].sum(1) / days.sum(1)
        assert 0.2 < share.mean() < 0.55

    def test_soil_carbon_has_no_strong_trend(self, simulation):
        assert abs(simulation.outputs["DSOC"].mean()) < 40

    def test_water(self, simulation):
        evapotranspiration = _annual(simulation, "ET").mean()
        assert 400 < evapotranspiration < 750
        for name in ("SWC_L1", "SWC_L3", "SWC_L5"):
            assert 0.2 < simulation.outputs[name].mean() < 0.4, name

    def test_soil_temperature_is_damped_with_depth(self, simulation):
        ranges = [
            (simulation.outputs[f"TSMAX_L{layer}"] - simulation.outputs[f"TSMIN_L{layer}"]).mean()
            for layer in (1, 3, 5)
        ]
        assert ranges[0] > 2 * ranges[1] > 4 * ranges[2] > 0
        # The official statistics have 7.6, 2.3 and 0.3 K.
        assert 6 < ranges[0] < 10
        assert 1.8 < ranges[1] < 3.8
        # As damped as DayCent's own: 4.9 K at 10-20 and 2.8 K at 20-30 cm.
        deviations = [simulation.outputs[f"TSMAX_L{layer}"].std() for layer in (1, 3, 5)]
        assert deviations[0] > 10
        assert 4 < deviations[1] < 7
        assert 1 < deviations[2] < 4

    def test_the_field_is_bare_before_planting(self, simulation, drivers):
        early = np.arange(drivers.days) % DAYS < 100
        assert simulation.outputs["GPP"][early].max() == 0


class TestLatents:
    """Each hidden difference acts where it should, and as its name says."""

    CASES = (
        ("productivity", 0.8, 1.2, "GPP", 1),
        ("vigour", 0.8, 1.2, "YIELD", 1),
        ("maturity", 0.85, 1.1, "GPP", 1),
        ("tile", 0.0, 1.0, "SWC_L5", -1),
        ("tile_depth", 0.6, 1.2, "SWC_L5", -1),
        ("tillage", 0.0, 1.0, "RECO", 1),
        ("residue_removed", 0.0, 1.0, "DSOC", -1),
        ("disequilibrium", 0.8, 1.2, "DSOC", -1),
        ("sand_shift", -50.0, 200.0, "SWC_L3", -1),
        ("carbon_shift", 0.7, 1.3, "RECO", 1),
        ("ph_shift", -1.0, 1.0, "NH4_L1", -1),
        ("nitrification", 0.4, 2.0, "NH4_L1", -1),
        ("denitrification", 0.3, 3.0, "N2O", 1),
    )
    """Latent, a low and a high value, an output that it acts on, and the sign of its effect."""

    @pytest.fixture(scope="class")
    def outputs(self) -> dict[str, np.ndarray]:
        """One run, (days, latents, low and high): series are independent, so each tries one value of one latent."""
        drivers = _drivers(years=2)
        take = np.full(2 * len(self.CASES), 4)
        latents = drivers.latents.take(take)
        for number, (name, low, high, _, _) in enumerate(self.CASES):
            getattr(latents, name)[..., 2 * number : 2 * number + 2] = low, high
        simulation = DayCent().run(
            replace(
                drivers,
                latitude=drivers.latitude[take],
                soil=drivers.soil.take(take),
                weather=drivers.weather.take(take),
                management=drivers.management.take(take),
                latents=latents,
            )
        )
        return {
            name: values.astype(float).mean(0).reshape(len(self.CASES), 2)
            for name, values in simulation.outputs.items()
        }

    @pytest.mark.parametrize("number", range(len(CASES)), ids=[case[0] for case in CASES])
    def test_latent(self, outputs, number):
        *_, output, sign = self.CASES[number]
        few, many = outputs[output][number]
        assert sign * (many - few) > 1e-4 * abs(few)

    def test_every_latent_is_tested(self):
        assert {case[0] for case in self.CASES} == {field.name for field in fields(Latents)}


def test_no_planting_gives_no_crop():
    drivers = _drivers(years=1)
    bare = replace(drivers.management, PDOY=np.zeros_like(drivers.management.PDOY))
    simulation = DayCent().run(replace(drivers, management=bare))
    assert simulation.outputs["GPP"].max() == 0
    assert simulation.outputs["YIELD"].max() == 0
    assert simulation.imbalance["carbon"].max() < 1e-6


def test_fertiliser_shows_in_ammonium_at_once(simulation):
    day = 122
    rise = simulation.outputs["NH4_L1"][day] - simulation.outputs["NH4_L1"][day - 1]
    assert rise[0] < 5
    # 16.8 g N m-2, three quarters of it ammonium and urea, in 0.135 Mg m-2 of soil: 93 ppm less a day's losses.
    assert 75 < rise[4] < 95


def test_parameters_can_be_replaced():
    drivers = _drivers(years=1)
    lazy = DayCent(replace(Parameters(), nitrification_n2o=0.0, denitrification_least=0.0))
    assert _annual(lazy.run(drivers), "N2O").mean() < _annual(DayCent().run(drivers), "N2O").mean()
