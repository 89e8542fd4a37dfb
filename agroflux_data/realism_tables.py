"""The comparisons of `agroflux_data.realism` as tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agroflux_data.realism import (
    BAND,
    DIFFERENCE,
    EMISSION_FACTOR,
    FARM_RATES,
    MONTHS,
    RATIO,
    SATURATION,
    TOP_DAYS,
    TOWERS,
    Comparison,
    Realism,
    Scaler,
    Season,
    bands,
    monthly_total,
    plateau,
    reference_response,
    reference_top_days,
)
from agroflux_data.realism_reasons import reasons

__all__ = ["heading", "summary", "tables"]

_REFERENCES = {"daycent": "DayCent", "ecosys": "EcoSIM"}
"""The real models whose runs a source is shown beside."""
_MONTH_LETTERS = "JFMAMJJASOND"


def heading(realism: Realism) -> str:
    """What is compared, and by whom it was made."""
    scale = f"scale {realism.scale}, " if realism.scale else ""
    return (
        f"Origin {realism.origin}, {scale}seed {realism.seed}, revision {realism.revision}.\n"
        "Official and observed numbers are here to judge the simulations by; they are no results.\n"
    )


def tables(realism: Realism) -> Iterator[Group]:
    """The four comparisons, each with its title and its targets."""
    yield _scalers(realism)
    yield _seasons(realism)
    yield _responses(realism)
    yield _top_days(realism)


def summary(realism: Realism) -> str:
    """One line: targets met of those asked, altogether and by kind."""
    counts = realism.counts
    met, asked = (sum(count[place] for count in counts.values()) for place in (0, 1))
    kinds = ", ".join(f"{name} {held}/{of}" for name, (held, of) in counts.items())
    return f"{met} of {asked} targets met: {kinds}"


def _scalers(realism: Realism) -> Group:
    table = _table(("official name", "here", "unit"), ("mean", "official", "apart", "sd", "official", "ratio"))
    for one in realism.scalers:
        table.add_row(
            one.official, ", ".join(one.variables), one.unit, _number(one.mean), _number(one.official_mean),
            f"{one.difference:.2f}", _number(one.sd), _number(one.official_sd), f"{one.ratio:.2f}", _mark(one.targets),
        )  # fmt: skip
    note = f"targets: means at most {DIFFERENCE} official sd apart, ratio of sd {_range(RATIO)}"
    missed = [f"  {one.official}: {_by_source(one)}\n" for one in realism.scalers if not all(one.targets.values())]
    if missed:
        note += "\nmissed ones by source, mean and sd:\n" + "".join(missed)
    return _titled(
        "Moments of the official variables: training rows of ecosys and daycent, pooled 18 to 21",
        table,
        note.rstrip(),
        *realism.scalers,
    )


def _by_source(scaler: Scaler) -> str:
    return ", ".join(f"{name} {_number(mean)} and {_number(sd)}" for name, (mean, sd) in scaler.by_source.items())


def _seasons(realism: Realism) -> Group:
    towers = TOWERS["corn"]
    observed = tuple(f"at {tower}" for tower in towers)
    table = _table(("source", "crop", "flux"), ("site-years", *towers, "either", "months", "g C m-2 y-1", *observed))
    for one in realism.seasons:
        within = [str(one.within[tower]) if tower in one.within else "" for tower in towers]
        sums = [_observed_sum(one, tower) if tower in one.within else "" for tower in towers]
        letters = "".join(letter if held else "·" for letter, held in zip(_MONTH_LETTERS, one.inside, strict=True))
        table.add_row(
            one.source, one.crop, one.flux, str(one.rows), *within, str(one.either), letters, f"{one.annual:z.0f}",
            *sums, _mark(one.targets),
        )  # fmt: skip
    return _titled(
        f"Months within the bands that towers observed: mean of 2002-2012 and {BAND:g} sd between years",
        table,
        f"target: {MONTHS} of 12 months in the band of a tower with that crop (US-Ne1 is irrigated, US-Ne3 is not);\n"
        f"simulators: treatments with {_range(FARM_RATES)} g N m-2 in corn years; towers: all rows",
        *realism.seasons,
    )


def _observed_sum(season: Season, tower: str) -> str:
    return f"{monthly_total(bands()[tower, season.crop, season.flux].mean):z.0f}"


def _responses(realism: Realism) -> Group:
    table = _table(("source", "quantity", "unit"), ("value", "real DayCent"))
    rates, n2o = reference_response("N2O")
    real_factor = 100 * np.polyfit(rates, n2o, 1)[0]
    for one in realism.responses:
        marks = {name: _mark({name: held}) for name, held in one.targets.items()}
        rows = [
            ("N2O rises", "", f"at {one.rises} of {len(one.rates) - 1} rates",
             f"at {np.sum(np.diff(n2o) > 0)} of {len(rates) - 1} rates"),
            ("emission factor", "%", f"{100 * one.emission_factor:.2f}", f"{real_factor:.2f}"),
            ("yield saturates", "g N m-2", _number(one.saturation), _number(plateau(*reference_response("YIELD")))),
        ]  # fmt: skip
        for name, unit, value, real in rows:
            table.add_row(one.source, name, unit, value, real, marks[name])
        for name, unit, several in (("N2O", "g N m-2 y-1", one.n2o), ("yield", "g C m-2 y-1", one.grain)):
            _, real_values = reference_response("YIELD" if name == "yield" else name)
            ours = f"{_number(several[0].mean)} to {_number(several[-1].mean)}"
            reals = f"{_number(real_values[0])} to {_number(real_values[-1])}"
            table.add_row(one.source, f"{name} at {one.rates[0]:g} to {one.rates[-1]:g} g N m-2", unit, ours, reals, "")
    return _titled(
        "Response to nitrogen in corn years",
        table,
        f"targets: more N2O at each rate than at the one before; emission factor, the slope of annual N2O,"
        f" {_percent(EMISSION_FACTOR)};\n"
        f"yield saturates at {_range(SATURATION)} g N m-2, where a quadratic meets its plateau",
        *realism.responses,
    )


def _top_days(realism: Realism) -> Group:
    table = _table(("source",), ("site-years", "mean", "10 %", "90 %", "real model"))
    for one in realism.top_days:
        real = reference_top_days().get(one.source)
        words = "" if real is None else f"{_REFERENCES[one.source]} {real:.2f}"
        share = (f"{number:.2f}" for number in (one.share.mean, one.share.low, one.share.high))
        table.add_row(one.source, str(one.rows), *share, words, _mark(one.targets))
    targets = ", ".join(f"{_range(bounds)} in {source}" for source, bounds in TOP_DAYS.items())
    return _titled(
        "Share of N2O on the 5 % of observed days with the highest flux, corn years",
        table,
        f"targets: mean {targets};\nchambers are observed from April to July alone",
        *realism.top_days,
    )


def _table(words: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for name in words:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("target", no_wrap=True)
    return table


def _titled(title: str, table: Table, note: str, *compared: Comparison) -> Group:
    """The table under its title, over its targets and the reason of each that is missed."""
    missed = [Padding(Text(line), (0, 0, 0, 2)) for line in reasons(*compared)]
    why: list[RenderableType] = [Text("why targets are missed:"), *missed] if missed else []
    return Group(Text(title, style="bold"), table, Text(note, style="dim"), *why, Text(""))


def _mark(targets: dict[str, bool]) -> str:
    return "[green]met[/]" if all(targets.values()) else "[red]missed[/]"


def _number(value: float) -> str:
    """Four digits, and never an exponent."""
    if math.isnan(value):
        return "-"
    if value == 0:
        return "0"
    return f"{value:.{min(max(3 - math.floor(math.log10(abs(value))), 0), 6)}f}"


def _range(bounds: tuple[float, float]) -> str:
    return f"{bounds[0]:g} to {bounds[1]:g}"


def _percent(bounds: tuple[float, float]) -> str:
    return f"{_range((100 * bounds[0], 100 * bounds[1]))} %"
