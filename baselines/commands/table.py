"""`agroflux-train table`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.process import PROCESS_MODELS
from baselines.skill_table import as_csv, as_markdown, collect, references
from submission.template import CLIMATOLOGY

__all__ = ["table"]

_REFERENCES = (CLIMATOLOGY, *PROCESS_MODELS)


def table(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs and ensembles, or folders that hold such.")],
    data: Annotated[
        Path | None, typer.Option(help="Their release, for references beside them: predicted anew, not read.")
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(help="One of " + ", ".join(_REFERENCES) + "; repeatable; by default the first."),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="A Markdown file; by default it is printed.")] = None,
    csv: Annotated[Path | None, typer.Option(help="A CSV file, in long form.")] = None,
    heading: Annotated[Path | None, typer.Option(help="Text that goes before the tables in the Markdown file.")] = None,
) -> None:
    """Compare runs: models by targets with R2, RMSE and skill on their validation rows, for each task."""
    names = list(reference or [CLIMATOLOGY])
    if unknown := [name for name in names if name not in _REFERENCES]:
        raise AgrofluxError("unknown reference", expected="one of " + ", ".join(_REFERENCES), came=", ".join(unknown))
    if reference and data is None:
        raise AgrofluxError("references of which rows?", expected="--data with the release of the runs")
    lines, release = collect(runs), None if data is None else Release(data)
    if release is not None:
        with console.progress() as bar:
            lines += references(lines, release, names, bar)
    command = "agroflux-train table " + " ".join(path.name for path in runs)
    if data is not None:
        command += f" --data {data.name}" + "".join(f" --reference {name}" for name in names)
    text = as_markdown(lines, release, command)
    if output is None:
        console.output.print(Markdown(text))
    else:
        _write(output, (heading.read_text() + "\n" if heading else "") + text)
        console.output.print(output, soft_wrap=True)
    if csv is not None:
        _write(csv, as_csv(lines))
        console.output.print(csv, soft_wrap=True)


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text)
    os.replace(temporary, path)
