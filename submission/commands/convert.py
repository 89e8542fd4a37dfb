"""`agroflux-submit convert`."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from submission.commands.arguments import Data
from submission.file import convert_csv
from submission.guarded import guarded, text_limits
from submission.metadata import Metadata

__all__ = ["convert"]


def convert(
    csv: Annotated[
        Path,
        typer.Argument(help="CSV in long form: sequence, day (1 to 365), one column a target, or quantile (GPP_q05)."),
    ],
    out: Annotated[Path, typer.Argument(help="The Parquet file to write.")],
    task: Annotated[str, typer.Option(help="The task that it predicts.")],
    model: Annotated[str, typer.Option(help="The name that a leaderboard shows.")],
    data: Data = Path("agroflux"),
    metadata: Annotated[
        Path | None, typer.Option(help="JSON file with more: authors, description, links, parameters, method, ...")
    ] = None,
) -> None:
    """Convert CSV to a submission."""
    release = Release(data)
    given = {} if metadata is None else _read_json(metadata)
    facts = given | {"task": release.task(task).name, "revision": release.revision, "model": model}
    known = Metadata.from_json(facts)
    out.parent.mkdir(parents=True, exist_ok=True)
    # A child that is ended has no time to clean up.
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        made = Path(folder, out.name)
        guarded(lambda: str(convert_csv(csv, made, known)), csv, text_limits(csv))
        os.replace(made, out)
    console.output.print(f"{out} written; check it with: agroflux-submit validate {out}", markup=False, soft_wrap=True)


def _read_json(path: Path) -> dict:
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise AgrofluxError("unreadable metadata", expected="a JSON file", came=str(error), where=path) from None
    if not isinstance(data, dict):
        raise AgrofluxError("unreadable metadata", expected="a JSON object", came=type(data).__name__, where=path)
    return data
