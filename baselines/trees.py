"""Gradient-boosted trees on days: XGBoost and LightGBM, a model for each target, on `day_features`.

Chen and Guestrin (2016), XGBoost: a scalable tree boosting system, KDD, doi:10.1145/2939672.2939785; Ke et al. (2017),
LightGBM: a highly efficient gradient boosting decision tree, NeurIPS 30. Both grow trees leaf by leaf over histograms.
They are kept in the formats of their libraries, as text; nothing is pickled.

Quantiles are trees of their own for each target and level, grown by the gradients of the pinball loss. Those of a day
may cross where they are fitted one by one, and are put in order, which brings them nearer to the true ones
(Chernozhukov, Fernandez-Val and Galichon 2010, Econometrica 78:1093, doi:10.3982/ECTA7880).
"""

from __future__ import annotations

import json
import os
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from agroflux_data.batches import Batches, Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.randomness import stream
from baselines.day_features import day_features, feature_names
from baselines.fitted import Fitted
from baselines.models.base import check_quantiles
from baselines.recipe import TreeRecipe
from submission.quantiles import column

__all__ = ["TREES_FILE", "Days", "LightGbmTrees", "Trees", "XgboostTrees", "trees_class"]

TREES_FILE = "trees.json"
"""What a folder of trees has in place of ``config.json``."""
_DESCRIPTION = ("inputs", "targets", "task", "revision", "origin", "training_splits")


