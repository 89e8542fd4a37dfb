"""A study's cells at work: several processes, of which none is missed when it fails or is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
from rich.progress import Progress

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.evaluation import SITES_FILE, as_csv, measure, split_to_test
from baselines.process import predict_process, process_model
from baselines.run import RunFolder, choose_splits, choose_targets
from baselines.several import begin_process
from baselines.study.cells import Cell
from baselines.study.record import Done, StudyFolder
from baselines.training import train
from submission.climatology import Climatology
from submission.template import CLIMATOLOGY

__all__ = ["environment_of", "run_cell", "run_study"]

_CONTEXT = multiprocessing.get_context("spawn")  # a fork of a process with threads of Arrow and OpenMP can hang
_PATIENCE = 10
"""Seconds that processes have to end, once they are told to."""


def run_study(
    cells: Sequence[Cell],
    study: StudyFolder,
    release: Release,
    *,
    workers: int | None,
    told: Callable[[Cell, Done], None],
) -> list[tuple[Cell, Done]]:
    """Run every cell that is not finished, each once the cell that it needs is.

    A cell that fails, or whose process is killed, stops no other but those that need it.

    Parameters
    ----------
    cells : sequence of Cell
        Each after the one that it needs.
    study : StudyFolder
        Keeps what became of each cell as soon as it is known.
    release : Release
    workers : int, optional
        Processes at a time; by default one for each GPU, and without any one for each core.
    told : callable
        Is called with each cell that ended and what became of it.

    Returns
    -------
    list of (Cell, Done)
        Those that failed or could not be run.
    """
    waiting = [cell for cell in cells if not study.finished(cell)]
    ready = {cell.name for cell in cells} - {cell.name for cell in waiting}
    failed: list[tuple[Cell, Done]] = []
    devices = _devices()
    count = min(workers or len(devices) or os.cpu_count() or 1, len(waiting))

    def end(cell: Cell, done: Done) -> None:
        study.keep(cell, done)
        if done.error is None:
            ready.add(cell.name)
        else:
            failed.append((cell, done))
        told(cell, done)
        if done.error is not None:
            for other in [one for one in waiting if one.pretrained == cell.name]:
                waiting.remove(other)
                end(other, Done(0.0, f"its pretrained network is missing: {cell.name} failed"))

    def next_cell() -> Cell | None:
        one = next((cell for cell in waiting if cell.pretrained is None or cell.pretrained in ready), None)
        if one is not None:
            waiting.remove(one)
        return one

    with _crew(count, release, study, devices) as crew:
        idle, busy = list(crew), list[_Worker]()
        while waiting or busy:
            while idle and (cell := next_cell()) is not None:
                worker = idle.pop(0)
                worker.give(cell)
                busy.append(worker)
            heard = wait([worker.connection for worker in busy if worker.connection is not None])
            for worker in [one for one in busy if one.connection in heard]:
                busy.remove(worker)
                cell, done, alive = worker.take()
                end(cell, done)
                if not alive:
                    worker.start()
                idle.append(worker)
    return failed


def run_cell(cell: Cell, study: Path, release: Release) -> None:
    """Make what a cell's folder shall hold, or go on with it; nothing where it is finished."""
    folder = RunFolder(study / cell.name)
    if not cell.learned:
        _predict_unlearned(cell, folder, release)
        return
    run = cell.plan(release, study)
    if folder.claim(run, resume=True):
        with Progress(disable=True) as bar:
            train(run, release, folder, bar)


def _predict_unlearned(cell: Cell, folder: RunFolder, release: Release) -> None:
    """The metrics of the climatology or a process model on the rows that a cell is tested on."""
    training, _, left_out = choose_splits(release, cell.task, left_out=cell.fold)
    targets = choose_targets(release, cell.task, training, cell.targets)
    split, tested = split_to_test(release, cell.task, left_out), None
    folder.path.mkdir(parents=True, exist_ok=True)
    if split is not None:
        if cell.model == CLIMATOLOGY:
            guess = Climatology.fit(release, cell.task, training).predict(release, cell.task, split)
        else:
            guess = predict_process(process_model(cell.model), release, cell.task, split)
        measured = measure(guess, release, cell.task, [split], targets=targets, training=training)
        folder.write_text(SITES_FILE, as_csv(measured.sites))
        tested = measured.metrics
    folder.write("metrics.json", {"splits": [], "metrics": {}, "parameters": None, "tested": tested})


