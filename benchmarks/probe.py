"""What probing tells about the hidden values: ``python -m benchmarks.probe``, about ten minutes.

One participant sends what the quota allows to one task for a season of 90 days, to the real scorer, and sees what the
leaderboard shows of each. That is 5 submissions a day, but no more than 30 in 90 days; what would come of 5 on each day
is printed before it. The attacks are published ones:

- constants: one pair of RMSE and R2 of a constant gives the mean and the variance of the hidden values;
- labels: single values, each from the change of the RMSE that changing one prediction brings (Whitehill 2017,
  "Climbing the Kaggle leaderboard by exploiting the log-loss oracle", for a mean of squares);
- boosting: random changes, and in the end the sum of those that improved the score (Blum and Hardt 2015, "The Ladder",
  section on the boosting attack);
- groups: the mean error of each site and season, from two further queries for each, taken off from all rows of that
  site, also those of the private half: what an adaptive analyst can do best;
- choice and groups: half of the queries for an honest choice, and half for the errors of what was chosen.

The bar is for the private half, by which a season is ranked: what the best attack gains there, beyond the gain of an
honest participant who chooses among as many submissions by the same board, over the gap between neighbours in a field
of honest models. Below 1 no rank changes by probing.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agroflux_data.release import Release, Targets
from agroflux_data.sequences import values
from agroflux_data.variables import VARIABLES
from benchmarks.report import report
from leaderboard.board import coarse
from leaderboard.intake import QUOTA
from leaderboard.store import LONG_DAYS, LONG_RUN
from submission import Metadata, score, write
from submission.truth import Truth

__all__ = ["main"]

TASK, DAYS_OF_SEASON, BAR = "ecosys_temporal", 90, 1.0
ENDLESS = QUOTA * DAYS_OF_SEASON
QUERIES = min(ENDLESS, QUOTA * LONG_RUN * math.ceil(DAYS_OF_SEASON / LONG_DAYS))
_MODELS, _SEASONS = 16, 9

Predictions = dict[str, NDArray[np.float64]]


@dataclass
class Bench:
    """The task, and the two ways to score: as the board shows it, and as it is."""

    release: Release
    folder: Path
    truth: Truth
    task: str
    asked: int = 0

    @property
    def targets(self) -> tuple[str, ...]:
        return self.release.task(self.task).ranked_targets

    @property
    def sequence(self) -> NDArray[np.int64]:
        return self.truth.sequence

    def ask(self, predictions: Predictions) -> dict[str, Any]:
        """What the board shows of a submission."""
        self.asked += 1
        shown: dict[str, Any] = coarse(self._score(predictions, "public"))
        return shown

    def exact(self, predictions: Predictions, half: str) -> float:
        """The mean skill, which decides ranks on the private half and which nobody sees of it."""
        return float(self._score(predictions, half)["skill"])

    def _score(self, predictions: Predictions, half: str) -> dict[str, Any]:
        path = self.folder / "query.parquet"
        write({"sequence": self.sequence, **predictions}, path, Metadata(self.task, self.release.revision, "probe"))
        return score(path, self.release, half=half, truth=self.truth, resamples=0).to_json()

    def clip(self, predictions: Predictions) -> Predictions:
        """The same within the physical range, as a submission must be."""
        return {name: np.clip(found, VARIABLES[name].low, VARIABLES[name].high) for name, found in predictions.items()}


# The honest field.


def _features(release: Release, task: str, split: str) -> tuple[NDArray[np.float64], Predictions]:
    """Weather and season of every day (N, 365, features), and the targets (N, 365)."""
    names = ["TMAX", "TMIN", "PREC", "RADN", "PLANTT", "FERTZR_N"]
    rows = release.table(task, split, [*names, *release.task(task).ranked_targets])
    daily = {name: np.nan_to_num(values(rows[name])) for name in names}
    day = np.arange(365) / 365 * 2 * np.pi
    season = [np.broadcast_to(wave(harmonic * day), daily["TMAX"].shape)
              for harmonic in (1, 2, 3, 4) for wave in (np.sin, np.cos)]  # fmt: skip
    crop = daily["PLANTT"]
    columns = [np.ones_like(crop), crop, *season, *(crop * wave for wave in season)]
    for name in ("TMAX", "TMIN", "PREC", "RADN"):
        for window in (1, 10, 30):
            mean = _trailing(daily[name], window)
            columns += [mean, mean * season[1], mean * crop]
    columns += [_trailing(daily["FERTZR_N"], window) for window in (10, 30, 90)]
    targets = {name: values(rows[name]).astype(np.float64) for name in release.task(task).ranked_targets}
    return np.stack(columns, axis=-1), targets


def _trailing(daily: NDArray[Any], window: int) -> NDArray[np.float64]:
    sums = np.cumsum(np.pad(daily.astype(np.float64), ((0, 0), (window, 0))), axis=1)
    return (sums[:, window:] - sums[:, :-window]) / window


def _field(bench: Bench, draw: np.random.Generator, count: int) -> Iterator[Predictions]:
    """Honest models: ridge regressions that differ in what they look at and by whom they learn."""
    splits = [name for name in bench.release.splits(bench.task) if name != "test"]
    known = [_features(bench.release, bench.task, split) for split in splits]
    x = np.concatenate([features for features, _ in known])
    y = {name: np.concatenate([targets[name] for _, targets in known]) for name in bench.targets}
    order = {key: number for number, key in enumerate(bench.release.keys(bench.task, "test"))}
    test = _features(bench.release, bench.task, "test")[0][[order[key] for key in bench.sequence]]
    scale = x.reshape(-1, x.shape[-1]).std(axis=0) + 1e-9
    for _ in range(count):
        used = np.flatnonzero(draw.random(x.shape[-1]) < draw.uniform(0.5, 0.95))
        rows = draw.choice(len(x), max(4, int(len(x) * draw.uniform(0.3, 0.9))), replace=False)
        penalty = 10 ** draw.uniform(-3, 3)
        a = (x[rows][:, ::5][..., used] / scale[used]).reshape(-1, len(used))
        found = {}
        for name in bench.targets:
            b = y[name][rows][:, ::5].reshape(-1)
            there = np.isfinite(b)
            weights = np.linalg.solve(a[there].T @ a[there] + penalty * np.eye(len(used)), a[there].T @ b[there])
            found[name] = (test[..., used] / scale[used]) @ weights
        yield bench.clip(found)


# The attacks: each gives what it would submit in the end, and what it learned.


def honest(
    bench: Bench, field: list[Predictions], base: Predictions, draw: np.random.Generator, queries: int
) -> Predictions:
    """Choose the best of as many mixtures of honest models, by what the board shows."""
    best, shown = base, bench.ask(base)["skill"]
    for _ in range(queries - 1):
        part = draw.dirichlet(np.full(len(field), 0.3))
        mixed = {name: np.tensordot(part, np.stack([one[name] for one in field]), 1) for name in bench.targets}
        found = bench.ask(mixed)["skill"]
        if found is not None and found > shown:
            best, shown = mixed, found
    return best


def constants(bench: Bench, base: Predictions) -> tuple[Predictions, dict[str, tuple[float, float]]]:
    """A base without its mean error; and the mean and the standard deviation of the hidden values."""
    level = {name: float(found.mean()) for name, found in base.items()}
    flat = {name: np.full_like(found, level[name]) for name, found in base.items()}
    learned = {}
    for name, (mean, rmse) in _mean_errors(bench, flat).items():
        learned[name] = (level[name] - mean, float(np.sqrt(max(rmse**2 - mean**2, 0.0))))
    errors = _mean_errors(bench, base)
    return bench.clip({name: found - errors[name][0] for name, found in base.items()}), learned


def _mean_errors(bench: Bench, base: Predictions) -> dict[str, tuple[float, float]]:
    """By target the mean error of predictions, from their RMSE and that of the same a step higher; and the RMSE."""
    before = bench.ask(base)
    step = {name: before["targets"][name]["rmse"] for name in bench.targets}
    after = bench.ask(bench.clip({name: found + step[name] for name, found in base.items()}))
    found = {}
    for name in bench.targets:
        more = after["targets"][name]["rmse"] ** 2 - step[name] ** 2
        found[name] = ((more - step[name] ** 2) / (2 * step[name]), step[name])
    return found


def labels(bench: Bench, base: Predictions, draw: np.random.Generator, count: int) -> dict[str, NDArray[np.float64]]:
    """Single labels (row, day) by target, learned and true, (count, 2); each query tells one of each target."""
    usual = bench.ask(base)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in bench.targets}
    public = np.flatnonzero(bench.truth.public)
    seen = {name: bench.truth.observed(name, public) for name in bench.targets}
    for _ in range(count):
        row, day = int(draw.integers(len(public))), int(draw.integers(365))
        changed = {name: predicted.copy() for name, predicted in base.items()}
        for name in bench.targets:
            # As far as a submission may go: the further, the more the score says.
            changed[name][public[row], day] = VARIABLES[name].high
        shown = bench.ask(changed)
        for name in bench.targets:
            true = float(seen[name][row, day])
            if np.isnan(true):
                continue
            here, far, n = base[name][public[row], day], VARIABLES[name].high, shown["targets"][name]["n"]
            more = n * (shown["targets"][name]["rmse"] ** 2 - usual["targets"][name]["rmse"] ** 2)
            found[name].append((((far**2 - here**2) - more) / (2 * (far - here)), true))
    return {name: np.array(pairs).reshape(-1, 2) for name, pairs in found.items()}


def boosting(bench: Bench, base: Predictions, draw: np.random.Generator, queries: int) -> Predictions:
    """The sum of random changes, each with the sign by which it improves the score."""
    usual = {name: shown["rmse"] for name, shown in bench.ask(base)["targets"].items()}
    total = {name: np.zeros_like(found) for name, found in base.items()}
    for _ in range(queries - 1):
        signs = {name: np.repeat(draw.choice([-1.0, 1.0], (len(found), 12)), 31, axis=1)[:, :365]
                 for name, found in base.items()}  # fmt: skip
        shown = bench.ask(bench.clip({name: base[name] + 0.3 * usual[name] * signs[name] for name in base}))
        for name in bench.targets:
            # The change itself costs; what counts is its part along the errors.
            without = usual[name] ** 2 * (1 + 0.3**2)
            total[name] += np.sign(without - shown["targets"][name]["rmse"] ** 2) * signs[name]
    return bench.clip({name: base[name] + 0.1 * usual[name] * total[name] / np.sqrt(queries) for name in base})


def groups(bench: Bench, base: Predictions, draw: np.random.Generator, queries: int) -> Predictions:
    """A base without the mean error of each site and season, as far as the queries reach."""
    usual = {name: shown["rmse"] for name, shown in bench.ask(base)["targets"].items()}
    site = bench.sequence // 1_000_000
    names = draw.permutation(np.unique(site))
    seasons = max(1, min(_SEASONS, (queries - 1) // (2 * len(names))))
    part = np.minimum(np.arange(365) * seasons // 365, seasons - 1)
    found = {name: predicted.copy() for name, predicted in base.items()}
    step = {name: 2 * rmse for name, rmse in usual.items()}
    cells = [(one, season) for one in names for season in range(seasons)]
    for one, season in cells[: (queries - 1) // 2]:
        here = np.outer(site == one, part == season)
        shown = [bench.ask(bench.clip({name: base[name] + far * step[name] * here for name in base})) for far in (1, 2)]
        for name in bench.targets:
            first, second = (answer["targets"][name]["rmse"] ** 2 - usual[name] ** 2 for answer in shown)
            share = (second - 2 * first) / (2 * step[name] ** 2)
            if share > 0.2 * here.mean():
                error = (4 * first - second) / (4 * step[name]) / share
                # Not all of it: the public half alone tells the group's error only nearly.
                found[name] -= 0.7 * np.clip(error, -step[name], step[name]) * here
    return bench.clip(found)


def main() -> None:
    """Probe, and say whether it holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.probe", description="What probing tells.")
    parser.add_argument("--data", type=Path, help="a sealed release; by default a small one is built")
    parser.add_argument("--task", default=TASK)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.data is None:
            script = str(Path(sys.executable).with_name("agroflux-data"))
            command = [script, "build", str(folder / "agroflux"), "--scale", "small"]
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        _probe(Release(given.data or folder / "agroflux"), given.task, folder)


