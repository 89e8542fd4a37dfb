"""Files come in: durable before the receipt, refused with a reason, counted against a quota."""

from __future__ import annotations

import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from leaderboard.intake import Intake
from leaderboard.store import LocalStore, QuotaExceeded, State, TooLarge
from submission.codes import FaultyFileError
from tests.leaderboard.conftest import FileMaker


@pytest.fixture
def intake(store: LocalStore, release: Release) -> Intake:
    return Intake(store, release, quota=2)


def kept(store: LocalStore) -> list[Path]:
    return [path for path in store.folder.rglob("*") if path.is_file() and "sqlite" not in path.name]


def test_a_receipt_stands_for_a_record_and_a_file_on_disk(
    intake: Intake, store: LocalStore, make_file: FileMaker
) -> None:
    path = make_file(model="a model")
    receipt = intake.receive(path, "ann")
    entry = LocalStore(store.folder).entry(receipt.id)
    assert entry is not None
    assert (entry.state, entry.submission.owner, entry.submission.model) == (State.RECEIVED, "ann", "a model")
    assert entry.submission.metadata["pretraining"] == "none"
    assert store.path(entry.submission).read_bytes() == path.read_bytes()
    assert (receipt.quota.left, receipt.quota.of, receipt.new) == (1, 2, True)
    assert path.exists(), "the sender's file is left alone"
    plain = receipt.to_json()
    assert plain["id"] == receipt.id
    assert plain["received"].endswith("+00:00")


def test_the_same_file_again_gives_the_same_receipt(intake: Intake, make_file: FileMaker) -> None:
    path = make_file()
    first, again = intake.receive(path, "ann"), intake.receive(path, "ann")
    assert (again.id, again.new, again.quota.left) == (first.id, False, 1)


def test_the_quota_holds_but_not_for_the_host(intake: Intake, store: LocalStore, make_file: FileMaker) -> None:
    for offset in (0.1, 0.2):
        intake.receive(make_file(offset=offset), "ann")
    third = make_file(offset=0.3)
    with pytest.raises(QuotaExceeded, match="at most 2 submissions a day for towers_temporal; it begins anew at"):
        intake.receive(third, "ann")
    assert len(store.entries()) == 2
    assert intake.quota("ann", "towers_temporal").left == 0
    assert intake.receive(third, "ann", limited=False).new
    assert intake.receive(make_file(task="mesocosm_temporal"), "ann").quota.left == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "AF001"), (b"sequence,day,NEE\n1,1,0.5\n", "AF001"), (b"PAR1 and then nothing that is Parquet", "AF006")],
)  # fmt: skip
def test_what_is_no_submission_is_refused_and_not_kept(
    intake: Intake, store: LocalStore, tmp_path: Path, content: bytes, code: str
) -> None:
    (tmp_path / "mine.csv").write_bytes(content)
    with pytest.raises(FaultyFileError) as refused:
        intake.receive(tmp_path / "mine.csv", "ann")
    assert refused.value.fault.code == code
    assert "mine.csv" in str(refused.value)
    assert str(store.folder) not in str(refused.value)
    assert store.entries() == []
    assert kept(store) == []


def test_a_parquet_file_without_metadata_is_refused(intake: Intake, store: LocalStore, tmp_path: Path) -> None:
    pq.write_table(pa.table({"sequence": [1]}), tmp_path / "plain.parquet")
    with pytest.raises(FaultyFileError, match="AF002"):
        intake.receive(tmp_path / "plain.parquet", "ann")
    assert kept(store) == []


def test_another_revision_is_refused(intake: Intake, make_file: FileMaker) -> None:
    with pytest.raises(FaultyFileError, match=r"AF004.*expected .*'feedfeedfeedfeed'"):
        intake.receive(make_file(revision="feedfeedfeedfeed"), "ann")


def test_a_task_that_the_release_lacks_is_refused(store: LocalStore, release: Release, make_file: FileMaker) -> None:
    class Narrow(Intake):
        tasks = ("ecosys_temporal",)

    with pytest.raises(FaultyFileError, match=r"AF003.*expected one of ecosys_temporal, got 'towers_temporal'"):
        Narrow(store, release).receive(make_file(), "ann")


def test_a_file_larger_than_any_submission_is_refused_while_it_is_read(
    intake: Intake, store: LocalStore, tmp_path: Path
) -> None:
    with open(tmp_path / "huge", "wb") as huge:
        huge.truncate(intake.largest + 1)
    with pytest.raises(TooLarge, match="at most"):
        intake.receive(tmp_path / "huge", "ann")
    assert kept(store) == []


def test_every_honest_file_is_within_the_limit_of_its_task(intake: Intake, make_file: FileMaker) -> None:
    for task in intake.tasks:
        path = make_file(task=task, targets=intake._release.task(task).targets)
        assert path.stat().st_size < intake.limit(task) <= intake.largest


def test_no_file_and_a_folder_are_refused(intake: Intake, tmp_path: Path) -> None:
    with pytest.raises(AgrofluxError, match="no such file"):
        intake.receive(tmp_path / "nothing", "ann")
    with pytest.raises(AgrofluxError, match=r"unreadable file.*Is a directory"):
        intake.receive(tmp_path, "ann")


def test_an_open_release_has_nothing_to_rank(store: LocalStore, toy_open_release: Path) -> None:
    with pytest.raises(AgrofluxError, match="expected a release of the sealed edition, got 'open'"):
        Intake(store, Release(toy_open_release))


def test_refusals_are_logged_without_the_files_words(
    intake: Intake, make_file: FileMaker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "leaderboard"), pytest.raises(FaultyFileError):
        intake.receive(make_file(revision="forged line"), "ann")
    assert [record.getMessage() for record in caplog.records] == ["refused a file of ann: AF004"]


def test_metadata_are_edited_within_the_rules_of_the_file(
    intake: Intake, store: LocalStore, make_file: FileMaker
) -> None:
    receipt = intake.receive(make_file(model="a model"), "ann")
    edit = intake.edit(receipt.id, {"model": "its name", "links": ["https://example.org/paper"]})
    (entry,) = store.entries()
    assert (entry.model, entry.metadata, store.edits(receipt.id)) == ("its name", edit.metadata, [edit])
    assert entry.metadata["pretraining"] == "none", "what was not named stays"
    for changes, refusal in (
        ({"links": ["javascript:alert(1)"]}, "bad links"), ({"rank": 1}, "unknown fields"),
        ({"model": " "}, "bad model"),
        ({"authors": ["a" * 200] * 100, "description": "\u4e00" * 10_000, "external_data_used": "\u4e00" * 10_000},
         "too long"),
        ({"task": "towers_spatial"}, "task of a submission cannot be edited"),
    ):  # fmt: skip
        with pytest.raises(AgrofluxError, match=refusal):
            intake.edit(receipt.id, changes)
    with pytest.raises(AgrofluxError, match="no such submission"):
        intake.edit("nothing", {})
    assert len(store.edits(receipt.id)) == 1
