"""`agroflux-data import`: a word that Python keeps for itself, so the function is called `read`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from agroflux_data import console
from agroflux_data.commands.build import build
from agroflux_data.commands.reading import AllQc, Management, MinHours, MinQc, Soils, TestFrom, Weather, least_quality
from agroflux_data.describe import Description
from agroflux_data.describe import describe as describe_source
from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sources.chambers.source import MIN_HOURS
from agroflux_data.sources.readers import READERS, Reading
from agroflux_data.sources.readers import read as read_sources

__all__ = ["read"]


def read(
    reader: Annotated[str, typer.Argument(metavar="NAME", help="The reader: " + ", ".join(READERS) + ".")],
    path: Annotated[Path, typer.Argument(help="Your own files.")],
    out: Annotated[Path | None, typer.Argument(help="The public folder to make of them, as build does.")] = None,
    describe: Annotated[bool, typer.Option("--describe", help="Only say what is there; nothing is written.")] = False,
    edition: Annotated[str, typer.Option(help="sealed: test targets hidden; open: the paper's protocol.")] = "sealed",
    secret_file: Annotated[Path | None, typer.Option(help="What only the host knows, as for build.")] = None,
    test_from: TestFrom = None,
    min_qc: MinQc = None,
    all_qc: AllQc = False,
    min_hours: MinHours = MIN_HOURS,
    soils: Soils = None,
    management: Management = None,
    weather: Weather = None,
    as_json: Annotated[bool, typer.Option("--json", help="With --describe: JSON on standard output.")] = False,
) -> None:
    """Read your own files: say what is in them (--describe), or make a release of them (OUT)."""
    if describe == (out is not None):
        raise AgrofluxError(
            "nothing to do" if out is None else "two things to do at once",
            expected="OUT, the folder to make, or --describe",
        )
    if out is not None:
        build(
            out, edition=edition, secret_file=secret_file, source=[f"{reader}={path}"], test_from=test_from,
            min_qc=min_qc, all_qc=all_qc, min_hours=min_hours, soils=soils, management=management, weather=weather,
        )  # fmt: skip
        return
    reading = Reading(
        test_from=test_from, min_qc=least_quality(min_qc, all_qc), min_hours=min_hours, soils=soils,
        management=management, weather=weather,
    )  # fmt: skip
    descriptions = []
    for source in read_sources(reader, path, reading):
        with console.bar(f"reading {source.name}") as done:
            descriptions.append(describe_source(source, done))
    if as_json:
        print(json.dumps([_plain(one) for one in descriptions], allow_nan=False))
        return
    for one in descriptions:
        _print(one)


def _plain(description: Description) -> dict[str, object]:
    """For JSON, which has no NaN: a place that nobody knows is null."""
    plain = asdict(description)
    for site in plain["sites"]:
        site |= {name: None if site[name] != site[name] else site[name] for name in ("lat", "lon")}
    return plain


def _print(one: Description) -> None:
    years = one.years
    console.output.print(
        f"[bold]{one.source}[/], origin {one.origin}: {one.sequences:,} sequences of {len(one.sites)} sites, "
        f"{years.first}-{years.last}, tests from {years.test}"
    )
    console.output.print("inputs: " + ", ".join(one.inputs), soft_wrap=True)
    if one.missing_inputs:
        console.output.print("missing inputs: " + ", ".join(one.missing_inputs), soft_wrap=True)
    console.output.print("targets: " + ", ".join(one.targets), soft_wrap=True)
    if one.missing_targets:
        console.output.print("missing targets: " + ", ".join(one.missing_targets), soft_wrap=True)
    table = Table(box=SIMPLE)
    table.add_column("site", no_wrap=True)
    for name in ("lat", "lon", "years", "treatments", "sequences", "observed"):
        table.add_column(name, justify="right")
    for site in one.sites:
        shares = [f"{name} {100 * share:.0f} %" for name, share in site.observed.items()]
        table.add_row(
            site.name, _degrees(site.lat), _degrees(site.lon), listing(_spans(site.years)), str(site.treatments),
            str(site.sequences), listing(shares, 6),
        )  # fmt: skip
    console.output.print(table)
    for warning in one.warnings:
        console.output.print("[yellow]warning:[/]", end=" ")
        console.output.print(warning, markup=False, soft_wrap=True)


def _degrees(angle: float) -> str:
    return "unknown" if angle != angle else f"{angle:.3f}"


def _spans(years: tuple[int, ...]) -> list[str]:
    """Years in words: runs of them as first-last.

    >>> _spans((2001, 2002, 2003, 2005))
    ['2001-2003', '2005']
    """
    spans: list[list[int]] = []
    for year in years:
        if spans and spans[-1][1] == year - 1:
            spans[-1][1] = year
        else:
            spans.append([year, year])
    return [f"{first}-{last}" if last > first else str(first) for first, last in spans]
