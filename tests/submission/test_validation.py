"""Validation: every code is raised by a file that has its fault, all of a file's faults come at once."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.sequences import daily_array
from agroflux_data.variables import DAYS, VARIABLES
from submission import Metadata, read_metadata, validate, write
from submission import codes as codes_module
from submission.codes import CODES, markdown
from tests.submission.conftest import TASK, Arrays, metadata_for, truth_of

Submit = Callable[..., Path]


def codes(path: Path, release: Release, **options: Any) -> list[str]:
    return [fault.code for fault in validate(path, release, **options).faults]


def raw(path: Path, columns: dict[str, Any], metadata: Metadata | bytes | None, **options: Any) -> Path:
    """A Parquet file of any content, past what `write` refuses."""
    text = metadata.to_bytes() if isinstance(metadata, Metadata) else metadata
    table = pa.Table.from_arrays(list(columns.values()), names=list(columns))
    table = table.replace_schema_metadata(None if text is None else {b"agroflux": text})
    pq.write_table(table, path, **options)
    return path


def arrow(truth: Arrays) -> dict[str, Any]:
    return {name: pa.array(values) if name == "sequence" else daily_array(values) for name, values in truth.items()}


def test_a_right_file_has_no_faults(perfect: Path, release: Release) -> None:
    report = validate(perfect, release)
    assert report.ok
    assert report.faults == ()
    assert (report.task, report.split, report.rows) == (TASK, "test", release.split(TASK, "test").rows)
    assert set(report.targets) == {"NEE", "GPP", "N2O"}
    assert validate(perfect, release.path, task=TASK).ok
    report.raise_for_faults()


def test_order_does_not_matter(submit: Submit, truth: Arrays, release: Release) -> None:
    order = np.random.default_rng(0).permutation(len(truth["sequence"]))
    assert validate(submit(columns={name: values[order] for name, values in truth.items()}), release).ok


def html() -> bytes:
    return b"<!DOCTYPE html><html><body>403</body></html>"


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a.parquet", b"PAR1")
    return buffer.getvalue()


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b"sequence,day,GPP\n1,1,2.0\n", "CSV"),
        (b"sequence;day;GPP\n1;1;2,0\n", "CSV"),
        (html(), "web page"),
        (zipped(), "zip"),
        (array(), "NumPy"),
        (pickle.dumps({"a": 1}), "pickle"),
        (b"\n", "PAR1"),
        (b"\xff\xfe\x00nothing", "PAR1"),
    ],
)
def test_no_parquet(content: bytes, word: str, tmp_path: Path, release: Release) -> None:
    path = tmp_path / "file.parquet"
    path.write_bytes(content)
    [fault] = validate(path, release).faults
    assert fault.code == "AF001"
    assert word in str(fault)
    with pytest.raises(AgrofluxError, match="AF001"):
        read_metadata(path)


def damaged(content: bytes) -> dict[str, bytes]:
    """Ways to break a file, by name."""
    footer = int.from_bytes(content[-8:-4], "little")
    start = len(content) - 8 - footer
    noise = bytes(np.random.default_rng(0).integers(0, 256, footer, dtype=np.uint8))
    return {
        "truncated": content[: len(content) // 2],
        "only the magic": b"PAR1",
        "magic at both ends": b"PAR1" + content[4:50] + b"PAR1",
        "a footer longer than the file": content[:-8] + struct.pack("<I", 1_000_000) + b"PAR1",
        "a footer of noise": content[:start] + noise + content[-8:],
        "values of noise": content[:2000] + noise[:500] + content[2500:],
    }  # fmt: skip


@pytest.mark.parametrize(
    "way",
    ["truncated", "only the magic", "magic at both ends", "a footer longer than the file", "a footer of noise",
     "values of noise"],
)  # fmt: skip
def test_damaged(way: str, perfect: Path, tmp_path: Path, release: Release) -> None:
    path = tmp_path / "file.parquet"
    path.write_bytes(damaged(perfect.read_bytes())[way])
    assert "AF006" in codes(path, release)


def test_a_footer_that_would_fill_the_memory(perfect: Path, tmp_path: Path, release: Release) -> None:
    path = tmp_path / "file.parquet"
    path.write_bytes(perfect.read_bytes()[:-8] + struct.pack("<I", 2_000_000_000) + b"PAR1")
    assert codes(path, release) == ["AF007"]


def test_more_rows_than_the_task_could_have(tmp_path: Path, release: Release, metadata: Metadata) -> None:
    """A small file that decodes to much: refused by its footer, without being read."""
    rows = 3_000_000
    path = raw(
        tmp_path / "file.parquet", {"sequence": pa.array(np.zeros(rows, np.int64))}, metadata, compression="zstd"
    )
    assert path.stat().st_size < 20_000
    assert codes(path, release) == ["AF007", "AF204"]


def test_more_bytes_than_the_values_need(tmp_path: Path, truth: Arrays, release: Release, metadata: Metadata) -> None:
    """Lists of another length whose schema claims 365: their number of values gives them away."""
    rows = len(truth["sequence"])
    long = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(rows * 40_000, np.float32)), 40_000)
    path = raw(tmp_path / "long.parquet", {"sequence": pa.array(truth["sequence"]), "GPP": long}, metadata)
    # The length stands in the base64 of the stored Arrow schema: take a right file's schema instead.
    right = raw(
        tmp_path / "right.parquet", {k: v for k, v in arrow(truth).items() if k in ("sequence", "GPP")}, metadata
    )
    schema = pq.ParquetFile(right).metadata.metadata[b"ARROW:schema"]
    forged = path.read_bytes().replace(pq.ParquetFile(path).metadata.metadata[b"ARROW:schema"], schema)
    path.write_bytes(forged)
    assert pq.read_schema(path).field("GPP").type.list_size == DAYS
    assert codes(path, release) == ["AF007"]


@pytest.mark.parametrize(
    "text",
    [
        None, b"", b"{", b"[]", b"\xff\xfe", b'{"task": "ecosys_temporal"}', b"[" * 50_000, b"9" * 10_000,
        b'{"task": "ecosys_temporal", "revision": "x", "model": "m", "surprise": 1}',
        b'{"task": "ecosys_temporal", "revision": "x", "model": ["m"]}',
        b'{"task": "ecosys_temporal", "revision": "x", "model": "m", "parameters": NaN}',
        b'{"task": "ecosys_temporal", "revision": "x", "model": "' + b"m" * 100_000 + b'"}',
    ],
)  # fmt: skip
def test_unreadable_metadata(text: bytes | None, tmp_path: Path, truth: Arrays, release: Release) -> None:
    path = raw(tmp_path / "file.parquet", arrow(truth), text)
    assert codes(path, release) == ["AF002"]
    # A caller who says the task learns of the rest, too.
    assert codes(path, release, task=TASK) == ["AF002"]
    assert codes(path, release, task="ecosys_spatial") == ["AF002", "AF101", "AF102"]
    with pytest.raises(AgrofluxError, match="AF002"):
        read_metadata(path)


def test_another_version_of_the_format(tmp_path: Path, truth: Arrays, release: Release, metadata: Metadata) -> None:
    text = json.dumps(metadata.to_json() | {"format": 2, "of the future": True}).encode()
    assert codes(raw(tmp_path / "file.parquet", arrow(truth), text), release) == ["AF008"]


def test_task_and_revision(submit: Submit, truth: Arrays, tmp_path: Path, release: Release, metadata: Metadata) -> None:
    text = json.dumps(metadata.to_json() | {"task": "ecosys_sideways"}).encode()
    assert codes(raw(tmp_path / "unknown.parquet", arrow(truth), text), release) == ["AF003"]
    assert codes(submit(revision="0" * 16), release) == ["AF004"]
    report = validate(submit(task="daycent_temporal"), release, task=TASK)
    assert [fault.code for fault in report.faults] == ["AF005"]
    assert report.task == TASK


def test_rows_of_another_task(tmp_path: Path, release: Release) -> None:
    """The message says where they belong."""
    rows = truth_of(release, "mesocosm_spatial")
    path = write(rows, tmp_path / "file.parquet", metadata_for(release, "mesocosm_temporal"))
    found = {fault.code: fault for fault in validate(path, release).faults}
    assert {"AF101", "AF102"} <= set(found)
    assert "those of mesocosm_spatial/test" in found["AF102"].message


def test_missing_extra_and_duplicate_sequences(submit: Submit, truth: Arrays, release: Release) -> None:
    keys = truth["sequence"].copy()
    gone = keys[[0, 1, 2]].tolist()
    keys[0] = 99_002_016
    keys[1] = keys[2] = keys[5]
    found = {fault.code: fault for fault in validate(submit(columns={"sequence": keys}), release).faults}
    assert list(found) == ["AF101", "AF102", "AF103"]
    assert (found["AF101"].count, sorted(found["AF101"].examples)) == (3, sorted(gone))
    assert (found["AF102"].count, found["AF102"].examples) == (1, (99_002_016,))
    assert (found["AF103"].count, found["AF103"].examples) == (1, (int(keys[5]),))


def test_an_empty_table(truth: Arrays, tmp_path: Path, release: Release, metadata: Metadata) -> None:
    path = write({name: values[:0] for name, values in truth.items()}, tmp_path / "file.parquet", metadata)
    [fault] = validate(path, release).faults
    assert (fault.code, fault.count) == ("AF101", len(truth["sequence"]))


def test_columns(tmp_path: Path, truth: Arrays, release: Release, metadata: Metadata) -> None:
    right = arrow(truth)
    rows = len(truth["sequence"])

    def found(name: str, columns: dict[str, Any]) -> list[str]:
        return codes(raw(tmp_path / f"{name}.parquet", columns, metadata), release)

    doubles = pa.FixedSizeListArray.from_arrays(pa.array(truth["GPP"].astype(float).ravel()), DAYS)
    lists = pa.array([row.tolist() for row in truth["GPP"]], pa.list_(pa.float32()))
    short = pa.FixedSizeListArray.from_arrays(pa.array(truth["GPP"][:, :364].ravel()), 364)
    text = pa.array(["1.0"] * rows)
    assert found("keys as text", right | {"sequence": pa.array([str(key) for key in truth["sequence"]])}) == ["AF201"]
    assert found("keys as doubles", right | {"sequence": pa.array(truth["sequence"].astype(float))}) == ["AF201"]
    assert found("keys as int32", right | {"sequence": pa.array(truth["sequence"].astype(np.int32))}) == ["AF201"]
    assert found("no keys", {name: values for name, values in right.items() if name != "sequence"}) == ["AF104"]
    for name, wrong in {"doubles": doubles, "lists": lists, "text": text, "scalars": pa.array(np.ones(rows))}.items():
        assert found(name, right | {"GPP": wrong}) == ["AF201"]
    assert found("nested", right | {"GPP": pa.StructArray.from_arrays([right["GPP"]], ["x"])}) == ["AF201"]
    assert found("short", right | {"GPP": short}) == ["AF202"]
    assert found("unknown", right | {"SMILES": text}) == ["AF203"]
    assert found("no target", {"sequence": right["sequence"]}) == ["AF204"]
    assert found("no ranked target", {"sequence": right["sequence"], "RECO": right["GPP"]}) == ["AF204"]
    table = pa.Table.from_arrays([*right.values(), right["GPP"]], names=[*right, "GPP"])
    pq.write_table(table.replace_schema_metadata({b"agroflux": metadata.to_bytes()}), tmp_path / "twice.parquet")
    assert codes(tmp_path / "twice.parquet", release) == ["AF205"]


def test_too_many_columns(tmp_path: Path, release: Release, metadata: Metadata) -> None:
    path = raw(tmp_path / "file.parquet", {f"c{number}": pa.array([1]) for number in range(2000)}, metadata)
    assert codes(path, release) == ["AF007"]


def test_names_that_are_no_text(tmp_path: Path, truth: Arrays, release: Release, metadata: Metadata) -> None:
    right = arrow(truth)
    column = pa.array(truth["sequence"])
    steering = raw(tmp_path / "steering.parquet", right | {"a\x1b[2Jb\u202e\n": column}, metadata)
    [fault] = validate(steering, release).faults
    assert (fault.code, fault.examples) == ("AF203", ("a\ufffd[2Jb\ufffd\ufffd",))
    path = raw(tmp_path / "invalid.parquet", right | {"ABCDEFGH": column}, metadata, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"ABCDEFGH", b"ABC\xff\xfeFGH"))
    assert codes(path, release) == ["AF006"]


def test_columns_of_other_tasks(tmp_path: Path, release: Release) -> None:
    """Towers measure no nitrous oxide."""
    rows = truth_of(release, "towers_temporal", targets=("NEE",))
    rows["NEE"] = np.nan_to_num(rows["NEE"])
    columns = arrow(rows) | {"N2O": daily_array(np.zeros_like(rows["NEE"]))}
    path = raw(tmp_path / "file.parquet", columns, metadata_for(release, "towers_temporal"))
    [fault] = validate(path, release).faults
    assert (fault.code, fault.examples) == ("AF203", ("N2O",))


def test_values(submit: Submit, truth: Arrays, release: Release) -> None:
    gpp, nee = truth["GPP"].copy(), truth["NEE"].copy()
    gpp[3, 7] = np.nan
    gpp[[4, 6], 0] = np.inf, -np.inf
    gpp[5, :2] = 50.1, 1e30
    nee[9] = np.nan
    found = {
        (fault.code, fault.column): fault
        for fault in validate(submit(columns={"GPP": gpp, "NEE": nee}), release).faults
    }
    keys = truth["sequence"].tolist()
    assert {key: (fault.count, fault.examples) for key, fault in found.items()} == {
        ("AF301", "GPP"): (1, (keys[3],)),
        ("AF301", "NEE"): (DAYS, (keys[9],)),
        ("AF302", "GPP"): (2, (keys[4], keys[6])),
        ("AF303", "GPP"): (2, (keys[5],)),
    }
    assert "-15 to 50 g C m-2 d-1, got 50.1 to 1e+30" in found["AF303", "GPP"].message


@pytest.mark.parametrize("name", ["N2O", "GPP", "NEE"])
def test_the_bounds_are_within(name: str, submit: Submit, truth: Arrays, release: Release) -> None:
    """float32 has no -0.05; a prediction clipped to it must pass."""
    variable = VARIABLES[name]
    values = truth[name].copy()
    values[0, 0], values[0, 1] = np.clip([-1e9, 1e9], variable.low, variable.high)
    assert validate(submit(columns={name: values}), release).ok
    values[0, 0] = np.nextafter(np.float32(variable.low), np.float32(-np.inf))
    assert codes(submit(columns={name: values}), release) == ["AF303"]


def test_nulls(tmp_path: Path, truth: Arrays, release: Release, metadata: Metadata) -> None:
    right = arrow(truth)
    flat = truth["GPP"].ravel()
    hole = np.zeros(len(flat), bool)
    hole[[5, 400]] = True
    holes = pa.FixedSizeListArray.from_arrays(pa.array(flat, mask=hole), DAYS)
    [fault] = validate(raw(tmp_path / "values.parquet", right | {"GPP": holes}, metadata), release).faults
    assert (fault.code, fault.count, fault.column) == ("AF304", 2, "GPP")
    keyless = pa.array(truth["sequence"], mask=np.arange(len(truth["sequence"])) == 1)
    found = codes(raw(tmp_path / "keys.parquet", right | {"sequence": keyless}, metadata), release)
    assert found == ["AF101", "AF304"]
    rows = pa.array([None, *truth["GPP"].tolist()[1:]], pa.list_(pa.float32(), DAYS))
    found = codes(raw(tmp_path / "rows.parquet", right | {"GPP": rows}, metadata), release)
    assert found in (["AF304"], ["AF202"])


def test_all_faults_in_one_pass(tmp_path: Path, truth: Arrays, release: Release, metadata: Metadata) -> None:
    right = arrow({name: values[2:] for name, values in truth.items()})
    bad = truth["N2O"][2:].copy()
    bad[0, 0], bad[1, 1], bad[2, 2] = np.nan, np.inf, 40
    short = pa.FixedSizeListArray.from_arrays(pa.array(truth["GPP"][2:, :10].ravel()), 10)
    keys = truth["sequence"][2:].copy()
    keys[0], keys[3] = 5, keys[2]
    columns = right | {
        "sequence": pa.array(keys), "N2O": daily_array(bad), "GPP": short, "RECO": pa.array(keys),
        "NOTE": pa.array(keys),
    }  # fmt: skip
    path = raw(tmp_path / "file.parquet", columns, Metadata(**vars(metadata) | {"revision": "other"}))
    report = validate(path, release)
    assert [fault.code for fault in report.faults] == [
        "AF004", "AF101", "AF102", "AF103", "AF201", "AF202", "AF203", "AF301", "AF302", "AF303",
    ]  # fmt: skip
    text = str(report)
    for fault in report.faults:
        assert f"{fault.code} {CODES[fault.code].meaning}" in text
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["faults"][1]["count"] == 4
    with pytest.raises(AgrofluxError, match="10 faults"):
        report.raise_for_faults()


def test_wrong_calls_are_no_faults_of_the_file(
    perfect: Path, tmp_path: Path, release: Release, open_release: Release
) -> None:
    with pytest.raises(AgrofluxError, match="unknown task"):
        validate(perfect, release, task="ecosys")
    with pytest.raises(AgrofluxError, match="no such split"):
        validate(perfect, release, split="tests")
    with pytest.raises(AgrofluxError, match="no such file"):
        validate(tmp_path / "nothing.parquet", release)
    with pytest.raises(AgrofluxError, match="unreadable file"):
        validate(tmp_path, release)
    with pytest.raises(AgrofluxError, match="no test split here"):
        validate(perfect, open_release, task="ecosys_spatial")


def test_a_named_fold_of_the_open_edition(tmp_path: Path, open_release: Release) -> None:
    rows = truth_of(open_release, "ecosys_spatial", "fold_2")
    path = write(rows, tmp_path / "file.parquet", metadata_for(open_release, "ecosys_spatial"))
    assert validate(path, open_release, split="fold_2").ok
    assert set(codes(path, open_release, split="fold_1")) == {"AF101", "AF102"}


def test_the_table_of_codes() -> None:
    assert list(CODES) == sorted(CODES)
    assert len({code.meaning for code in CODES.values()}) == len(CODES)
    documented = Path(codes_module.__file__).with_name("codes.md").read_text()
    assert documented.endswith(markdown()), "write the table of submission.codes.markdown() into codes.md"
