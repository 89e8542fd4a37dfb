"""From a batch of the data to what a model's ``forward`` takes."""

from __future__ import annotations

import torch
from torch import Tensor

from agroflux_data.batches import Batch

__all__ = ["collate"]


def collate(batch: Batch) -> dict[str, Tensor]:
    """Tensors that share the batch's memory: ``inputs`` (B, 365, F) and ``labels`` (B, 365, D)."""
    return {"inputs": torch.from_numpy(batch.inputs), "labels": torch.from_numpy(batch.labels)}
