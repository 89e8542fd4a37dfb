"""How all figures look and how they are saved: the same numbers give the same bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from matplotlib import style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agroflux_data.errors import AgrofluxError

__all__ = ["BLACK", "BLUE", "FIRST_DAYS", "GREEN", "LINE", "MONTHS", "ORANGE", "PURPLE", "QUIET", "SKY", "VERMILLION",
           "framed", "legend", "plain", "save"]  # fmt: skip

# Okabe & Ito's colours, told apart by all.
BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION = (
    "#3a3d42", "#0072B2", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#D55E00",
)  # fmt: skip
QUIET, LINE, _GRID = "#5c6068", "#c9ccd1", "#eceef0"
MONTHS = "JFMAMJJASOND"
FIRST_DAYS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
"""Of each month, from 0, in a year of 365 days."""
_DPI = 130


def save(draw: Mapping[str, Callable[[], Figure]], folder: Path) -> Iterator[Path]:
    """Draw figures, one after the other; each file appears whole or not at all.

    Neither the user's settings of matplotlib nor its version get into a file.

    Parameters
    ----------
    draw : mapping of str to callable
        Name of a figure, and what draws it.
    folder : Path
        Made if need be.

    Yields
    ------
    Path
        The PNG that was just saved.

    Raises
    ------
    AgrofluxError
        The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AgrofluxError(
            "no place for the figures", expected="a folder, or a path for one", came=error.strerror, where=folder
        ) from None
    for name, figure in draw.items():
        path = folder / f"{name}.png"
        temporary = folder / f".{name}.{os.getpid()}.tmp"
        try:
            with style.context("default"):
                figure().savefig(temporary, format="png", dpi=_DPI, metadata={"Software": None})
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        yield path


def framed(size: tuple[float, float], title: str, caption: str) -> tuple[Figure, float]:
    """A figure of some inches with its title and its caption, and where its panels begin from the left."""
    figure = Figure(figsize=size)
    left, height = 0.72 / size[0], size[1]
    figure.text(left, 1 - 0.14 / height, title, fontsize=13.5, fontweight="bold", va="top")
    figure.text(left, 0.1 / height, caption, fontsize=8.3, color=QUIET, va="bottom", linespacing=1.35)
    return figure, left


def legend(figure: Figure, handles: list[Artist], labels: list[str], columns: int) -> None:
    """A legend in one line, or a few, under the title of a framed figure."""
    width, height = figure.get_size_inches()
    figure.legend(
        handles, labels, loc="upper left", bbox_to_anchor=(0.62 / width, 1 - 0.42 / height), ncols=columns,
        frameon=False, fontsize=9, handlelength=2.4, columnspacing=1.4,
    )  # fmt: skip


def plain(panel: Axes) -> None:
    """A panel with a quiet grid and two axes."""
    panel.tick_params(labelsize=8.5, length=3, color=LINE)
    panel.grid(color=_GRID, linewidth=0.8)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(LINE)
