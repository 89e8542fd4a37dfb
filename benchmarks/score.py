"""How fast a submission is scored at full size, beside reading the files: ``python -m benchmarks.score``, ten minutes.

The files are made here and go again: the test split of daycent_temporal, 2,562 sites x 42 treatments x 2 years and 3
targets, which are 236 million values of truth and as many predictions. Each a ratio to the time of reading both files
with pyarrow:

- a file in the order of the release: at most 1.3, the main ratio, and at most 400 MiB of memory;
- the same with its rows shuffled: at most 2, and 1.4 GiB;
- one with wrong keys is refused: at most 0.15;
- pandas with scikit-learn, which do neither validation nor skill, over ours: at least 8, in seconds of waiting.

A truth scores many files, so its climatology and sums, which the first file pays for, are there already, and the
bootstrap is left out; what both take is printed. Ratios to reading are of CPU seconds of all threads, which other work
on the machine does not stretch; but reading alone takes more of them than an eighth of what pandas does, and we are
faster by doing two things at once. So reading, we and pandas take turns, and the least of each counts. Everything is
done in a process of its own, whose memory is the largest it had, with the interpreter and the libraries.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.report import report

__all__ = ["main"]

SITES, TREATMENTS, YEARS = 2562, 42, (2019, 2020)
TASK, TARGETS = "daycent_temporal", ("NEE", "GPP", "N2O")
ORDERED_BAR, SHUFFLED_BAR, REFUSED_BAR, PANDAS_BAR = 1.3, 2.0, 0.15, 8.0
ORDERED_MIB, SHUFFLED_MIB = 400.0, 1.4 * 1024
ROUNDS, TURNS = 3, 2
TRUTH = Path("agroflux-targets", TASK, "test-00000-of-00001.parquet")


@dataclass
class Measured:
    """CPU seconds, those of the first time where it is another, seconds of waiting, and the peak of memory in MiB."""

    seconds: float = 0.0
    first: float = 0.0
    waited: float = 0.0
    peak: float = 0.0


def write(folder: Path) -> None:
    """Make a release with a hidden test split, and the submissions."""
    import numpy as np
    import pyarrow as pa

    from agroflux_data import shards
    from agroflux_data.release import PROVENANCE, Provenance, SourceRecord, Split, TaskRecord
    from agroflux_data.sequences import daily_array
    from agroflux_data.splits import YEARS as SPLIT_YEARS
    from agroflux_data.splits import Edition
    from agroflux_data.variables import DAYS
    from submission import Metadata
    from submission import write as write_submission

    site = np.repeat(np.arange(17001, 17001 + SITES), TREATMENTS * len(YEARS))
    year = np.tile(np.repeat(YEARS, TREATMENTS), SITES)
    sequence = site * 1_000_000 + np.tile(np.arange(TREATMENTS), SITES * len(YEARS)) * 10_000 + year
    names = [str(number) for number in site]
    draw = np.random.default_rng(0)
    day = np.arange(DAYS)
    season = (0.1 + np.sin(np.pi * np.clip((day - 100) / 180, 0, 1))).astype(np.float32)

    def fluxes(rows: int, name: str, noise: float) -> Any:
        values = 1 + np.float32(noise) * draw.standard_normal((rows, DAYS), dtype=np.float32)
        values *= season * np.float32({"NEE": -8, "GPP": 12, "N2O": 4e-3}[name])
        return values if name == "NEE" else np.abs(values, out=values)

    def crop(rows: int) -> pa.Array:
        return daily_array(np.repeat((np.arange(rows) % 2).astype(np.float32)[:, None], DAYS, axis=1))

    def split(rows: pa.Table, home: Path, name: str, hidden: bool, sites: list[str]) -> Split:
        file = f"{TASK}/{name}-00000-of-00001.parquet"
        shard = shards.write(rows, home / file, file, sites)
        return Split(rows.num_rows, len(set(sites)), min(YEARS), max(YEARS), (shard,), hidden)

    public, private = folder / "agroflux", folder / "agroflux-targets"
    few = 168
    training = {"sequence": pa.array(sequence[:few] - 10), "site": pa.array(names[:few]), "PLANTT": crop(few)}
    training |= {name: daily_array(fluxes(few, name, 0.1)) for name in TARGETS}
    test = {"sequence": pa.array(sequence), "site": pa.array(names), "PLANTT": crop(len(sequence))}
    truth = {"sequence": pa.array(sequence), "public": pa.array(np.ones(len(sequence), np.bool_))}
    truth |= {name: daily_array(fluxes(len(sequence), name, 0.25)) for name in TARGETS}
    splits = {
        public: {
            "train": split(pa.table(training), public, "train", False, names[:few]),
            "test": split(pa.table(test), public, "test", True, names),
        },
        private: {"test": split(pa.table(truth), private, "test", True, names)},
    }
    del truth, test
    for home, record in splits.items():
        source = SourceRecord("embedded", "made up", SPLIT_YEARS["daycent"], {})
        task = TaskRecord(("PLANTT",), TARGETS, record)
        provenance = Provenance("0" * 16, "", Edition.SEALED, None, 0, {"daycent": source}, {TASK: task})
        (home / PROVENANCE).write_text(provenance.to_json())

    predictions = {}
    for name in TARGETS:
        values = fluxes(len(sequence), name, 0.05)
        # A smooth prediction compresses better than the truth.
        values.view(np.uint32)[...] &= 0xFFFFFF00
        predictions[name] = values
    metadata = Metadata(task=TASK, revision="0" * 16, model="made up")
    write_submission({"sequence": sequence} | predictions, folder / "ordered.parquet", metadata)
    write_submission({"sequence": sequence + 1} | predictions, folder / "wrong.parquet", metadata)
    order = draw.permutation(len(sequence))
    for name in TARGETS:
        predictions[name] = predictions[name][order]
    write_submission({"sequence": sequence[order]} | predictions, folder / "shuffled.parquet", metadata)


def read(folder: Path) -> Measured:
    """Reading both files with pyarrow."""
    import pyarrow.parquet as pq

    return _best(lambda: [pq.read_table(folder / file) for file in (TRUTH, "ordered.parquet")])


def _scored(folder: Path, file: str) -> Measured:
    from agroflux_data.release import Release
    from submission import score
    from submission.truth import Truth

    release = Release(folder / "agroflux")
    started = time.process_time()
    truth = Truth(release, TASK, "test", TARGETS)
    score(folder / file, release, truth=truth, resamples=0)
    first = time.process_time() - started
    measured = _best(lambda: score(folder / file, release, truth=truth, resamples=0))
    measured.first = first
    return measured


def ordered(folder: Path) -> Measured:
    """Scoring in the order of the release; `first` is that of the first file, with its truth's climatology."""
    return _scored(folder, "ordered.parquet")


