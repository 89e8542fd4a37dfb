"""`agroflux-train table`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.paper.layout import LAYOUTS
from baselines.paper.published import known_cells, published_beside
from baselines.paper.results import gather
from baselines.paper.table import METHODS_TABLE, fill, fill_methods
from baselines.paper.text import as_csv as as_values
from baselines.paper.text import as_latex
from baselines.paper.text import as_markdown as as_markdown_of_paper
from baselines.process import PROCESS_MODELS
from baselines.skill_table import as_csv, as_markdown, collect, references
from submission.template import CLIMATOLOGY

__all__ = ["table"]

_REFERENCES = (CLIMATOLOGY, *PROCESS_MODELS)


class Format(StrEnum):
    """How the tables of the paper are written."""

    MD = "md"
    LATEX = "latex"
    CSV = "csv"


class Other(StrEnum):
    """What our numbers are set beside."""

    PAPER = "paper"


def table(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of runs, ensembles or studies, or folders that hold such.")
    ],
    data: Annotated[
        Path | None, typer.Option(help="Their release, for references beside them: predicted anew, not read.")
    ] = None,
    reference: Annotated[
        list[str] | None,
        typer.Option(help="One of " + ", ".join(_REFERENCES) + "; repeatable; by default the first."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="A Markdown file, with --paper a folder; by default it is printed.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="A CSV file, in long form.")] = None,
    heading: Annotated[Path | None, typer.Option(help="Text that goes before the tables in the Markdown file.")] = None,
    paper: Annotated[
        bool, typer.Option("--paper", help="The paper's Tables I to XVI, from what runs were tested on.")
    ] = False,
    number: Annotated[
        list[str] | None,
        typer.Option(
            "--table", help=f"With --paper: I to XVI, or {METHODS_TABLE}; repeatable; by default all that have numbers."
        ),
    ] = None,
    format: Annotated[
        list[Format] | None, typer.Option(help="With --paper: what is written; repeatable; by default all.")
    ] = None,
    compare: Annotated[
        Other | None, typer.Option(help="With --paper: its published values beside ours, for official data alone.")
    ] = None,
    published: Annotated[
        Path | None, typer.Option(help="CSV file of published values: table,row,column,value,source.")
    ] = None,
) -> None:
    """Compare runs: models by targets with R2, RMSE and skill on their validation rows, for each task.

    With --paper: the tables of the paper, folds averaged and seeds with intervals.
    """
    if not paper:
        given = {"--table": number, "--format": format, "--compare": compare, "--published": published}
        if strange := [name for name, value in given.items() if value]:
            raise AgrofluxError("options of the tables of the paper", expected="--paper", came=", ".join(strange))
        _skills(runs, data, reference, output, csv, heading)
        return
    given = {"--data": data, "--reference": reference, "--csv": csv, "--heading": heading}
    if strange := [name for name, value in given.items() if value]:
        raise AgrofluxError("options of the table of skill", expected="no --paper", came=", ".join(strange))
    if published is not None and compare is None:
        raise AgrofluxError("published values for what?", expected="--compare paper")
    _paper(runs, number or [], format or list(Format), output, compare is not None, published)


def _paper(
    runs: list[Path], numbers: list[str], formats: list[Format], output: Path | None, compared: bool, given: Path | None
) -> None:
    known = (*LAYOUTS, METHODS_TABLE)
    if unknown := [name for name in numbers if name not in known]:
        raise AgrofluxError("no such table", expected="one of " + ", ".join(known), came=", ".join(unknown))
    results = gather(runs)
    values = published_beside(results, given) if compared else None
    tables = [fill(layout, results, values) for layout in LAYOUTS.values()] + [fill_methods(results)]
    tables = [one for one in tables if (one.number in numbers if numbers else one.values)]
    for count, what in ((results.unfinished, "not finished"), (results.untested, "not tested: their rows are hidden")):
        if count:
            console.messages.print(f"{count} runs are {what}")
    if values is not None:
        console.messages.print(f"{len(values)} of the paper's {known_cells()} values are known")
    written = {
        Format.MD: ("tables.md", "\n".join(as_markdown_of_paper(one) for one in tables)),
        Format.LATEX: ("tables.tex", as_latex(tables)),
        Format.CSV: ("tables.csv", as_values(tables)),
    }
    if output is None:
        console.output.print(Markdown(written[Format.MD][1]))
        return
    if output.exists() and not output.is_dir():
        raise AgrofluxError("not a folder", expected="a folder for the tables", where=output)
    output.mkdir(parents=True, exist_ok=True)
    for name, text in (written[one] for one in formats):
        _write(output / name, text)
        console.output.print(output / name, soft_wrap=True)


def _skills(
    runs: list[Path],
    data: Path | None,
    reference: list[str] | None,
    output: Path | None,
    csv: Path | None,
    heading: Path | None,
) -> None:
    names = list(reference or [CLIMATOLOGY])
    if unknown := [name for name in names if name not in _REFERENCES]:
        raise AgrofluxError("unknown reference", expected="one of " + ", ".join(_REFERENCES), came=", ".join(unknown))
    if reference and data is None:
        raise AgrofluxError("references of which rows?", expected="--data with the release of the runs")
    lines, release = collect(runs), None if data is None else Release(data)
    if release is not None:
        with console.progress() as bar:
            lines += references(lines, release, names, bar)
    command = "agroflux-train table " + (" ".join(path.name for path in runs) if len(runs) < 4 else "RUN...")
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
