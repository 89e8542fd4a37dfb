"""Dropout whose random numbers cost little on a CPU: Srivastava et al. (2014), JMLR 15, 1929-1958."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Dropout"]

_LEVELS = 2**16


class Dropout(nn.Module):
    """Sets a share of the values to zero in training, and scales up the others to the same expectation.

    `torch` draws a number of 32 bits for each value, one after the other, which on a CPU takes longer than the layers
    around it. Here 16 bits decide, four values to a draw; the share is exact to 1/65536. Elsewhere it is `torch`'s.

    Parameters
    ----------
    share : float
        From 0 to below 1.
    """

    def __init__(self, share: float):
        super().__init__()
        self.share = share

    def forward(self, values: Tensor) -> Tensor:
        if not self.training or self.share == 0:
            return values
        if values.device.type != "cpu":
            return F.dropout(values, self.share)
        dropped = round(self.share * _LEVELS)
        draws = torch.empty(-(-values.numel() // 4), dtype=torch.int64).random_(-(2**63), None).view(torch.int16)
        kept = draws[: values.numel()].view(values.shape) >= dropped - _LEVELS // 2
        return values * kept.to(values.dtype).mul_(_LEVELS / (_LEVELS - dropped))

    def extra_repr(self) -> str:
        return f"share={self.share}"
