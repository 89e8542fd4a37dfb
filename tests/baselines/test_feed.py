"""Training batches: the same streamed and in memory, and cut among processes without a row lost or seen twice."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Columns
from agroflux_data.release import Release
from baselines.feed import Feed

INPUTS, TARGETS = ("TMAX", "PREC", "TCSAND"), ("NEE", "GPP")


@pytest.fixture
def columns(toy_release: Path) -> Columns:
    return Columns.of(Release(toy_release), "ecosys_spatial", "fold_2+fold_0", INPUTS, TARGETS)


def test_streamed_and_in_memory_the_batches_are_the_same(columns: Columns) -> None:
    rows = Arrays.read(columns)
    feeds = [Feed(source, batch_size=7, seed=3) for source in (rows, columns)]
    orders = []
    for epoch in (0, 4):
        for feed in feeds:
            feed.set_epoch(epoch)
        memory, streamed = (list(feed) for feed in feeds)
        assert len(memory) == len(streamed) == len(feeds[0]) == -(-len(rows) // 7)
        for one, other in zip(memory, streamed, strict=True):
            assert one["inputs"].shape[0] <= 7
            for name in ("inputs", "labels"):
                torch.testing.assert_close(one[name], other[name], rtol=0, atol=0, equal_nan=True)
        orders.append(torch.cat([batch["inputs"][:, 0, 0] for batch in memory]))
    assert not torch.equal(*orders), "each epoch has an order of its own"
    assert torch.equal(orders[0].sort().values, orders[1].sort().values), "and the same rows"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("batch_size", "processes"), [(8, 2), (5, 3), (11, 4)])
def test_processes_share_each_batch(columns: Columns, streamed: bool, batch_size: int, processes: int) -> None:
    rows: Arrays | Columns = columns if streamed else Arrays.read(columns)
    whole = list(Feed(rows, batch_size=batch_size, seed=1))
    shares = [
        list(Feed(rows, batch_size=batch_size, seed=1, process=process, processes=processes))
        for process in range(processes)
    ]
    assert all(len(share) == len(whole) for share in shares), "else they would wait for each other for ever"
    for number, batch in enumerate(whole):
        parts = [share[number] for share in shares]
        observed = [part for part in parts if not torch.isnan(part["labels"]).all()]
        for name in ("inputs", "labels"):
            torch.testing.assert_close(torch.cat([part[name] for part in observed]), batch[name], rtol=0, atol=0)
        assert len(observed) == min(processes, len(batch["inputs"])), "who is left without a row has no labels"
