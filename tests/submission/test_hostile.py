"""Hostile files: each is refused with its codes, in a child that stays small and quick."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from submission import convert_csv, read, validate, write
from submission.codes import CODES
from submission.guarded import reading_limits
from tests.submission.conftest import metadata_for, truth_of
from tests.submission.hostile import CORPUS, Hostile, Right, repeated


@pytest.fixture(scope="module")
def right(release: Release) -> Right:
    return Right(truth_of(release, "ecosys_temporal"), metadata_for(release))


def test_the_right_file_is_right(right: Right, tmp_path: Path, release: Release) -> None:
    """Nothing of the corpus is refused for a reason that the right file has, too."""
    path = tmp_path / "file.parquet"
    path.write_bytes(right.file())
    report = validate(path, release, limits=reading_limits(path))
    assert str(report) == "no faults"
    assert report == validate(path, release)


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_a_hostile_file_is_refused(file: Hostile, right: Right, tmp_path: Path, release: Release) -> None:
    """Within 2 s of processor time and its memory, or the limit would have said so."""
    path = tmp_path / "file.parquet"
    path.write_bytes(file.build(right))
    limits = reading_limits(path)
    assert limits.cpu == 2 or file.name == "a metadata block of 100 MB"
    report = validate(path, release, limits=limits)
    assert tuple(fault.code for fault in report.faults) == file.codes, str(report)
    assert all(line.isprintable() for line in str(report).splitlines())


def test_the_corpus_meets_every_code_that_a_file_can_have() -> None:
    assert len(CORPUS) >= 60
    assert len({file.name for file in CORPUS}) == len(CORPUS)
    # AF005 is about a call that asks for another task.
    assert {code for file in CORPUS for code in file.codes} == set(CODES) - {"AF005"}


_RUN = """
import resource, sys
from agroflux_data.errors import AgrofluxError
from submission.cli import app
release, out, *paths = sys.argv[1:]
for path in paths:
    for verb in (
        ["validate", path, "--data", release], ["score", path, "--data", release], ["describe", path],
        ["compare", path, path, "--data", release],
        ["convert", path, out, "--task", "ecosys_temporal", "--model", "a model", "--data", release],
    ):
        try:
            app(verb, standalone_mode=False)
        except AgrofluxError as error:
            print(verb[0], error)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss, used.ru_utime + used.ru_stime)
