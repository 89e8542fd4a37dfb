"""Batches streamed from shards and gathered from arrays: every row once, the table's values, the same order again."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from agroflux_data.arrays import Arrays
from agroflux_data.batches import Batch, Batches, Columns
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import values
from agroflux_data.variables import STATICS

INPUTS, TARGETS = ("TSOC", "TMAX", "FERTZR_N"), ("N2O", "GPP")


def equals_table(batch: Batch, columns: Columns) -> None:
    """Each row of the batch holds what the release's tables hold for its sequence."""
    for split in columns.splits:
        table = columns.release.table(columns.task, split)
        place = {int(key): row for row, key in enumerate(table["sequence"].to_pylist())}
        mine = [row for row, key in enumerate(batch.sequence.tolist()) if key in place]
        rows = [place[int(batch.sequence[row])] for row in mine]
        for number, name in enumerate(columns.inputs):
            expected = table[name].to_numpy()[:, None] if name in STATICS else values(table[name])
            np.testing.assert_array_equal(
                batch.inputs[mine, :, number], np.broadcast_to(expected[rows], (len(rows), 365))
            )
        for number, name in enumerate(columns.targets):
            np.testing.assert_array_equal(batch.labels[mine, :, number], values(table[name])[rows])
    np.testing.assert_array_equal(batch.mask, ~np.isnan(batch.labels))


@pytest.mark.parametrize(("seed", "size", "pool"), [(None, 7, 8), (3, 7, 1), (3, 4, 2), (3, 1000, 8), (3, 1, 8)])
def test_an_epoch_holds_every_row_once(toy_release: Path, seed: int | None, size: int, pool: int) -> None:
    columns = Columns.of(Release(toy_release), "towers_spatial", "fold_0+fold_1+always_train", INPUTS[:2], ("NEE",))
    batches = Batches(columns, batch_size=size, seed=seed, pool=pool)
    epoch = list(batches.epoch(1))
    assert len(epoch) == len(batches)
    assert [len(batch) for batch in epoch[:-1]] == [size] * (len(epoch) - 1)
    keys = np.concatenate([batch.sequence for batch in epoch])
    stored = np.concatenate([columns.release.keys(columns.task, split) for split in columns.splits])
    assert sorted(keys) == sorted(stored)
    assert len(set(keys.tolist())) == columns.rows
    if seed is None:
        np.testing.assert_array_equal(keys, stored)
    for batch in epoch:
        assert batch.inputs.shape == (len(batch), 365, 2)
        assert batch.inputs.dtype == np.float32
        equals_table(batch, columns)
    assert any(not batch.mask.all() for batch in epoch), "towers have gaps"


def test_the_order_depends_on_seed_and_epoch_alone(toy_release: Path) -> None:
    columns = Columns.of(Release(toy_release), "ecosys_temporal", "train", INPUTS, TARGETS)

    def order(seed: int, epoch: int) -> list[int]:
        return np.concatenate([b.sequence for b in Batches(columns, batch_size=8, seed=seed).epoch(epoch)]).tolist()

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


def test_an_epoch_can_be_left_early(toy_release: Path) -> None:
    columns = Columns.of(Release(toy_release), "ecosys_temporal", "train", INPUTS, TARGETS)
    epoch = Batches(columns, batch_size=2, seed=1, pool=1).epoch()
    equals_table(next(epoch), columns)
    epoch.close()


def test_arrays_in_memory_and_on_disk_hold_the_table(toy_release: Path, tmp_path: Path) -> None:
    columns = Columns.of(Release(toy_release), "towers_temporal", "train+validation", INPUTS, ("GPP", "NEE"))
    memory = Arrays.read(columns)
    first, again = Arrays.read(columns, tmp_path), Arrays.read(columns, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [""], "one finished folder, nothing half-written"
    assert len(memory) == len(first) == columns.rows
    wanted = [3, 0, len(memory) - 1]
    for arrays in (memory, first, again):
        batch = arrays.__getitems__(wanted)
        np.testing.assert_array_equal(batch.sequence, memory.sequence[wanted])
        equals_table(batch, columns)
    equals_table(memory[:], columns)


def test_hidden_rows_carry_inputs_and_no_labels(toy_release: Path) -> None:
    rows = Arrays.read(Columns.of(Release(toy_release), "ecosys_temporal", "test", INPUTS, TARGETS))[:]
    assert not rows.mask.any()
    assert np.isfinite(rows.inputs).all()


def test_what_a_release_lacks_is_refused(toy_release: Path) -> None:
    release = Release(toy_release)
    for splits, inputs, targets in [
        ("fold_9", None, None),
        ("train+train", None, None),
        ("train", ("TMAX", "GPP"), None),
        ("train", None, ("CH4",)),
    ]:
        with pytest.raises(AgrofluxError):
            Columns.of(release, "ecosys_temporal", splits, inputs, targets)
    with pytest.raises(AgrofluxError, match="batch_size"):
        Batches(Columns.of(release, "ecosys_temporal", "train"), batch_size=0)


def test_a_damaged_shard_is_named(toy_release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "agroflux"
    shutil.copytree(toy_release, copy)
    columns = Columns.of(Release(copy), "ecosys_temporal", "train")
    batches = Batches(columns)
    victim = columns.paths[0]
    content = bytearray(victim.read_bytes())
    content[4 : len(content) // 2] = b"\xff" * (len(content) // 2 - 4)
    victim.write_bytes(content)
    with pytest.raises(AgrofluxError, match=victim.name):
        list(batches.epoch())
    victim.write_bytes(content[:500])
    with pytest.raises(AgrofluxError, match=victim.name):
        Batches(columns)