@dataclass
class _Worker:
    """A process that runs one cell after the other; where it is killed, another can be started in its place."""

    number: int
    threads: int
    release: Path
    study: Path
    devices: Sequence[str]
    process: BaseProcess | None = None
    connection: Connection | None = None
    cell: Cell | None = None
    since: float = 0.0

    def start(self) -> None:
        self.connection, theirs = _CONTEXT.Pipe()
        own = environment_of(self.number, self.threads, self.devices)
        self.process = _CONTEXT.Process(target=_work, args=(theirs, self.release, self.study), daemon=True)
        with _environment(own), _without_interrupts():
            self.process.start()
        theirs.close()

    def give(self, cell: Cell) -> None:
        assert self.connection is not None
        self.cell, self.since = cell, time.monotonic()
        with suppress(OSError):  # it is gone, which `take` finds
            self.connection.send(cell)

    def take(self) -> tuple[Cell, Done, bool]:
        """The cell that ended, what became of it, and whether the process is still there."""
        assert self.connection is not None
        assert self.process is not None
        assert self.cell is not None
        try:
            done: Done = self.connection.recv()
        except (EOFError, OSError):
            self.process.join(_PATIENCE)
            self.connection.close()
            code = self.process.exitcode
            seconds = time.monotonic() - self.since
            return self.cell, Done(seconds, f"its process was killed (exit code {code}); memory may be short"), False
        return self.cell, done, True


def _work(connection: Connection, release: Path, study: Path) -> None:
    begin_process()
    if not torch.accelerator.is_available():
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    read = Release(release)
    while True:
        try:
            cell: Cell = connection.recv()
        except EOFError:
            return
        since, error = time.monotonic(), None
        try:
            run_cell(cell, study, read)
        except AgrofluxError as known:
            error = str(known)
        except Exception as unknown:
            # A fault of one model shall not cost the night; where it is is kept beside what it spoiled.
            error = f"{type(unknown).__name__}: {unknown}"
            (study / cell.name).mkdir(parents=True, exist_ok=True)
            RunFolder(study / cell.name).write_text("error.txt", traceback.format_exc())
        connection.send(Done(time.monotonic() - since, error))


@contextmanager
def _crew(count: int, release: Release, study: StudyFolder, devices: Sequence[str]) -> Iterator[list[_Worker]]:
    """Processes that are gone afterwards, whatever happens."""
    threads = max(1, (os.cpu_count() or 1) // max(count, 1))
    crew = [_Worker(number, threads, release.path, study.path, devices) for number in range(count)]
    try:
        for worker in crew:
            worker.start()
        yield crew
    finally:
        _end(worker.process for worker in crew if worker.process is not None)


def _end(processes: Iterable[BaseProcess]) -> None:
    several = list(processes)
    for process in several:
        process.terminate()
    for process in several:
        process.join(_PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()


def environment_of(number: int, threads: int, devices: Sequence[str]) -> dict[str, str]:
    """What libraries are told when a process first imports them: its GPU, or how many cores are its own."""
    if devices:
        return {"CUDA_VISIBLE_DEVICES": devices[number % len(devices)]}
    return {} if "OMP_NUM_THREADS" in os.environ else {"OMP_NUM_THREADS": str(threads)}


def _devices() -> list[str]:
    """The GPUs, as CUDA_VISIBLE_DEVICES names them."""
    if not torch.cuda.is_available():
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible:
        return [name.strip() for name in visible.split(",")]
    return [str(number) for number in range(torch.cuda.device_count())]


@contextmanager
def _environment(own: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """A process that is started inside ignores Ctrl-C: the one that started it tells it to end."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
