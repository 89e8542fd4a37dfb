"""What all figures of results share: the sheet they are drawn on, their colours, and the files that they become."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any, Protocol

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from agroflux_data import figures
from agroflux_data.errors import AgrofluxError
from agroflux_data.figures import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION, framed, plain
from agroflux_data.release import Release
from agroflux_data.variables import VARIABLES

__all__ = [
    "COLOURS",
    "SCALES",
    "SOURCE_COLOURS",
    "Shown",
    "axis_label",
    "few",
    "key",
    "origin_of",
    "quiet",
    "rounded",
    "save",
    "scaled",
    "sheet",
]

COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, BLACK)
"""Of models, methods and whatever else is compared, in this order."""
SOURCE_COLOURS = {"ecosys": VERMILLION, "daycent": BLUE, "towers": GREEN, "mesocosm": ORANGE}
SCALES = {"N2O": (1e3, "mg N m$^{-2}$ d$^{-1}$")}
"""Variables that are drawn in a handier unit than they are stored in."""

_LETTERS, _LINE = 15.5, 0.156
"""Of a caption: letters for each inch of its width, and inches for each line."""
_TITLE, _LEGEND = 0.46, 0.22
"""Inches of the title, and of each line of a legend."""
_MARK, _LETTER = 0.6, 0.078
"""Inches of a mark of a legend with the space about it, and of each letter beside it."""


class Shown(Protocol):
    """What a figure shows, computed: it can be drawn, and written as a table."""

    def draw(self) -> Figure:
        """The figure."""

    def table(self) -> pd.DataFrame:
        """The same in numbers, in long form."""


def scaled(name: str, values: Any) -> Any:
    """Values of a variable in the unit that they are drawn in."""
    return values * SCALES[name][0] if name in SCALES else values


def axis_label(name: str) -> str:
    """Name and unit of a variable as it is drawn."""
    unit = SCALES[name][1] if name in SCALES else VARIABLES[name].label
    return name if unit == "-" else f"{name}, {unit}"


def origin_of(release: Release, *tasks: str) -> str:
    """The sentence that says who made the numbers."""
    origins = ", ".join(sorted({release.origin(task) for task in tasks}))
    return f"Origin of the numbers: {origins}. Revision {release.revision}, {release.edition} edition."


def sheet(
    title: str,
    said: str,
    *,
    rows: int,
    columns: int,
    size: tuple[float, float],
    left: float = 0.8,
    right: float = 0.25,
    above: float = 0.25,
    below: float = 0.5,
    across: float = 0.3,
    down: float = 0.5,
    labels: Sequence[str] = (),
    least: float = 7.5,
    **shared: Any,
) -> tuple[Figure, NDArray[Any]]:
    """A figure with its title and its caption, and its panels of a fixed size between them.

    Parameters
    ----------
    title, said : str
        The caption is broken into lines; line breaks in it stay.
    rows, columns : int
    size : (float, float)
        Inches of one panel.
    left, right, above, below : float
        Inches beside all panels: for labels of axes and titles of panels.
    across, down : float
        Inches between them.
    labels : sequence of str
        Of a legend under the title, which `key` draws.
    least : float
        Inches that the figure is wide at least: its panels grow.
    **shared
        ``sharex`` and ``sharey``.

    Returns
    -------
    Figure, array (rows, columns) of Axes
    """
    width = max(least, left + columns * size[0] + (columns - 1) * across + right)
    panel = (width - left - right - (columns - 1) * across) / columns
    lines = [line for part in said.split("\n") for line in wrap(part, round(_LETTERS * (width - 0.9)))]
    top = _TITLE + _LEGEND * -(-len(labels) // _in_a_line(labels, width)) + above
    bottom = 0.1 + _LINE * len(lines) + below
    height = top + rows * size[1] + (rows - 1) * down + bottom
    figure, _ = framed((width, height), title, "\n".join(lines))
    panels = figure.subplots(rows, columns, squeeze=False, **shared)
    figure.subplots_adjust(
        left=left / width, right=1 - right / width, top=1 - top / height, bottom=bottom / height,
        wspace=across / panel, hspace=down / size[1],
    )  # fmt: skip
    for one in panels.ravel():
        plain(one)
    return figure, panels


def key(figure: Figure, handles: Mapping[str, Artist]) -> None:
    """Draw the legend of a sheet, whose labels it was made for."""
    columns = _in_a_line(list(handles), figure.get_figwidth())
    figures.legend(figure, list(handles.values()), list(handles), columns)


def _in_a_line(labels: Sequence[str], width: float) -> int:
    longest = max((len(label) for label in labels), default=0)
    return max(1, int((width - 0.9) / (_MARK + _LETTER * longest)))


def few(what: str, names: Iterable[str], most: int = len(COLOURS)) -> None:
    """Refuse what would be more than a figure can tell apart; raises `AgrofluxError`."""
    if (count := len(set(names))) > most:
        raise AgrofluxError(f"too many {what} for one figure", expected=f"at most {most}", came=count)


def quiet(panel: Axes, text: str) -> None:
    """Say in an empty panel why it is empty."""
    panel.set_axis_off()
    panel.text(0.5, 0.5, text, transform=panel.transAxes, ha="center", va="center", fontsize=9, color=figures.QUIET)


def save(shown: Shown, output: Path, csv: Path | None = None) -> list[Path]:
    """Write a figure, and its numbers if wanted; each file appears whole or not at all.

    Raises
    ------
    AgrofluxError
        The figure's name is none of a PNG, or a folder cannot be made.
    """
    if output.suffix.lower() != ".png":
        raise AgrofluxError("not the name of a figure", expected="a path that ends in .png", came=output)
    written = []
    if csv is not None:
        temporary = csv.with_name(f".{csv.name}.{os.getpid()}.tmp")
        try:
            csv.parent.mkdir(parents=True, exist_ok=True)
            shown.table().to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
            os.replace(temporary, csv)
        except OSError as error:
            raise AgrofluxError("no place for the numbers", came=error.strerror, where=csv) from None
        finally:
            temporary.unlink(missing_ok=True)
        written.append(csv)
    return [*figures.save({output.stem: shown.draw}, output.parent), *written]


def rounded(value: float, digits: int = 2) -> str:
    """A number for a label, without a negative zero; a dash for none."""
    return "-" if np.isnan(value) else f"{round(value, digits) + 0.0:.{digits}f}"
