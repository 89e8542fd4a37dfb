"""From a source straight into training: no release on disk, no Python lists."""

from __future__ import annotations

import numpy as np
import torch

from agroflux_data.batches import Batch, Columns
from agroflux_data.builder import AgrofluxBuilder
from agroflux_data.release import Release
from agroflux_data.splits import Edition
from baselines.collator import collate
from baselines.models.lstm import LstmConfig, LstmModel
from baselines.scalers import config_for
from tests.conftest import toy_plan


def test_a_source_streams_into_training(toy_release, tmp_path):
    partition = toy_plan(Edition.SEALED).partitions[0]
    builder = AgrofluxBuilder(config_name="ecosys_temporal", partition=partition, cache_dir=str(tmp_path))
    rows = builder.as_streaming_dataset("train").with_format("arrow")
    columns = Columns.of(Release(toy_release), "ecosys_temporal", "train", builder.task.core_inputs, ("NEE", "GPP"))
    torch.manual_seed(0)
    model = LstmModel(config_for(LstmConfig, columns, hidden_size=16, num_layers=1, dropout=0.0))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    losses = []
    for _ in range(8):
        seen = []
        for table in rows.iter(batch_size=8):
            batch = Batch.of(table, columns.inputs, columns.targets)
            seen += batch.sequence.tolist()
            loss = model(**collate(batch)).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert sorted(seen) == sorted(Release(toy_release).keys("ecosys_temporal", "train").tolist())
    assert np.mean(losses[-3:]) < 0.5 * losses[0]
