"""The warm reader of metadata: files that may be anything, from any thread, in a process that comes back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from submission.child import Limits
from submission.codes import FaultyFileError
from submission.reader import Reader
from tests.submission.conftest import metadata_for, truth_of
from tests.submission.hostile import CORPUS, Right


@pytest.fixture(scope="module")
def right(release: Release) -> Right:
    return Right(truth_of(release, "ecosys_temporal"), metadata_for(release))


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


@pytest.fixture
def file(right: Right, tmp_path: Path) -> Path:
    path = tmp_path / "a file\nof two lines.parquet"
    path.write_bytes(right.file())
    return path


def test_metadata_come_back_to_every_thread(reader: Reader, file: Path, right: Right) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(reader.metadata, [file] * 24)) == [right.metadata] * 24


@pytest.mark.parametrize(
    ("name", "code"),
    {
        "a web page": "AF001",
        "metadata of a megabyte": "AF002",
        "a footer of structs in structs": "AF006",
        "a schema nested without end": "AF006",
        "a column name that is no text": "AF006",
        "a hundred thousand columns": "AF007",
        "a footer with an endless list": "AF007",
    }.items(),
)
def test_what_is_no_submission_is_a_fault(name: str, code: str, reader: Reader, right: Right, tmp_path: Path) -> None:
    [hostile] = (file for file in CORPUS if file.name == name)
    path = tmp_path / "file.parquet"
    path.write_bytes(hostile.build(right))
    with pytest.raises(FaultyFileError, match=r"file\.parquet") as refused:
        reader.metadata(path)
    assert refused.value.fault.code == code


def test_a_file_that_is_not_there_is_an_error(reader: Reader, tmp_path: Path) -> None:
    with pytest.raises(AgrofluxError, match="no such file"):
        reader.metadata(tmp_path / "nothing")


def test_limits_hold_for_each_file_alone(right: Right, tmp_path: Path) -> None:
    path = tmp_path / "file.parquet"
    path.write_bytes(right.file())
    tight = Reader(Limits(memory=1 << 16, cpu=2, wall=60))
    with pytest.raises(FaultyFileError, match="AF009 too much work to read"):
        tight.metadata(path)
    tight.close()


def test_a_reader_that_was_ended_comes_back(reader: Reader, file: Path, right: Right) -> None:
    reader.metadata(file)
    assert reader._process is not None
    first = reader._process.pid
    os.kill(first, signal.SIGKILL)
    reader._process.wait()
    assert reader.metadata(file) == right.metadata
    assert reader._process.pid != first


def test_the_process_has_no_credentials(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    reader = Reader()
    reader.metadata(file)
    assert reader._process is not None
    try:
        known = Path(f"/proc/{reader._process.pid}/environ")
        if not known.exists():
            pytest.skip("Linux alone shows the environment of a process")
        assert b"hf_secret" not in known.read_bytes()
    finally:
        reader.close()