"""


def test_the_memory_and_time_that_bombs_get(right: Right, tmp_path: Path, release: Release) -> None:
    """In the commands: at most 512 MiB, the interpreter included, and 2 s each, as their children really used."""
    paths = []
    for name in ("a zstd bomb", "a page of two gigabytes in fifty bytes", "a hundred thousand columns"):
        [file] = (file for file in CORPUS if file.name == name)
        paths.append(tmp_path / f"{name}.parquet")
        paths[-1].write_bytes(file.build(right))
    paths.append(tmp_path / "bomb.csv.gz")
    paths[-1].write_bytes(repeated(b"sequence,day,GPP\n", b"1,1,2\n" * (1 << 17), 1000))
    command = [sys.executable, "-c", _RUN, str(release.path), str(tmp_path / "out.parquet"), *map(str, paths)]
    # As a user has it, who has not chosen an allocator.
    environment = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    *said, last = done.stdout.splitlines()
    refused = [line for line in said if line.startswith(("validate", "score", "describe", "compare", "convert"))]
    assert len(refused) == 5 * len(paths)
    assert "Traceback" not in done.stdout + done.stderr
    of_memory = [line for line in said if line.startswith("AF009 too much work to read: more than 2")]
    assert len(of_memory) == 3 * 2, "validate, score and compare"
    assert sum("describe AF009" in line for line in refused) == 2
    assert sum("convert AF009" in line for line in refused) == 1
    peak, seconds = last.split()
    assert int(peak) <= 512 << 10
    assert float(seconds) <= 2 * len(refused)
    assert not (tmp_path / "out.parquet").exists()
    assert sorted(tmp_path.iterdir()) == sorted(paths)


@pytest.mark.parametrize(
    "harmless",
    {
        "rows in any order": lambda right: right.file(
            {name: column.take(pa.array(range(right.rows)[::-1])) for name, column in right.columns.items()}
        ),
        "zeros below zero": lambda right: right.values(-0.0),
        "the smallest normal number": lambda right: right.values(1.1754944e-38),
        "markup in the description": lambda right: right.says(description="<b>bold</b>"),
        "written by pandas": lambda right: right.file(compression="snappy", row_group_size=1 << 20),
        "a row in each group": lambda right: right.file(row_group_size=1),
        "pages of the second version": lambda right: right.file(data_page_version="2.0"),
        "gzip": lambda right: right.file(compression="gzip"),
        "brotli": lambda right: right.file(compression="brotli"),
    }.items(),
    ids=lambda harmless: harmless[0],
)
def test_a_harmless_file_is_valid(
    harmless: tuple[str, Callable[[Right], bytes]], right: Right, tmp_path: Path, release: Release
) -> None:
    path = tmp_path / "file.parquet"
    path.write_bytes(harmless[1](right))
    assert str(validate(path, release, limits=reading_limits(path))) == "no faults"


def test_subnormal_predictions_are_written_as_zeros(right: Right, tmp_path: Path, release: Release) -> None:
    gpp = right.arrays["GPP"].copy()
    gpp[0, :4] = 1e-40, -1e-45, 1.1754944e-38, -0.0
    path = write(right.arrays | {"GPP": gpp}, tmp_path / "file.parquet", right.metadata)
    assert validate(path, release).ok
    assert read(path)["GPP"][0, :4].tolist() == [0, 0, float(np.float32(1.1754944e-38)), 0]


def test_a_pipe_is_not_waited_for(tmp_path: Path, release: Release) -> None:
    os.mkfifo(tmp_path / "pipe")
    for limits in (None, reading_limits(tmp_path / "pipe")):
        with pytest.raises(AgrofluxError, match="unreadable file"):
            validate(tmp_path / "pipe", release, limits=limits)


def test_what_is_wrong_with_the_call_comes_out_of_the_child(
    right: Right, tmp_path: Path, open_release: Release
) -> None:
    path = tmp_path / "file.parquet"
    path.write_bytes(right.says(task="ecosys_spatial"))
    with pytest.raises(AgrofluxError, match="no test split here"):
        validate(path, open_release, limits=reading_limits(path))


@pytest.mark.parametrize(
    "rows",
    [
        b"", b"1,1,0x1p3\n", b"1,1,\0\n", b"1,1,2," * 200_000, b"1.0,1,2\n", b"9223372036854775808,1,2\n",
        b"1,1,2\n1,1,3\n", b"\xff,1,2\n", b"1,0,2\n", b"1,366,2\n", b",1,2\n",
        b"1,1,1e999\n", b"1,1,nan\n", b"-5,1,2\n",
    ],
)  # fmt: skip
def test_hostile_csv(rows: bytes, right: Right, tmp_path: Path, release: Release) -> None:
    """Either it is not converted, or what comes of it is refused: 1e999 as infinite."""
    csv, path = tmp_path / "file.csv", tmp_path / "file.parquet"
    csv.write_bytes(b"sequence,day,GPP\n" + rows)
    try:
        convert_csv(csv, path, right.metadata)
    except AgrofluxError:
        assert not path.exists()
    else:
        codes = {fault.code for fault in validate(path, release).faults}
        assert "AF101" in codes
        assert ("AF302" in codes) == (b"1e999" in rows)


_KINDS: dict[str, dict[str, Any]] = {
    "as written": {"compression": "zstd", "use_dictionary": False, "write_page_checksum": True},
    "plain": {"compression": "none", "use_dictionary": False},
    "dictionaries": {"compression": "none", "row_group_size": 7},
}


@pytest.mark.parametrize("kind", _KINDS)
def test_no_change_of_bytes_breaks_the_validator(kind: str, right: Right, tmp_path: Path, release: Release) -> None:
    """Whatever bytes are changed, cut out or put in, the answer is a report."""
    content = right.file(**_KINDS[kind])
    footer = int.from_bytes(content[-8:-4], "little") + 8
    path = tmp_path / "file.parquet"
    places = st.one_of(st.integers(1, footer), st.integers(1, footer), st.integers(1, len(content)))
    changes = st.lists(st.tuples(places, st.integers(0, 3), st.binary(max_size=6)), min_size=1, max_size=4)

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(changes)
    def answers(those: list[tuple[int, int, bytes]]) -> None:
        changed = content
        for back, cut, put in those:
            at = max(0, len(changed) - back)
            changed = changed[:at] + put + changed[at + (cut if cut < 3 else len(put)) :]
        path.write_bytes(changed)
        report = validate(path, release, limits=reading_limits(path))
        assert all(fault.code in CODES for fault in report.faults)
        assert json.loads(json.dumps(report.to_json(), allow_nan=False))["ok"] == report.ok

    answers()


def test_no_metadata_break_the_validator(right: Right, tmp_path: Path, release: Release) -> None:
    """Whatever JSON stands there, or what is nearly JSON."""
    known = right.metadata.to_json()
    path = tmp_path / "file.parquet"
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    anything = st.recursive(leaves, lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(), of, max_size=3))
    fields = st.dictionaries(st.sampled_from([*known, "surprise"]), anything, max_size=3)
    texts = st.one_of(
        fields.map(lambda some: json.dumps(known | some).encode()),
        st.binary(max_size=50),
        anything.map(repr).map(str.encode),
    )

    @settings(max_examples=100, deadline=None, database=None, derandomize=True)
    @given(texts)
    def answers(text: bytes) -> None:
        path.write_bytes(right.file(text=text))
        report = validate(path, release)
        assert {fault.code for fault in report.faults} <= {
            "AF002",
            "AF003",
            "AF004",
            "AF008",
            "AF101",
            "AF102",
            "AF203",
        }

    answers()
