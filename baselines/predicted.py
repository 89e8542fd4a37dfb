"""What models predict of some rows, beside what was observed there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.evaluation import split_to_test
from baselines.prediction import predict
from baselines.process import PROCESS, predict_process, process_model
from baselines.run import Run, RunFolder
from baselines.saved import ENSEMBLE_FILE, Saved, open_saved
from submission.file import read
from submission.keys import positions
from submission.metrics import RowSums
from submission.template import CLIMATOLOGY
from submission.truth import Truth
from submission.validation import validate

__all__ = ["Predicted", "folders_of", "gather", "label_of", "model_of"]


@dataclass(frozen=True, eq=False)
class Predicted:
    """One model's predictions of a split, and the observations.

    Attributes
    ----------
    label : str
        The model, and what sets it apart: options, the transfer. Folds and seeds share it.
    truth : Truth
        Of the split.
    predicted : dict of str to float32 array (N, 365)
        By target, in physical units, in the order of the truth; what was observed nowhere in the task is not there.
    run : Run or None
        That made the model; of an ensemble, of its first member.
    """

    label: str
    truth: Truth
    predicted: Mapping[str, NDArray[np.float32]]
    run: Run | None = None

    @property
    def task(self) -> str:
        return self.truth.task

    @property
    def split(self) -> str:
        return self.truth.split

    @property
    def sequence(self) -> NDArray[np.int64]:
        """The rows, (N,)."""
        return self.truth.sequence

    def observed(self, target: str) -> NDArray[np.float32]:
        """The observations, (N, 365); NaN where there is none."""
        return self.truth.observed(target, np.arange(len(self.sequence)))

    def sums(self, target: str) -> RowSums:
        """The sums of the errors of each row, (N,)."""
        return RowSums.of(self.observed(target), self.predicted[target])


def model_of(run: Run) -> str:
    """A model and its options, as figures call it."""
    options = ", ".join(f"{name} {value}" for name, value in sorted(run.options.items()))
    return f"{run.model} ({options})" if options else run.model


def label_of(run: Run) -> str:
    """A model, its options and its transfer: what all folds and seeds of it are called."""
    if run.transfer is None:
        return model_of(run)
    source = (run.transfer.source_task or run.transfer.source).partition("_")[0]
    return f"{model_of(run)}, {run.transfer.method} from {source}"


def folders_of(paths: Iterable[Path]) -> list[Path]:
    """The folders of finished runs and ensembles: those given, and those at any depth within them.

    Raises
    ------
    AgrofluxError
        None is there.
    """
    paths = list(paths)
    found = [folder for path in paths for folder in _walk(path)]
    if not found:
        raise AgrofluxError(
            "no finished runs", expected="folders of runs, or one that holds them", where=", ".join(map(str, paths))
        )
    return list(dict.fromkeys(found))


def _walk(folder: Path) -> Iterator[Path]:
    if (folder / "run.json").is_file() or (folder / ENSEMBLE_FILE).is_file():
        if RunFolder(folder).finished:
            yield folder
    elif folder.is_dir():
        for inner in sorted(folder.iterdir()):
            yield from _walk(inner)


def gather(
    names: Sequence[str],
    release: Release,
    *,
    task: str | None = None,
    split: str | None = None,
    hidden: Path | None = None,
    several_tasks: bool = False,
    bar: Progress | None = None,
) -> list[Predicted]:
    """Open or predict what is named.

    Parameters
    ----------
    names : sequence of str
        Folders of runs or ensembles, folders that hold such, repositories ``ORG/NAME`` on the Hub, files of
        predictions, ``climatology`` and names of process models; these two predict whatever splits the others do.
    release : Release
    task : str, optional
        Those of other tasks are left out.
    split : str, optional
        By default, of a run what it was tested on, the hidden rows where `hidden` is given, or else its validation
        rows; of a file, what it predicts.
    hidden : Path, optional
        The hidden targets of a sealed release.
    several_tasks : bool
        Whether what is named may be of several tasks.
    bar : rich.progress.Progress, optional

    Raises
    ------
    AgrofluxError
        Nothing of the task is there, or several tasks are where one is wanted, or the observations are hidden.
    """
    free = [name for name in names if name == CLIMATOLOGY or name.startswith(PROCESS)]
    opened = [one for name in names if name not in free for one in _open(name, release, task, split, hidden)]
    places = list(dict.fromkeys((one.task, one.split) for one in opened)) or ([(task, split or "test")] if task else [])
    if not places:
        raise AgrofluxError(
            "nothing to show", expected="runs or predictions" + (f" of {task}" if task else ", or --task"),
            came=", ".join(names),
        )  # fmt: skip
    tasks = dict.fromkeys(place[0] for place in places)
    if len(tasks) > 1 and not several_tasks:
        raise AgrofluxError("several tasks", expected="--task with one of them", came=", ".join(tasks))
    truths = {place: _truth(release, *place, hidden) for place in places}
    found = [one.predicted(truths[one.task, one.split], release, bar) for one in opened]
    return found + [_free(name, truth, release, bar) for name in free for truth in truths.values()]


def _truth(release: Release, task: str, split: str, hidden: Path | None) -> Truth:
    if release.split(task, split).hidden and hidden is None:
        raise AgrofluxError("observations that are hidden", expected="--targets with them", where=f"{task}/{split}")
    return Truth(release, task, split, release.task(task).targets, hidden)


@dataclass(frozen=True)
class _Named:
    """A model or file before anything is predicted or read."""

    name: str
    task: str
    split: str
    saved: Saved | None

    def predicted(self, truth: Truth, release: Release, bar: Progress | None) -> Predicted:
        if self.saved is None:
            return Predicted(Path(self.name).stem, truth, _in_order(read(self.name), truth))
        fitted, runs = self.saved.fitted, self.saved.runs
        label = label_of(runs[0]) if runs else fitted.kind
        if len(runs) > 1:
            label += f", mean of {len(runs)} seeds"
        columns = Columns.of(release, self.task, self.split, fitted.inputs, ())
        return Predicted(label, truth, _in_order(predict(fitted, columns, bar), truth), runs[0] if runs else None)


def _open(name: str, release: Release, task: str | None, split: str | None, hidden: Path | None) -> Iterator[_Named]:
    path = Path(name)
    if path.is_file():
        report = validate(path, release, task, split)
        report.raise_for_faults()
        assert report.task is not None
        assert report.split is not None
        yield _Named(name, report.task, report.split, None)
        return
    several = path.is_dir() and not (path / "config.json").is_file()
    for folder in folders_of([path]) if several else [name]:
        saved = open_saved(folder)
        run = saved.runs[0] if saved.runs else None
        of = task or saved.fitted.task if run is None else run.task
        if of is None:
            raise AgrofluxError("a model that names no task", expected="--task", where=folder)
        if run is not None and run.revision != release.revision:
            raise AgrofluxError(
                "a model of another release", expected=f"revision {release.revision}", came=run.revision, where=folder
            )
        if task in (None, of):
            yield _Named(str(folder), of, split or _split(run, release, of, hidden), saved)


def _split(run: Run | None, release: Release, task: str, hidden: Path | None) -> str:
    tested = None if run is None else split_to_test(release, task, run.left_out)
    if tested is not None or run is None or hidden is not None:
        return tested or "test"
    if not run.validation:
        raise AgrofluxError(
            "a run without rows to show", expected="--split, or --targets with the hidden observations", where=task
        )
    return run.validation[0]


def _in_order(rows: Mapping[str, NDArray], truth: Truth) -> dict[str, NDArray[np.float32]]:
    at = positions(truth.sequence, rows["sequence"])
    return {name: rows[name][at] for name in truth.targets if name in rows}


def _free(name: str, truth: Truth, release: Release, bar: Progress | None) -> Predicted:
    if name == CLIMATOLOGY:
        every = np.arange(len(truth.sequence))
        return Predicted(name, truth, {target: truth.climatology(target, every) for target in truth.targets})
    rows = predict_process(process_model(name), release, truth.task, truth.split, bar)
    return Predicted(name, truth, _in_order(rows, truth))