@dataclass(frozen=True)
class Days:
    """Days that were drawn from the rows of some splits: a table for trees.

    Attributes
    ----------
    features : float32 array (N, C)
    labels : float32 array (N, D)
        NaN where nothing was observed.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.float32]

    @classmethod
    def draw(cls, columns: Columns, samples: int, seed: int) -> Days:
        """Draw days evenly over rows, reading the shards once; memory holds the drawn days and one batch.

        Parameters
        ----------
        columns : Columns
        samples : int
            About how many; all days where there are no more.
        seed : int
        """
        draws = stream(seed, "days of trees", *columns.splits)
        tables, labels = [], []
        for batch in Batches(columns, batch_size=64).epoch():
            days = batch.inputs.shape[1]
            share = samples / (columns.rows * days)
            taken = draws.random(batch.inputs.shape[:2]) < share
            taken &= batch.mask.any(axis=-1)
            tables.append(day_features(batch.inputs, columns.inputs)[taken])
            labels.append(batch.labels[taken])
        return cls(np.concatenate(tables), np.concatenate(labels))


class Trees(Fitted):
    """Boosted trees for each target.

    Parameters
    ----------
    boosters : sequence
        The library's models, one for each target.
    description : dict
        ``inputs``, ``targets``, ``task``, ``revision``, ``origin`` and ``training_splits``.
    quantiles : sequence of float
        Levels, ascending.
    of_levels : sequence of sequences
        For each target a model for each level.
    """

    suffix: str

    def __init__(
        self,
        boosters: Sequence[Any],
        description: dict[str, Any],
        quantiles: Sequence[float] = (),
        of_levels: Sequence[Sequence[Any]] = (),
    ):
        self.boosters = list(boosters)
        self.quantiles, self.of_levels = tuple(quantiles), [list(several) for several in of_levels]
        for name in _DESCRIPTION:
            value = description[name]
            setattr(self, name, tuple(value) if isinstance(value, list | tuple) else value)
        self.rounds = [self.trees(booster) for booster in self.boosters]
        every = [*self.boosters, *(booster for several in self.of_levels for booster in several)]
        self.parameters = sum(self.leaves(booster) for booster in every)

    @classmethod
    @abstractmethod
    def boost(
        cls, recipe: TreeRecipe, training: Days, validation: Days | None, target: int, level: float | None = None
    ) -> tuple[Any, list[float], list[float]]:
        """Fit one target, or a quantile of it; the model, and its error by round on the training and validation days.

        The error is the RMSE, and of a quantile the pinball loss.
        """

    @staticmethod
    @abstractmethod
    def leaves(booster: Any) -> int:
        """The numbers that were fitted: values of leaves."""

    @staticmethod
    @abstractmethod
    def trees(booster: Any) -> int:
        """Rounds that were kept."""

    @staticmethod
    @abstractmethod
    def score(booster: Any, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predictions (N,) for days (N, C)."""

    @staticmethod
    @abstractmethod
    def write(booster: Any, path: Path) -> None:
        """Save in the library's own text format."""

    @staticmethod
    @abstractmethod
    def load(path: Path) -> Any:
        """What `write` saved."""

    def raw(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._scores(inputs, self.boosters)

    def raw_quantiles(self, inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        every = self._scores(inputs, [*self.boosters, *(one for several in self.of_levels for one in several)])
        fluxes, several = np.split(every, [len(self.boosters)], axis=-1)
        return fluxes, np.sort(several.reshape(*fluxes.shape, len(self.quantiles)), axis=-1)

    def _scores(self, inputs: NDArray[np.float32], boosters: Sequence[Any]) -> NDArray[np.float32]:
        """What some models say, (B, T, models)."""
        found = np.empty((*inputs.shape[:2], len(boosters)), np.float32)
        for row, one in enumerate(inputs):  # a year at a time: the table is ten times as wide as the inputs
            table = day_features(one[None], self.inputs)[0]
            for number, booster in enumerate(boosters):
                found[row, :, number] = self.score(booster, table)
        return found

    @classmethod
    def fit(cls, columns: Columns, validation: Columns | None, recipe: TreeRecipe, bar: Progress) -> tuple[Trees, dict]:
        """Fit every target.

        Returns
        -------
        Trees
        dict
            By target ``training`` and ``validation``, lists of the RMSE by round.
        """
        line = bar.add_task("drawing days", total=len(columns.targets))
        training = Days.draw(columns, recipe.samples, recipe.seed)
        judged = None if validation is None else Days.draw(validation, recipe.samples // 4, recipe.seed)
        boosters, of_levels, log = [], [], {}
        for number, target in enumerate(columns.targets):
            bar.update(line, description=f"boosting {target}")
            booster, *errors = cls.boost(recipe, training, judged, number)
            boosters.append(booster)
            log[target] = dict(zip(("training", "validation"), errors, strict=True))
            of_levels.append([cls.boost(recipe, training, judged, number, level)[0] for level in recipe.quantiles])
            bar.update(line, advance=1)
        release = columns.release
        description = {
            "inputs": columns.inputs, "targets": columns.targets, "task": columns.task, "revision": release.revision,
            "origin": release.origin(columns.task), "training_splits": columns.splits,
        }  # fmt: skip
        return cls(boosters, description, recipe.quantiles, of_levels), log

    def save(self, folder: Path) -> None:
        """Write ``trees.json`` and a file for each target and quantile."""
        for target, booster in zip(self.targets, self.boosters, strict=True):
            self.write(booster, folder / f"{target}{self.suffix}")
        for target, several in zip(self.targets, self.of_levels, strict=True):
            for level, booster in zip(self.quantiles, several, strict=True):
                self.write(booster, folder / f"{column(target, round(level * 100))}{self.suffix}")
        description = {"model": self.kind, "features": feature_names(self.inputs)} | {
            name: getattr(self, name) for name in (*_DESCRIPTION, "quantiles")
        }
        (folder / TREES_FILE).write_text(json.dumps(description, indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Trees:
        """What `save` wrote; raises `AgrofluxError` where it is damaged."""
        try:
            description = json.loads((folder / TREES_FILE).read_text())
            kind = trees_class(description["model"])
            boosters = [kind.load(folder / f"{target}{kind.suffix}") for target in description["targets"]]
            levels = description.get("quantiles", ())
            check_quantiles(levels)
            of_levels = [
                [kind.load(folder / f"{column(target, round(level * 100))}{kind.suffix}") for level in levels]
                for target in description["targets"]
            ]
            return kind(boosters, description, levels, of_levels)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AgrofluxError("damaged trees", expected="what a run saved", came=str(error), where=folder) from None


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS", "1"))


def _observed(days: Days, target: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    there = ~np.isnan(days.labels[:, target])
    return days.features[there], days.labels[there, target]


class XgboostTrees(Trees):
    """XGBoost; its files are its JSON."""

    kind, method, suffix = "xgboost", "XGBoost", ".json"

    @classmethod
    def boost(
        cls, recipe: TreeRecipe, training: Days, validation: Days | None, target: int, level: float | None = None
    ) -> tuple[Any, list[float], list[float]]:
        import xgboost

        matrices = [(xgboost.QuantileDMatrix(*_observed(training, target), nthread=_threads()), "training")]
        if validation is not None:
            own = xgboost.QuantileDMatrix(*_observed(validation, target), ref=matrices[0][0], nthread=_threads())
            matrices.append((own, "validation"))
        errors: dict[str, Any] = {}
        booster = xgboost.train(
            {
                "objective": "reg:squarederror" if level is None else "reg:quantileerror",
                "eval_metric": "rmse" if level is None else "quantile",
                **({} if level is None else {"quantile_alpha": level}),
                "eta": recipe.learning_rate, "max_leaves": recipe.leaves,
                "max_depth": 0, "grow_policy": "lossguide", "tree_method": "hist", "subsample": 0.7,
                "colsample_bytree": 0.5, "min_child_weight": 20, "seed": recipe.seed, "nthread": _threads(),
            },
            matrices[0][0],
            recipe.rounds,
            evals=matrices,
            evals_result=errors,
            early_stopping_rounds=recipe.patience if validation is not None else None,
            verbose_eval=False,
        )  # fmt: skip
        if validation is not None:
            booster = booster[: booster.best_iteration + 1]
        return booster, *(next(iter(errors.get(name, {"": []}).values())) for name in ("training", "validation"))

    @staticmethod
    def trees(booster: Any) -> int:
        return booster.num_boosted_rounds()

    @staticmethod
    def leaves(booster: Any) -> int:
        return sum(tree.count("leaf=") for tree in booster.get_dump())

    @staticmethod
    def score(booster: Any, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return booster.inplace_predict(features)

    @staticmethod
    def write(booster: Any, path: Path) -> None:
        booster.save_model(path)

    @staticmethod
    def load(path: Path) -> Any:
        import xgboost

        try:
            return xgboost.Booster(model_file=path, params={"nthread": _threads()})
        except xgboost.core.XGBoostError as error:
            raise ValueError(str(error).splitlines()[0]) from None


class LightGbmTrees(Trees):
    """LightGBM; its files are its text format."""

    kind, method, suffix = "lightgbm", "LightGBM", ".txt"

    @classmethod
    def boost(
        cls, recipe: TreeRecipe, training: Days, validation: Days | None, target: int, level: float | None = None
    ) -> tuple[Any, list[float], list[float]]:
        import lightgbm

        params = {
            "objective": "regression" if level is None else "quantile",
            "metric": "rmse" if level is None else "quantile", **({} if level is None else {"alpha": level}),
            "learning_rate": recipe.learning_rate,
            "num_leaves": recipe.leaves, "min_data_in_leaf": 20, "bagging_fraction": 0.7, "bagging_freq": 1,
            "feature_fraction": 0.5, "seed": recipe.seed, "deterministic": True, "force_col_wise": True,
            "num_threads": _threads(), "verbosity": -1,
        }  # fmt: skip
        table, labels = _observed(training, target)
        sets = [lightgbm.Dataset(table, labels)]
        if validation is not None:
            sets.append(lightgbm.Dataset(*_observed(validation, target), reference=sets[0]))
        errors: dict[str, Any] = {}
        watched = [lightgbm.record_evaluation(errors)]
        if validation is not None and recipe.patience is not None:
            watched.append(lightgbm.early_stopping(recipe.patience, verbose=False))
        names = ["training", "validation"][: len(sets)]
        booster = lightgbm.train(params, sets[0], recipe.rounds, valid_sets=sets, valid_names=names, callbacks=watched)
        return booster, *(next(iter(errors.get(name, {"": []}).values())) for name in ("training", "validation"))

    @staticmethod
    def trees(booster: Any) -> int:
        return booster.num_trees()

    @staticmethod
    def leaves(booster: Any) -> int:
        return sum(tree["num_leaves"] for tree in booster.dump_model()["tree_info"])

    @staticmethod
    def score(booster: Any, features: NDArray[np.float32]) -> NDArray[np.float32]:
        return booster.predict(features, num_threads=_threads())

    @staticmethod
    def write(booster: Any, path: Path) -> None:
        booster.save_model(path)

    @staticmethod
    def load(path: Path) -> Any:
        import lightgbm

        try:
            return lightgbm.Booster(model_file=path)
        except lightgbm.basic.LightGBMError as error:
            raise ValueError(str(error)) from None


_CLASSES: dict[str, type[Trees]] = {"xgboost": XgboostTrees, "lightgbm": LightGbmTrees}


def trees_class(name: str) -> type[Trees]:
    """The trees of that name; raises `KeyError` for others."""
    return _CLASSES[name]
