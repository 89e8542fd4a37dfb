"""`agroflux-submit describe`."""

from __future__ import annotations

import json
from typing import Any

from rich import box
from rich.table import Table

from agroflux_data import console
from submission.commands.arguments import File, Json
from submission.description import describe as describe_file
from submission.guarded import guarded, reading_limits
from submission.quantiles import variable_of

__all__ = ["describe"]


def describe(file: File, as_json: Json = False) -> None:
    """Say what is in a file: its metadata, hash, rows and the range of each target. No release is needed."""
    found = guarded(lambda: describe_file(file).to_json(), file, reading_limits(file))
    if as_json:
        print(json.dumps(found, indent=1, allow_nan=False))
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    years = found["years"]
    facts = {
        "file": found["path"],
        "size": f"{found['size']:,} bytes",
        "SHA-256": found["sha256"],
        "rows": f"{found['rows']:,} sequences of {found['sites']} sites and {found['treatments']} treatments"
        + (f", {years[0]} to {years[1]}" if years else ""),
    }
    for name, value in found["metadata"].items():
        if value not in (None, "", []):
            facts[name.replace("_", " ")] = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    width = max(map(len, facts))
    for name, text in facts.items():
        # Never markup: the metadata are text of the file.
        console.output.print(f"{name:{width}}  {text}", markup=False, soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in ("target", "unit"):
        table.add_column(heading, no_wrap=True)
    for heading in ("lowest", "mean", "highest", "finite"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, values in found["targets"].items():
        numbers = ("-" if values[one] is None else f"{values[one]:.4g}" for one in ("low", "mean", "high"))
        # Rounded down: one day that is missing is never 100 %.
        finite = "-" if values["finite"] is None else f"{int(values['finite'] * 1000) / 10:g} %"
        table.add_row(name, variable_of(name).unit, *numbers, finite)
    console.output.print(table)
