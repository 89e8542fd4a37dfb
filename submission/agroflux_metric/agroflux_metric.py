"""The metrics of AgroFlux for the `evaluate` library: ``evaluate.load("submission/agroflux_metric")``.

`evaluate` loads this file by its path, away from its package; the numbers are those of the installed `submission`.
"""

from __future__ import annotations

from typing import Any

import datasets
import evaluate
import numpy as np

from submission import metrics
from submission.accumulator import Accumulator
from submission.uncertainty import QuantileSums

_DESCRIPTION = """\
How well predicted daily fluxes of carbon and nitrogen agree with observations, over the observed days: R2, RMSE, MAE,
bias, nMAE and RAE. With sequence numbers also by site (quantiles) and by time scale, from days to the mean of a site.
With predicted quantiles also CRPS, pinball loss and coverage.
"""

_INPUTS = """
Args:
    predictions: one target, in physical units: (rows, 365) lists or array, or flat.
    references: the truth, of the same shape; NaN where nothing was observed.
    sequences: sequence number of each row (site * 1_000_000 + treatment * 10_000 + year); with it, `scales` is there.
    emission: with `sequences`, also hot moments and annual totals, as of N2O.
    quantiles: predicted quantiles by their level in percent, 1 to 99, each of the shape of the predictions.

Returns:
    n, r2, rmse, mae, bias, nmae, rae: pooled over all observed days. NaN where a number is not defined.
    scales: by time scale n, r2, rmse, mae, bias, and under `sites` the 10, 25, 50, 75 and 90 % quantiles over sites.
    annual_total, hot_moments: with `emission`.
    crps, pinball, coverage, width: with `quantiles`; pinball loss by level, the others by the percent of an interval.

Examples:
    >>> metric = evaluate.load("submission/agroflux_metric")
    >>> metric.compute(predictions=[1.0, 2.0, 5.0], references=[1.0, 4.0, float("nan")])["rmse"]
    1.4142135623730951
"""

_CITATION = """\
@article{cheng2026agroflux,
  title   = {AgroFlux: A Spatial-Temporal Benchmark for Carbon and Nitrogen Flux Prediction in Agricultural Ecosystems},
  author  = {Cheng, Qi and Liu, Licheng and Zhang, Yao and Hong, Mu and Xie, Yiqun and Jia, Xiaowei},
  journal = {arXiv preprint arXiv:2602.01614},
  year    = {2026}
}
"""


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _INPUTS)
class AgrofluxMetric(evaluate.Metric):
    """The metrics of one target."""

    def _info(self) -> evaluate.MetricInfo:
        day = datasets.Value("float64")
        shapes = ({"predictions": of, "references": of} for of in (datasets.Sequence(day), day))
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=[datasets.Features(shape) for shape in shapes],
        )

    def _compute(
        self, predictions: Any, references: Any, sequences: Any = None, emission: bool = False, quantiles: Any = None
    ) -> dict[str, Any]:
        prediction, truth = np.asarray(predictions, np.float64), np.asarray(references, np.float64)
        pooled = metrics.RowSums.of(truth.reshape(1, -1), prediction.reshape(1, -1)).total()
        found: dict[str, Any] = {
            "n": pooled.n,
            "r2": pooled.r2,
            "rmse": pooled.rmse,
            "mae": pooled.mae,
            "bias": pooled.bias,
            "nmae": metrics.nmae(truth, prediction),
            "rae": metrics.rae(truth, prediction),
        }
        if sequences is not None:
            keys = np.asarray(sequences, np.int64)
            by_site = Accumulator(keys, emission=emission)
            by_site.add(keys, truth, prediction)
            found |= by_site.result().to_dict()
        if quantiles is not None:
            several = {int(level): np.asarray(one, np.float64).reshape(1, -1) for level, one in quantiles.items()}
            if odd := [level for level in several if not 0 < level < 100]:
                raise ValueError(f"a quantile of {odd[0]} %; expected 1 to 99")
            found |= QuantileSums.of(truth.reshape(1, -1), several).uncertainty().to_dict()
        return found
