"""Tables as Markdown, as LaTeX and as CSV in long form."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Sequence

from agroflux_data.variables import VARIABLES
from baselines.paper.layout import Column
from baselines.paper.table import METHODS_TABLE, Filled

__all__ = ["as_csv", "as_latex", "as_markdown"]

_PLAIN_TO_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$",
}  # fmt: skip
_SCRIPTS = (
    (r"\bCO2\b", "CO$_2$"),
    (r"\bN2O\b", "N$_2$O"),
    (r"\bR2\b", "R$^2$"),
    (r"\b([a-z])-([12])\b", r"\1$^{-\2}$"),
)


def as_markdown(table: Filled) -> str:
    """The caption, then the table; models that the paper does not have come after a line that says so."""
    head = ["model", *(" ".join(column.heading) for column in table.columns)]
    numbered = "" if table.number == METHODS_TABLE else f"Table {table.number}. "
    lines = [
        numbered + table.caption,
        "",
        "| " + " | ".join(head) + " |",
        "|" + "|".join(["---", *["---:"] * len(table.columns)]) + "|",
    ]
    for number, row in enumerate(table.rows):
        if number == table.ruled:
            lines.append("| *other models* |" + " |" * len(table.columns))
        cells = [_cell(table, row, column, "**{}**") for column in table.columns]
        lines.append("| " + " | ".join([row, *cells]) + " |")
    return "\n".join([*lines, ""])


def as_latex(tables: Sequence[Filled]) -> str:
    """A document that compiles as it is; each of its tables can be taken into another that uses graphicx."""
    body = "\n".join(_latex_table(table) for table in tables)
    return (
        "\\documentclass{article}\n\\usepackage[landscape,margin=1.5cm]{geometry}\n\\usepackage{graphicx}\n"
        f"\\begin{{document}}\n{body}\\end{{document}}\n"
    )


def _latex_table(table: Filled) -> str:
    lines = [
        "\\begin{table}[ht]", f"\\renewcommand{{\\thetable}}{{{_latex(table.number)}}}", "\\centering",
        f"\\caption{{{_latex(table.caption)}}}", f"\\label{{tab:{table.number}}}",
        "\\resizebox{\\textwidth}{!}{%", f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}", "\\hline",
        *_latex_head(table.columns), "\\hline",
    ]  # fmt: skip
    for number, row in enumerate(table.rows):
        if number == table.ruled:
            lines.append("\\hline")
        cells = [_cell(table, row, column, "\\textbf{{{}}}") for column in table.columns]
        numbers = [re.sub(r"-(?=\d)", "$-$", cell).replace("±", "$\\pm$") for cell in cells]
        lines.append(" & ".join([_latex(row), *numbers]) + " \\\\")
    return "\n".join([*lines, "\\hline", "\\end{tabular}}", "\\end{table}", ""])


def _latex_head(columns: Sequence[Column]) -> list[str]:
    """A line for each level of headings; neighbours of one heading share it."""
    lines = []
    levels = max((len(column.heading) for column in columns), default=0)
    for level in range(levels):
        cells = ["model" if level == levels - 1 else ""]
        for heading, group in itertools.groupby(columns, key=lambda column: column.heading[: level + 1]):
            width = len(list(group))
            cells.append(
                _latex(heading[-1]) if width == 1 else f"\\multicolumn{{{width}}}{{c}}{{{_latex(heading[-1])}}}"
            )
        lines.append(" & ".join(cells) + " \\\\")
    return lines


def _latex(text: str) -> str:
    text = "".join(_PLAIN_TO_LATEX.get(letter, letter) for letter in text)
    for pattern, better in _SCRIPTS:
        text = re.sub(pattern, better, text)
    return text


def _cell(table: Filled, row: str, column: Column, bold: str) -> str:
    value, digits = table.values.get((row, column.name)), table.digits(column)
    if value is None:
        text = "-"
    else:
        text = f"{round(value.mean, digits) + 0.0:.{digits}f}"  # no negative zeros
        text += "" if value.half is None else f" ± {value.half:.{digits}f}"
        text = bold.format(text) if table.best(column) == row else text
    printed = table.published.get((row, column.name))
    return text if printed is None else f"{text} ({printed:g})"


def as_csv(tables: Sequence[Filled]) -> str:
    """A line for each number: its table, row and column, the mean, half the interval, seeds and folds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["table", "row", "column", "task", "target", "method", "metric", "unit", "mean", "half_interval_95", "seeds",
         "folds", "best", "published"]
    )  # fmt: skip
    for table in tables:
        for row, column in itertools.product(table.rows, table.columns):
            value, printed = table.values.get((row, column.name)), table.published.get((row, column.name))
            if value is None and printed is None:
                continue
            unit = "-" if table.metric == "r2" else VARIABLES[column.target].unit
            known = ["", "", "", ""] if value is None else [
                f"{value.mean:.6g}", "" if value.half is None else f"{value.half:.6g}", value.seeds, value.folds
            ]  # fmt: skip
            writer.writerow(
                [table.number, row, column.name, column.task, column.target,
                 "" if table.number == METHODS_TABLE else column.method, table.metric, unit, *known,
                 "yes" if table.best(column) == row else "", "" if printed is None else f"{printed:g}"]
            )  # fmt: skip
    return text.getvalue()
