"""A task is a source times a scenario; `Task` is the object that everything else hangs on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from agroflux_data.errors import AgrofluxError
from agroflux_data.splits import FOLDS, SEALED_FOLD, YEARS, Edition, Scenario, Years
from agroflux_data.variables import CORE_INPUTS, INPUTS, OUTPUTS, STATICS

__all__ = ["SOURCES", "TASKS", "SourceName", "Task"]

SourceName = Literal["ecosys", "daycent", "towers", "mesocosm"]
SOURCES: tuple[str, ...] = get_args(SourceName)

_RANKED = ("NEE", "GPP", "N2O")
_OUTPUTS: dict[str, tuple[str, ...]] = {
    "ecosys": OUTPUTS,
    # DayCent writes no leaf area for crops, and no CO2 flux at the soil surface.
    "daycent": tuple(name for name in OUTPUTS if name not in ("SOIL_CO2", "LAI")),
    "towers": ("GPP", "RECO", "NEE", "ET"),
    "mesocosm": ("N2O",),
}


@dataclass(frozen=True)
class Task:
    """One task of the benchmark.

    Attributes
    ----------
    source : str
        ecosys, daycent (simulations), towers (eddy covariance) or mesocosm (chambers).
    scenario : str
        How a model must extrapolate: temporal (to later years) or spatial (to other sites).
    inputs : tuple of str
        Input columns, core inputs first in the official order. Daily ones have shape (365,), statics ().
    targets : tuple of str
        Output columns, shape (365,), NaN where nothing was observed.
    years : Years

    Examples
    --------
    >>> task = Task.from_name("towers_temporal")
    >>> task.targets, task.ranked_targets
    (('GPP', 'RECO', 'NEE', 'ET'), ('NEE', 'GPP'))
    """

    source: str
    scenario: Scenario
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    years: Years

    @classmethod
    def from_name(cls, name: str) -> Task:
        """The task of that name as the benchmark defines it; raises `AgrofluxError` for an unknown one."""
        try:
            return TASKS[name]
        except KeyError:
            raise AgrofluxError("unknown task", expected="one of " + ", ".join(TASKS), came=name) from None

    @property
    def name(self) -> str:
        """The config name: ``load_dataset("agroflux", task.name)``."""
        return f"{self.source}_{self.scenario}"

    @property
    def ranked_targets(self) -> tuple[str, ...]:
        """The targets that the leaderboard ranks: those of the paper's three that the source has."""
        return tuple(name for name in _RANKED if name in self.targets)

    @property
    def core_inputs(self) -> tuple[str, ...]:
        """The inputs of the paper that the task has, in the official order."""
        return tuple(name for name in self.inputs if name in CORE_INPUTS)

    @property
    def daily_inputs(self) -> tuple[str, ...]:
        return tuple(name for name in self.inputs if name not in STATICS)

    @property
    def statics(self) -> tuple[str, ...]:
        return tuple(name for name in self.inputs if name in STATICS)

    @property
    def remainder(self) -> Literal["spread", "always_train"]:
        """What happens to the sites that five equal folds leave over."""
        return "spread" if self.source in ("ecosys", "daycent") else "always_train"

    def splits(self, edition: Edition) -> tuple[str, ...]:
        """All split names that the edition may have, in order; a small release may lack some."""
        if self.scenario == "temporal":
            return ("train", "validation", "test")
        folds = tuple(f"fold_{fold}" for fold in range(FOLDS) if edition is Edition.OPEN or fold != SEALED_FOLD)
        always = ("always_train",) if self.remainder == "always_train" else ()
        return folds + always + (("test",) if edition is Edition.SEALED else ())

    def training_splits(self, edition: Edition) -> tuple[str, ...]:
        """The splits whose rows a model may be fitted to; scalers come from these alone.

        In the open edition of a spatial task every fold is test data once, so all are listed: leave out the fold
        that is tested.
        """
        return tuple(name for name in self.splits(edition) if name not in ("validation", "test"))

    def narrowed(self, *, inputs: Iterable[str], targets: Iterable[str], years: Years | None = None) -> Task:
        """This task with only the columns (and the years) that a source really has."""
        inputs, targets = set(inputs), set(targets)
        return replace(
            self,
            inputs=tuple(name for name in self.inputs if name in inputs),
            targets=tuple(name for name in self.targets if name in targets),
            years=years or self.years,
        )


TASKS: dict[str, Task] = {
    task.name: task
    for source in SOURCES
    for scenario in get_args(Scenario)
    for task in [Task(source, scenario, INPUTS, _OUTPUTS[source], YEARS[source])]
}
"""The eight tasks by name."""