def shuffled(folder: Path) -> Measured:
    """Scoring with the rows shuffled."""
    return _scored(folder, "shuffled.parquet")


def refused(folder: Path) -> Measured:
    """Refusing wrong keys."""
    from agroflux_data.release import Release
    from submission import score
    from submission.report import FaultsError

    release = Release(folder / "agroflux")

    def refuse() -> None:
        try:
            score(folder / "wrong.parquet", release)
        except FaultsError:
            return
        raise AssertionError("wrong keys were scored")

    return _best(refuse)


def bootstrap(folder: Path) -> Measured:
    """The intervals alone."""
    import numpy as np

    from submission.bootstrap import Bootstrap, interval, site_years
    from submission.file import keys
    from submission.metrics import RowSums

    sequence = keys(folder / "ordered.parquet")
    draw = np.random.default_rng(0)
    rows = RowSums.of(draw.standard_normal((len(sequence), 2)), draw.standard_normal((len(sequence), 2)))

    def intervals() -> None:
        several = Bootstrap(site_years(sequence))
        for _ in TARGETS:
            for values in several.metrics(rows, rows).values():
                interval(values)

    return _best(intervals)


def pandas(folder: Path) -> Measured:
    """What one writes without the kit: a merge by key, and scikit-learn over the observed days."""
    import numpy as np
    import pandas as pd
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    def score() -> None:
        both = pd.read_parquet(folder / TRUTH).merge(
            pd.read_parquet(folder / "ordered.parquet"), on="sequence", suffixes=("", "_predicted")
        )
        for name in TARGETS:
            t = np.concatenate(both[name].to_numpy()).astype(np.float64)
            p = np.concatenate(both[f"{name}_predicted"].to_numpy()).astype(np.float64)
            there = ~np.isnan(t)
            for metric in (r2_score, root_mean_squared_error, mean_absolute_error):
                metric(t[there], p[there])

    return _best(score, 1)


