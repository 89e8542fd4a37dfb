"""How all commands talk: results on standard output, all else on standard error, exit code 2 for bad input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from agroflux_data.errors import AgrofluxError

__all__ = ["bar", "messages", "output", "progress", "run"]

_PIPED_WIDTH = 120

output = Console(highlight=False, width=None if sys.stdout.isatty() else _PIPED_WIDTH)
"""Results: tables, numbers, paths; into a pipe as wide as the tables need."""
messages = Console(stderr=True, highlight=False)
"""Everything else: progress, warnings, errors."""


def progress() -> Progress:
    """A progress bar for long work, on standard error; silent where that is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=messages,
        disable=not messages.is_terminal,
    )


@contextmanager
def bar(work: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar of one piece of work, and what moves it: (pieces done, pieces in all)."""
    with progress() as several:
        one = several.add_task(work, total=None)
        yield lambda done, total: several.update(one, completed=done, total=total)


def run(app: Callable[[], object]) -> None:
    """Run a command; bad input ends it with one clear error and exit code 2."""
    try:
        app()
    except AgrofluxError as error:
        messages.print("[bold red]error:[/]", end=" ")
        messages.print(str(error), markup=False, soft_wrap=True)
        sys.exit(2)
