"""How a model is fitted: the choices of a training run that are not about data or architecture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from agroflux_data.errors import AgrofluxError
from baselines.models.base import check_quantiles

__all__ = ["Recipe", "TreeRecipe"]

_STEPS = 900
_FEW_ROWS = 32
_SAMPLES = 400_000
_SLOW = 8
"""Rows of a batch of models that attend to every day, where there are few: a step of 64 takes a second on a CPU."""

_LARGEST_BATCH = {"itransformer": 10, "transformer": _SLOW, "pyraformer": _SLOW}
_STEPS_OF = {"itransformer": (_FEW_ROWS, 3_000), "linear": (_FEW_ROWS, 1_500), "ea-lstm": (1_000, 2_500)}
"""From how many rows on, and how many; an EA-LSTM is a fifth of an LSTM and learns many rows by heart later."""
_LEARNING_RATES = {"transformer": 1e-3, "pyraformer": 1e-3, "itransformer": 1e-3}
"""With small batches: attention diverges at the larger steps that recurrent models take from them."""
_ADAPTED = 0.5
"""The learning rate of what was pretrained, of what it would be otherwise."""

R = TypeVar("R", "Recipe", "TreeRecipe")


@dataclass(frozen=True)
class Recipe:
    """How a network is fitted.

    Attributes
    ----------
    epochs : int
        Passes over the training rows, at most.
    batch_size : int
        Rows of a step, over all processes and accumulated parts.
    learning_rate : float
        Of Adam, its peak: it rises over the first twentieth of the steps and falls to zero along a cosine.
    patience : int or None
        Epochs without a better validation after which training ends; None without validation rows.
    seed : int
        Of the first weights, dropout and the order of the rows.
    input_noise : float
        Spread of the noise on normalised inputs.
    accumulation : int
        Parts in which the rows of a step are computed, for batches that memory cannot hold.
    weights : dict of str to float
        What targets count in the loss; 1 for those not named.
    bf16 : bool
        Layers compute in bfloat16; weights and the loss stay in single precision.
    compile : bool
        Compile the model with `torch.compile`.
    streaming : bool
        Read rows from the shards in each epoch, whatever their number. The batches are the same.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int | None
    seed: int
    input_noise: float = 0.0
    accumulation: int = 1
    weights: dict[str, float] = field(default_factory=dict)
    bf16: bool = False
    compile: bool = False
    streaming: bool = False

    def __post_init__(self) -> None:
        if self.batch_size % self.accumulation:
            raise AgrofluxError(
                "a batch that cannot be cut evenly", expected=f"a multiple of accumulation {self.accumulation}",
                came=f"batch_size {self.batch_size}",
            )  # fmt: skip

    @classmethod
    def for_rows(cls, rows: int, *, model: str, validated: bool, adapted: bool = False, **chosen: Any) -> Recipe:
        """The recipe of a network for some number of training rows, where the user has not chosen.

        The paper trains on tens of thousands of rows with batches of 256, of 10 for iTransformer, and Adam at 1e-3.
        What a model needs is steps, `_STEPS` of them if it is recurrent: fewer rows get smaller batches, more epochs
        and larger steps. A few years of one tower without validation are learned by heart soon: they get few epochs
        and noisy inputs.

        Parameters
        ----------
        rows : int
        model : str
            Its name.
        validated : bool
            Whether there are rows to validate on.
        adapted : bool
            Whether the network was pretrained, so that smaller steps do.
        **chosen
            Fields of the recipe that the user has chosen.

        Raises
        ------
        AgrofluxError
            A field that the recipe of a network does not have.
        """
        known = _known(cls, chosen, model)
        fitting = next((size for size in (8, 16, 32, 64, 128) if rows <= 100 * size), 256)
        # The paper's size for iTransformer is for any number of rows, those for the others only for few.
        largest = _LARGEST_BATCH.get(model, 256) if fitting < 256 or model == "itransformer" else 256
        size = known.pop("batch_size", None) or min(fitting, largest)
        by_heart = not validated and rows < _FEW_ROWS
        most = 150 if by_heart else 300
        least, steps = _STEPS_OF.get(model, (0, _STEPS))
        wanted = steps if rows >= least else _STEPS
        passes = known.pop("epochs", None) or min(max(round(wanted / -(-rows // size)), 10), most)
        rate = _LEARNING_RATES.get(model, 3e-3) if fitting < 256 else 1e-3
        usual: dict[str, Any] = {
            "epochs": passes,
            "batch_size": size,
            "learning_rate": rate * _ADAPTED if adapted else rate,
            "patience": max(5, passes // 4) if validated else None,
            "seed": 0,
            "input_noise": 1.0 if by_heart else 0.0,
        }
        return cls(**usual | known)


@dataclass(frozen=True)
class TreeRecipe:
    """How boosted trees are fitted.

    Attributes
    ----------
    rounds : int
        Trees for each target, at most.
    learning_rate : float
        What each tree counts.
    leaves : int
        Of a tree, at most.
    samples : int
        Days that are drawn from the training rows, and with them the memory that training takes.
    patience : int or None
        Rounds without a better validation after which training ends; None without validation rows.
    seed : int
        Of the days that are drawn.
    quantiles : list of float
        Levels for which trees of their own are fitted beside those of the mean: whole percents, ascending.

    Raises
    ------
    ModelError
        Bad levels.
    """

    rounds: int
    learning_rate: float
    leaves: int
    samples: int
    patience: int | None
    seed: int
    quantiles: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_quantiles(self.quantiles)

    @classmethod
    def for_rows(cls, rows: int, *, model: str, validated: bool, **chosen: Any) -> TreeRecipe:
        """The recipe of boosted trees; parameters and errors as of `Recipe.for_rows`."""
        # Few years of one tower would be learned by heart.
        few = rows < _FEW_ROWS
        usual: dict[str, Any] = {
            "rounds": 60 if few else 1_500 if validated else 500,
            "learning_rate": 0.05 if few else 0.03,
            "leaves": 7 if few else 63,
            "samples": _SAMPLES,
            "patience": 50 if validated else None,
            "seed": 0,
        }
        return cls(**usual | _known(cls, chosen, model))


def _known(kind: type[R], chosen: Mapping[str, Any], model: str) -> dict[str, Any]:
    """What was chosen, checked against the fields of the recipe."""
    names = [one.name for one in fields(kind)]
    given = {name: value for name, value in chosen.items() if value is not None}
    if unknown := [name for name in given if name not in names]:
        raise AgrofluxError(
            f"the recipe of {model} has no such field", expected="some of " + ", ".join(names), came=", ".join(unknown)
        )
    return given
