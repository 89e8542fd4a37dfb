"""`agroflux-submit validate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from agroflux_data import console
from agroflux_data.release import Release
from submission.commands.arguments import Data, File, Json, Split
from submission.commands.refusal import refuse
from submission.guarded import reading_limits
from submission.validation import validate as validate_file

__all__ = ["validate"]


def validate(
    file: File,
    data: Data = Path("agroflux"),
    task: Annotated[str | None, typer.Option(help="The task that it should be for; else what it says itself.")] = None,
    split: Split = None,
    as_json: Json = False,
) -> None:
    """Say everything that is wrong with a file; exit code 2 if anything is."""
    report = validate_file(file, Release(data), task, split, reading_limits(file))
    if as_json:
        print(json.dumps(report.to_json(), indent=1, allow_nan=False))
    elif report.ok:
        quantiles = "".join(
            f"; quantiles of {target}: {', '.join(f'{level} %' for level in levels)}"
            for target, levels in report.quantiles.items()
        )
        found = ", ".join(report.targets) + quantiles
        console.output.print(
            f"{file}: valid, {report.rows} sequences of {report.task}/{report.split}, {found}",
            markup=False,
            soft_wrap=True,
        )
    refuse(report, shown=as_json)