def _probe(release: Release, task: str, folder: Path) -> None:
    targets = release.task(task).ranked_targets
    bench = Bench(release, folder, Truth(release, task, "test", targets, Targets.of(release)), task)
    field = list(_field(bench, np.random.default_rng(0), _MODELS))
    skills = np.array([[bench.exact(one, half) for half in ("public", "private")] for one in field])
    # Between neighbours in the better half of the field, where ranks matter.
    ordered = np.sort(skills[:, 1])[::-1]
    gap = float(np.median(-np.diff(ordered[: len(ordered) // 2 + 1])))
    base = field[int(np.argsort(skills[:, 0])[len(field) // 2])]
    start = [bench.exact(base, half) for half in ("public", "private")]
    rows: list[tuple[object, ...]] = [
        ("honest models, median", *np.median(skills, axis=0), "", ""),
        ("gap between neighbours of them", "", gap, "", ""),
        ("one of them, the base of what follows", *start, 0.0, int((ordered > start[1]).sum()) + 1),
    ]
    beyond = {}
    for queries in (ENDLESS, QUERIES):
        gains = {}
        for name, attack in _attacks(bench, field, base, queries).items():
            bench.asked = 0
            found = attack(np.random.default_rng(1))
            public, private = (bench.exact(found, half) for half in ("public", "private"))
            gains[name] = private - start[1]
            rank = int((ordered > private).sum()) + 1
            rows.append((f"{name}, {bench.asked} of {queries} queries", public, private, gains[name], rank))
        honestly = max(0.0, gains.pop("honest choice"))
        beyond[queries] = (max(gains.values()) - honestly) / gap
        rows.append((f"beyond the honest choice, over the gap, {queries} queries", "", "", beyond[queries], ""))
    _, learned = constants(bench, base)
    single = labels(bench, base, np.random.default_rng(1), QUERIES)
    for name in targets:
        true = bench.truth.observed(name, np.flatnonzero(bench.truth.public))
        spread = float(np.nanstd(true))
        mean, deviation = learned[name]
        rows.append((f"{name}: error of its mean, learned from constants, in standard deviations",
                     (mean - float(np.nanmean(true))) / spread, "", "", ""))  # fmt: skip
        rows.append((f"{name}: the same of its standard deviation", (deviation - spread) / spread, "", "", ""))
        if len(single[name]):
            wrong = float(np.sqrt(np.mean((single[name][:, 0] - single[name][:, 1]) ** 2))) / spread
            rows.append((f"{name}: the same of single values (1 is a guess)", wrong, "", "", ""))
    report(
        "probe", beyond[QUERIES], BAR, at_most=True, rows=rows,
        header=(f"{task}: skill, beside {len(field)} honest models", "public half", "private half", "gained", "rank"),
    )  # fmt: skip


def _attacks(
    bench: Bench, field: list[Predictions], base: Predictions, queries: int
) -> dict[str, Callable[[np.random.Generator], Predictions]]:
    """What each would submit in the end."""

    def both(draw: np.random.Generator) -> Predictions:
        chosen = honest(bench, field, base, draw, queries // 2)
        return groups(bench, chosen, draw, queries - queries // 2)

    return {
        "honest choice": lambda draw: honest(bench, field, base, draw, queries),
        "constants": lambda draw: constants(bench, base)[0],
        "boosting": lambda draw: boosting(bench, base, draw, queries),
        "groups": lambda draw: groups(bench, base, draw, queries),
        "choice and groups": both,
    }


if __name__ == "__main__":
    main()
