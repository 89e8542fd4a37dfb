"""Cost of a site-year of daycent and of ecosys against plain numpy: ``python -m benchmarks.simulate``.

Both sides work on 1,980 columns and are measured alternately in one run, and each side's best round counts: other
work on the machine only ever adds time. Spin-up, which a run of any length pays once, is left out of the ratios:
daycent steps two years after six, ecosys one after four. What Numba compiles once is left out too.
"""

from __future__ import annotations

import time

import numpy as np

from agroflux_data.simulators import weather
from agroflux_data.simulators.daycent import DayCent
from agroflux_data.simulators.daycent.model import Block
from agroflux_data.simulators.drivers import Drivers, Latents, Management, Simulation, Soil
from agroflux_data.simulators.ecosys import Ecosys
from agroflux_data.simulators.places import counties
from agroflux_data.variables import DAYS
from benchmarks.report import report

__all__ = ["main"]

COLUMNS = 1980
YEARS = 2
ROUNDS = 6
PLAIN, EXPONENTIALS = 120, 20
STATES = 40
BAR = 5.0
ECOSYS_ROUNDS, ECOSYS_YEARS, ECOSYS_BAR = 3, 1, 150.0


def drivers(years: int, columns: int) -> Drivers:
    """The columns of the paper's release: 99 counties with 20 rates of nitrogen each, corn and soybean in turn."""
    rng = np.random.default_rng(7)
    sites = counties()
    column = np.arange(columns) * len(sites) // columns
    days = years * DAYS
    number = np.arange(days)
    corn = np.repeat(number[:, None] // DAYS % 2 == 0, columns, axis=1).astype(float)
    planting = (number[:, None] % DAYS == rng.integers(110, 135, len(sites))[column]).astype(float)
    sand = rng.uniform(50, 500, len(sites))
    soil = Soil(
        bulk_density=rng.uniform(1.2, 1.5, len(sites)),
        sand=sand,
        silt=(1000 - sand) * rng.uniform(0.5, 0.8, len(sites)),
        ph=rng.uniform(5.3, 7.5, len(sites)),
        organic_carbon=rng.uniform(8, 30, len(sites)),
    )
    return Drivers(
        2000,
        np.array([site.lat for site in sites])[column],
        soil.take(column),
        weather.generate(0, sites, 2000, years).take(column),
        Management(planting * corn * np.linspace(0, 33.6, 20)[np.arange(columns) % 20], planting, corn),
        Latents.neutral(years, columns),
    )


def plain_days(days: int) -> float:
    """Seconds of 140 plain numpy operations a day: sums, products, quotients and maxima of two columns, and exp.

    They read and replace forty columns of state, about as many as the model has: a reference that stayed in the
    innermost cache would be no day of any model.
    """
    rng = np.random.default_rng(1)
    given = [rng.random(COLUMNS) + 0.5 for _ in range(STATES)]
    state = list(given)
    operations = (np.add, np.multiply, np.divide, np.maximum)
    steps = [
        (operations[number % 4], number % STATES, (7 * number + 1) % STATES, (3 * number + 2) % STATES)
        for number in range(PLAIN)
    ]
    start = time.process_time()
    for _ in range(days):
        for operation, left, right, result in steps:
            state[result] = operation(given[left], given[right])
        for number in range(EXPONENTIALS):
            state[number] = np.exp(given[number])
    return time.process_time() - start


def ecosys_seconds(inputs: Drivers, spin_up: int) -> float:
    """Of a run."""
    start = time.process_time()
    Ecosys(spin_up=spin_up).run(inputs)
    return time.process_time() - start


def main() -> None:
    """Measure both sides in turn and report their ratio."""
    inputs = drivers(YEARS, COLUMNS)
    years = COLUMNS * YEARS
    block = Block(inputs, DayCent().parameters)
    start = time.process_time()
    block.spin_up()
    spin_up = time.process_time() - start
    simulation = Simulation.empty(DayCent.outputs, YEARS, COLUMNS)
    plain, model = [], []
    for _ in range(ROUNDS):
        plain.append(plain_days(YEARS * DAYS))
        start = time.process_time()
        block.simulate(simulation)
        model.append(time.process_time() - start)
        plain.append(plain_days(YEARS * DAYS))
    value = min(model) / min(plain)
    # Both sides of this ratio count a site-year: a run's years are alike, and one of them is a minute.
    year = drivers(ECOSYS_YEARS, COLUMNS)
    ecosys_seconds(year.take(np.arange(2)), spin_up=0)
    other = min(ecosys_seconds(year, spin_up=0) for _ in range(ECOSYS_ROUNDS)) / ECOSYS_YEARS
    other_spin_up = ecosys_seconds(year, Ecosys().spin_up) - other * ECOSYS_YEARS
    plain.append(plain_days(YEARS * DAYS))
    against = other / (min(plain) / YEARS)
    report(
        "simulate",
        value,
        BAR,
        at_most=True,
        header=(f"{COLUMNS:,} columns, one core", "seconds"),
        rows=[
            (f"{PLAIN + EXPONENTIALS} numpy operations a day ({EXPONENTIALS} exp), a site-year", min(plain) / years),
            ("daycent, a site-year", min(model) / years),
            ("daycent, spin-up of a series", spin_up / COLUMNS),
            (f"ratio (bar: at most {BAR:g})", value),
            ("ecosys, a site-year", other / COLUMNS),
            ("ecosys, spin-up of a series", other_spin_up / COLUMNS),
            (f"ratio (bar: at most {ECOSYS_BAR:g})", against),
        ],
        others_hold=against <= ECOSYS_BAR,
    )


if __name__ == "__main__":
    main()
