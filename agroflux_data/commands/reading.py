"""The options that say how a user's own files are read, the same for every command that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agroflux_data.errors import AgrofluxError
from agroflux_data.sources.fluxnet.site import MIN_QC

__all__ = ["AllQc", "Management", "MinHours", "MinQc", "Soils", "TestFrom", "Weather", "least_quality"]

TestFrom = Annotated[int | None, typer.Option(help="First test year of your own files.")]
MinQc = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Towers: share of a day's half hours, 0 to 1, that must be measured or well filled for its fluxes to"
        f" count; {MIN_QC:g} if not given. Fluxes of other days are missing.",
    ),
]
AllQc = Annotated[bool, typer.Option("--all-qc", help="Towers: keep the fluxes of all days, whatever their quality.")]
MinHours = Annotated[
    int,
    typer.Option(
        metavar="HOURS",
        help="Chambers: hours of a day, 1 to 24, that must have a measurement for its mean to count;"
        " 1 is for chambers that are closed by hand.",
    ),
]
Soils = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv",
        help="Topsoil of your sites, a row each: site,TBKDS,TCSAND,TCSILT,TPH,TSOC and, where known, lat,lon."
        " In Mg m-3, g kg-1, g kg-1, -, g C kg-1 and degrees.",
    ),
]
Management = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv",
        help="What was done on your fields, a row an event: site,date,event,crop,amount. Dates are yyyy-mm-dd; a"
        " planting has a crop, corn or soybean, and a fertiliser an amount in g N m-2 (10 kg ha-1 are 1 g m-2)."
        " Years without a planting are left out.",
    ),
]
Weather = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.csv",
        help="Chambers: weather, a row a day: date,TMAX,TMIN,PREC and, where known, RADN,HMAX,HMIN,WIND, in degC, mm,"
        " MJ m-2, kPa and m s-1; a column site where they have several. Years that are not whole are left out.",
    ),
]


def least_quality(min_qc: float | None, all_qc: bool) -> float | None:
    """What `Reading.min_qc` is to be; raises `AgrofluxError` where both options are given."""
    if all_qc and min_qc is not None:
        raise AgrofluxError(
            "two choices of quality", expected="--min-qc or --all-qc", came=f"--min-qc {min_qc:g} --all-qc"
        )
    return None if all_qc else MIN_QC if min_qc is None else min_qc