WAYS: dict[str, Callable[[Path], Measured]] = {
    way.__name__: way for way in (read, ordered, shuffled, refused, bootstrap, pandas)
}


def _best(work: Callable[[], object], rounds: int = ROUNDS) -> Measured:
    """The least of some rounds, CPU seconds of all threads and seconds of waiting: other work only adds to them."""
    seconds, waited = [], []
    for _ in range(rounds):
        started, begun = time.process_time(), time.perf_counter()
        work()
        seconds.append(time.process_time() - started)
        waited.append(time.perf_counter() - begun)
    return Measured(min(seconds), waited=min(waited))


def _apart(way: str, folder: Path) -> Measured:
    """Measure in a process of its own. Files are made so as well: a child begins with its parent's peak of memory."""
    command = [sys.executable, "-m", "benchmarks.score", way, str(folder)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return Measured(**json.loads(ended.stdout))


def main() -> None:
    """Measure, and say whether it holds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _apart("write", folder)
        sizes = ", ".join(f"{(folder / file).stat().st_size / 1e6:.0f} MB" for file in ("ordered.parquet", TRUTH))
        found = {way: _apart(way, folder) for way in WAYS}
        for _ in range(TURNS - 1):
            for way in ("read", "ordered", "pandas"):
                again = _apart(way, folder)
                found[way].seconds = min(found[way].seconds, again.seconds)
                found[way].waited = min(found[way].waited, again.waited)
    ours, theirs = found["ordered"].waited, found["pandas"].waited
    reading = found["read"].seconds
    ratios = {way: one.seconds / reading for way, one in found.items()}
    slower = theirs / ours
    report(
        "score",
        ratios["ordered"],
        ORDERED_BAR,
        at_most=True,
        header=(f"submission and truth of {sizes}", "CPU s", "to reading", "bar", "MiB", "bar"),
        rows=[
            ("reading both with pyarrow", reading, 1.0, "", found["read"].peak, ""),
            _row("in the order of the release", found["ordered"], reading, ORDERED_BAR, ORDERED_MIB),
            ("the first one of a truth", found["ordered"].first, found["ordered"].first / reading, "", "", ""),
            _row("rows shuffled", found["shuffled"], reading, SHUFFLED_BAR, SHUFFLED_MIB),
            _row("wrong keys refused", found["refused"], reading, REFUSED_BAR, None),
            ("bootstrap, 1,000 resamples", found["bootstrap"].seconds, ratios["bootstrap"], "", "", ""),
            ("pandas and scikit-learn", found["pandas"].seconds, ratios["pandas"], "", found["pandas"].peak, ""),
            (f"seconds of waiting: {theirs:.3g} over ours, {ours:.3g} (at least)", "", slower, PANDAS_BAR, "", ""),
        ],
        others_hold=ratios["shuffled"] <= SHUFFLED_BAR
        and ratios["refused"] <= REFUSED_BAR
        and slower >= PANDAS_BAR
        and found["ordered"].peak <= ORDERED_MIB
        and found["shuffled"].peak <= SHUFFLED_MIB,
    )


def _row(title: str, measured: Measured, reading: float, bar: float, memory: float | None) -> tuple[object, ...]:
    return title, measured.seconds, measured.seconds / reading, bar, measured.peak, memory or ""


def _child(way: str, folder: Path) -> None:
    measured = Measured()
    if way == "write":
        write(folder)
    else:
        measured = WAYS[way](folder)
    measured.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(asdict(measured)))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _child(sys.argv[1], Path(sys.argv[2]))
    else:
        main()
