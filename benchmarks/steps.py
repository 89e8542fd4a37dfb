"""Error of the ecosys step against one an hour: ``python -m benchmarks.steps``.

Some of the fields of `benchmarks.simulate`, with spin-up at the step itself. The main ratio is the largest relative
difference that the mean annual GPP, RECO, ET and yield have at the model's own step; its bar is 5 %, which is what
annual sums of tower observations are good for (Baldocchi 2003, Glob. Change Biol. 9:479). NEE is a difference of two
large fluxes and is given in g C m-2. N2O has a bar of its own, 30 %, set when its error of a quarter was known, and
little against what is not known of it: it arises where oxygen is just short, for hours, so microbes step by the hour
at any step of the model, but the water in which they live does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.ecosys import Ecosys
from agroflux_data.variables import DAYS
from benchmarks.report import report
from benchmarks.simulate import COLUMNS, drivers

__all__ = ["main"]

YEARS = 4
EVERY = 41
STEPS, REFERENCE = (8, 12), 24
NAMES = ("GPP", "RECO", "ET", "YIELD", "N2O", "NEE")
BAR, NITROUS_BAR = 0.05, 0.30


def simulate(steps: int) -> dict[str, NDArray[np.floating]]:
    """Daily values by name, (days, series)."""
    some = drivers(YEARS, COLUMNS).take(np.arange(0, COLUMNS, EVERY))
    outputs = Ecosys(spin_up=2, steps=steps).run(some).outputs
    return {name: outputs[name].astype(float) for name in NAMES}


def explained(found: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """R2 of daily values."""
    return float(1 - np.sum((found - reference) ** 2) / np.sum((reference - reference.mean()) ** 2))


def main() -> None:
    """Compare every step with an hour and report that of the model."""
    reference = simulate(REFERENCE)
    own = Ecosys().steps
    rows: list[tuple[object, ...]] = []
    errors: dict[str, float] = {}
    for steps in STEPS:
        found = simulate(steps)
        for name in NAMES:
            annual, hourly = (values[name].reshape(YEARS, DAYS, -1).sum(1) for values in (found, reference))
            if name == "NEE":
                mean, typical = (annual - hourly).mean(), np.median(np.abs(annual - hourly))
                shown = f"{mean:+.1f} g C m-2", f"{typical:.1f} g C m-2"
            else:
                mean, typical = annual.mean() / hourly.mean() - 1, np.median(np.abs(annual / hourly - 1))
                shown = f"{mean:+.2%}", f"{typical:.2%}"
                if steps == own:
                    errors[name] = abs(float(mean))
            rows.append((f"{24 // steps} h, {name}", *shown, f"{explained(found[name], reference[name]):.4f}"))
    nitrous = errors.pop("N2O")
    report(
        "steps",
        max(errors.values()),
        BAR,
        at_most=True,
        header=("step", "mean annual, of hourly", "a site-year, median", "daily R2"),
        rows=rows,
        others_hold=nitrous <= NITROUS_BAR,
    )


if __name__ == "__main__":
    main()
