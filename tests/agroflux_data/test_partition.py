"""What a partition keeps of a block: rows are shown where they lie, and never travel."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from agroflux_data.partition import Partition
from agroflux_data.splits import Edition
from tests.conftest import TOY_SECRET
from tests.toy import ToySource


@pytest.fixture
def partition() -> Partition:
    return Partition(ToySource("daycent", 10, treatments=2), Edition.SEALED, TOY_SECRET)


def test_reading_every_split_of_a_block_takes_the_memory_of_its_rows_once(partition):
    block = partition.blocks[0]
    task = partition.tasks["daycent_temporal"]
    (train,) = partition.read(task, "train", block)
    before = pa.total_allocated_bytes()
    again = [*partition.read(task, "train", block), *partition.read(task, "validation", block)]
    assert again[0].equals(train)
    columns = len(task.targets) * sum(rows.num_rows for rows in again)
    assert pa.total_allocated_bytes() - before < columns * 4 * 365 / 20


def test_a_partition_that_read_a_block_travels_without_it(partition):
    block = partition.blocks[0]
    (rows,) = partition.read(partition.tasks["daycent_temporal"], "train", block)
    sent = pickle.dumps(partition)
    assert len(sent) < 3000
    (same,) = pickle.loads(sent).read(partition.tasks["daycent_temporal"], "train", block)
    assert same.equals(rows)
