"""Every baseline in a line: where it comes from, how large it is, and what it sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from agroflux_data.variables import DAYS, INPUTS, STATICS, VARIABLES
from baselines.models import MODELS, FluxModel
from baselines.process import PROCESS_MODELS
from baselines.run import TREES
from submission.template import CLIMATOLOGY

__all__ = ["Entry", "catalogue"]

_TARGETS = ("NEE", "GPP", "N2O")
_SOURCES = {
    "lstm": ("LSTM", "Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735", "repeated over days"),
    "ea-lstm": ("EA-LSTM", "Kratzert et al. 2019, doi:10.5194/hess-23-5089-2019", "open the input gate"),
    "tcn": ("TCN", "Bai et al. 2018, arXiv 1803.01271; Lea et al. 2016", "repeated over days"),
    "transformer": ("Transformer", "Vaswani et al. 2017, arXiv 1706.03762", "repeated over days"),
    "itransformer": ("iTransformer", "Liu et al. 2024, arXiv 2310.06625", "tokens of their own"),
    "pyraformer": ("Pyraformer", "Liu et al. 2022, ICLR", "repeated over days"),
    "gru": ("GRU", "Cho et al. 2014, doi:10.3115/v1/D14-1179", "repeated over days"),
    "linear": ("linear", "fading means: Mozer 1989; seasons: Hastie and Tibshirani 1993", "repeated over days"),
    "xgboost": ("XGBoost", "Chen and Guestrin 2016, doi:10.1145/2939672.2939785", "columns of a day"),
    "lightgbm": ("LightGBM", "Ke et al. 2017, NeurIPS 30", "columns of a day"),
    CLIMATOLOGY: ("climatology", "mean by crop and day of the year", "-"),
    "process:daycent": ("DayCent-like", "Parton et al. 1998, Glob. Planet. Change 19:35", "soil of the model"),
    "process:ecosys": ("Ecosys-like", "Grant 2001, in Shaffer et al.", "soil of the model"),
}


@dataclass(frozen=True)
class Entry:
    """One baseline.

    Attributes
    ----------
    name : str
        As the command knows it.
    title, source : str
        What it is called, and the paper.
    parameters : int or None
        At default sizes, from all inputs to the three ranked targets; None where it depends on the data.
    causal : bool
        Whether a day's prediction is untouched by later days.
    statics : str
        What becomes of the statics.
    """

    name: str
    title: str
    source: str
    parameters: int | None
    causal: bool
    statics: str


def catalogue() -> list[Entry]:
    """Every baseline; whether a network is causal is found out by asking it."""
    found = []
    for name in (*MODELS, *TREES, CLIMATOLOGY, *PROCESS_MODELS):
        title, source, statics = _SOURCES[name]
        parameters, causal = None, True
        if name in MODELS:
            model = _untrained(name)
            parameters, causal = model.num_parameters(only_trainable=True), _is_causal(model)
        elif name == CLIMATOLOGY:
            parameters = len(_TARGETS) * 2 * DAYS
        elif name in PROCESS_MODELS:
            parameters = 0
        found.append(Entry(name, title, source, parameters, causal, statics))
    return found


def _untrained(name: str) -> FluxModel:
    torch.manual_seed(0)
    config: dict[str, Any] = {}
    for kind, names in (("input", INPUTS), ("target", _TARGETS)):
        config |= {
            f"{kind}s": list(names),
            f"{kind}_units": [VARIABLES[one].unit for one in names],
            f"{kind}_means": [0.0] * len(names),
            f"{kind}_sds": [1.0] * len(names),
        }
    kind_of = MODELS[name]
    return kind_of(kind_of.config_class(**config)).eval()


@torch.no_grad()
def _is_causal(model: FluxModel) -> bool:
    inputs = torch.randn(1, DAYS, len(model.config.inputs))
    static = [model.config.inputs.index(name) for name in STATICS]
    inputs[..., static] = inputs[:, :1, static]
    later = inputs.clone()
    daily = [number for number in range(inputs.shape[-1]) if number not in static]
    later[:, DAYS // 2 :, daily] += 1
    before, after = model(inputs).predictions, model(later).predictions
    return torch.allclose(before[:, : DAYS // 2], after[:, : DAYS // 2], rtol=0, atol=1e-5)
