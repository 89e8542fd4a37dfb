"""What a model takes over from the rows it is fitted to: columns, units, scalers, and where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from agroflux_data.batches import Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.variables import VARIABLES
from baselines.models.base import FluxConfig

__all__ = ["config_for"]

C = TypeVar("C", bound=FluxConfig)


def config_for(kind: type[C], columns: Columns, **options: Any) -> C:
    """The configuration of a model that is fitted to some rows of a release.

    Parameters
    ----------
    kind : type of FluxConfig
        The architecture's configuration, such as ``LstmConfig``.
    columns : Columns
        The training rows; only training splits have scalers.
    **options
        Its fields, such as ``hidden_size``.

    Raises
    ------
    AgrofluxError
        A split is no training data, or a column was never observed in it.
    ModelError
        An option does not exist or has an impossible value.
    """
    release, task = columns.release, columns.task
    moments = release.statistics(task, columns.splits)
    for name in (*columns.inputs, *columns.targets):
        if name not in moments or moments[name].n == 0:
            raise AgrofluxError(f"{name} was never observed in the training rows", where="+".join(columns.splits))

    def sds(names: Sequence[str]) -> list[float]:
        # A column that never varies in training (the soil of a single site) is centred and left at its scale.
        return [moments[name].sd if moments[name].sd > 1e-6 * abs(moments[name].mean) else 1.0 for name in names]

    return kind(
        inputs=list(columns.inputs),
        targets=list(columns.targets),
        input_units=[VARIABLES[name].unit for name in columns.inputs],
        target_units=[VARIABLES[name].unit for name in columns.targets],
        input_means=[moments[name].mean for name in columns.inputs],
        input_sds=sds(columns.inputs),
        target_means=[moments[name].mean for name in columns.targets],
        target_sds=sds(columns.targets),
        task=task,
        revision=release.revision,
        origin=release.origin(task),
        training_splits=list(columns.splits),
        **options,
    )
