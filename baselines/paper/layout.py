"""Tables I to XVI as the paper lays them out: what each row and column is, and where its numbers come from.

The layout follows the paper and what its authors' code prints. What the paper calls CO2 is our NEE. In print, the
blocks IX to XII and XIII to XVI are probably swapped: RMSE^2 / (1 - R2), which one test set fixes, differs between
them and Tables III and IV. Here IX to XII belong to III, which is fine-tuning, and XIII to XVI to IV.
"""

from __future__ import annotations

from dataclasses import dataclass

from baselines.study.plan import SCRATCH, title_of

__all__ = ["LAYOUTS", "METRICS", "ROWS", "Column", "Layout"]

ROWS = tuple(title_of(model) for model in ("ea-lstm", "lstm", "pyraformer", "tcn", "transformer", "itransformer"))
"""The models of the paper, in its order."""
METRICS = {"r2": "R2", "rmse": "RMSE", "mae": "MAE"}

_TITLES = {"NEE": "CO2", "GPP": "GPP", "N2O": "N2O"}
_SIMULATORS = {"ecosys": "Ecosys", "daycent": "DayCent"}
_SCENARIOS = ("spatial", "temporal")
_OBSERVED = (("mesocosm", "N2O"), ("towers", "NEE"), ("towers", "GPP"))


@dataclass(frozen=True)
class Column:
    """What a column of numbers is.

    Attributes
    ----------
    heading : tuple of str
        From the outermost to the innermost: ``("Ecosys", "spatial", "CO2")``.
    task, target : str
        Whose tested rows it is about.
    method : str
        ``scratch`` or a method of transfer.
    simulator : str or None
        The source that networks were pretrained on.
    """

    heading: tuple[str, ...]
    task: str
    target: str
    method: str = SCRATCH
    simulator: str | None = None

    @property
    def name(self) -> str:
        return " / ".join(self.heading)


@dataclass(frozen=True)
class Layout:
    """One table of the paper.

    Attributes
    ----------
    number : str
        Roman, as in print.
    title, metric : str
    columns : tuple of Column
    """

    number: str
    title: str
    metric: str
    columns: tuple[Column, ...]


def _simulated() -> tuple[Column, ...]:
    return tuple(
        Column((title, scenario, _TITLES[target]), f"{source}_{scenario}", target)
        for source, title in _SIMULATORS.items()
        for scenario in _SCENARIOS
        for target in ("NEE", "GPP", "N2O")
    )


def _observed() -> tuple[Column, ...]:
    return tuple(
        Column((_TITLES[target], scenario), f"{source}_{scenario}", target)
        for source, target in _OBSERVED
        for scenario in _SCENARIOS
    )


def _transferred(method: str, scenarios: tuple[str, ...]) -> tuple[Column, ...]:
    return tuple(
        Column(
            (title, *((scenario,) if len(scenarios) > 1 else ()), _TITLES[target]),
            f"{source}_{scenario}", target, method, simulator,
        )
        for simulator, title in _SIMULATORS.items()
        for scenario in scenarios
        for source, target in _OBSERVED
    )  # fmt: skip


def _layouts() -> dict[str, Layout]:
    words = {"finetune": "transferred by fine-tuning", "adversarial": "transferred by adversarial training"}
    found = [
        Layout("I", "R2 on simulated data", "r2", _simulated()),
        Layout("II", "R2 on observed data", "r2", _observed()),
        Layout("III", f"R2 on observed data, {words['finetune']}", "r2", _transferred("finetune", _SCENARIOS)),
        Layout("IV", f"R2 on observed data, {words['adversarial']}", "r2", _transferred("adversarial", _SCENARIOS)),
        Layout("V", "RMSE on simulated data", "rmse", _simulated()),
        Layout("VI", "MAE on simulated data", "mae", _simulated()),
        Layout("VII", "RMSE on observed data", "rmse", _observed()),
        Layout("VIII", "MAE on observed data", "mae", _observed()),
    ]
    numbers = iter(("IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI"))
    found += [
        Layout(
            next(numbers), f"{METRICS[metric]} on observed data, {scenario}, {words[method]}", metric,
            _transferred(method, (scenario,)),
        )
        for method in words
        for metric in ("rmse", "mae")
        for scenario in _SCENARIOS
    ]  # fmt: skip
    return {layout.number: layout for layout in found}


LAYOUTS: dict[str, Layout] = _layouts()
"""By number, in the order of print."""
