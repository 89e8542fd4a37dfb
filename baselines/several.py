"""Several runs, side by side where cores allow: each in a process of its own, in a folder that can be gone on with."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import transformers
from rich.progress import Progress

from agroflux_data.engines import die_with_parent
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.allocator import keep_large_blocks
from baselines.run import Run, RunFolder
from baselines.training import train

__all__ = ["begin_process", "train_several"]


def train_several(
    runs: Sequence[tuple[Run, Path]], release: Release, *, resume: bool, workers: int | None, bar: Progress
) -> None:
    """Train every run that is not finished.

    Parameters
    ----------
    runs : sequence of (Run, Path)
        Each with its folder.
    release : Release
    resume : bool
        Whether folders may hold these very runs already.
    workers : int, optional
        Processes at a time; by default one for each core.
    bar : rich.progress.Progress

    Raises
    ------
    AgrofluxError
        A folder holds something else, or a run failed.
    """
    waiting = [(run, folder) for run, folder in runs if RunFolder(folder).claim(run, resume)]
    line = bar.add_task("runs", total=len(runs), completed=len(runs) - len(waiting))
    if min(workers or os.cpu_count() or 1, len(waiting)) <= 1:
        for run, folder in waiting:
            train(run, release, RunFolder(folder), bar)
            bar.update(line, advance=1)
        return
    # Forking a process that has threads of Arrow and OpenMP can hang, so workers start afresh.
    context = multiprocessing.get_context("spawn")
    count = min(workers or os.cpu_count() or 1, len(waiting))
    with ProcessPoolExecutor(count, mp_context=context, initializer=begin_process) as pool:
        running = [pool.submit(_train, run, release.path, folder) for run, folder in waiting]
        try:
            for future in as_completed(running):
                future.result()
                bar.update(line, advance=1)
        except BrokenProcessPool:
            raise AgrofluxError(
                "a process that trained was killed", came=f"{count} at a time",
                expected="memory for every process; --resume goes on, fewer --workers may do",
            ) from None  # fmt: skip
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def begin_process() -> None:
    """What a process does first that was started to train: it ends with its parent, and is silent."""
    die_with_parent()
    keep_large_blocks()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def _train(run: Run, release: Path, folder: Path) -> None:
    with Progress(disable=True) as bar:
        train(run, Release(release), RunFolder(folder), bar)
