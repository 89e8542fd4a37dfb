"""Boards as files: for spreadsheets, for programs, for data frames, and for models' pages on the Hub."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from leaderboard.board import coarse
from leaderboard.ranking import Row
from leaderboard.store import Half, Result
from leaderboard.verification import hub_model

__all__ = ["Line", "columns", "lines", "write_csv", "write_eval_results", "write_json", "write_parquet"]

Line = dict[str, Any]
"""One submission on one board: values by column, None where there is none."""

_METRICS = ("skill", "r2", "rmse", "crps", "central", "coverage")
_FIRST = ("season", "task", "half", "rank", "model", "owner", "skill", "skill_low", "skill_high")
_LAST = ("method", "pretraining", "parameters", "external_data", "verified", "authors", "links", "origin", "revision",
         "scorer", "received", "id", "sha256")  # fmt: skip
_DEFUSED = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With these at its beginning, a spreadsheet takes a text for a formula."""
_YAML = Path(".eval_results") / "agroflux.yaml"


def columns(boards: dict[str, list[Row]], release: Release) -> list[str]:
    """The columns of `lines`: those that all boards have, and the scores of every target that any of them ranks."""
    targets = dict.fromkeys(target for task in boards for target in release.task(task).ranked_targets)
    return [*_FIRST, *(f"{name}_{metric}" for name in targets for metric in _METRICS), *_LAST]


def lines(boards: dict[str, list[Row]], release: Release, half: Half, season: str | None = None) -> list[Line]:
    """Every row of some boards, with the same columns for all.

    Numbers are as coarse as on the page: finer ones would tell of the hidden values.

    Parameters
    ----------
    boards : dict of str to list of Row
        By task.
    release : Release
    half : Half
        Of the hidden rows, by which they are ranked.
    season : str, optional
        Whose standing it is.
    """
    found = []
    for task, rows in boards.items():
        for row in rows:
            submission, metadata, result = row.submission, row.entry.metadata, _result(row, half)
            # Of a recorded standing the interval might be that of a later scoring.
            interval = (result.scores if result and season is None else None) or {}
            low_high = interval.get("skill_interval") or {}
            line = {
                "season": season, "task": task, "half": half.value, "rank": row.rank, "model": row.model,
                "owner": submission.owner, "skill": row.skill, "skill_low": low_high.get("low"),
                "skill_high": low_high.get("high"),
                "method": metadata.get("method") or None, "pretraining": metadata.get("pretraining"),
                "parameters": metadata.get("parameters"), "external_data": metadata.get("external_data"),
                "verified": row.verified, "authors": list(metadata.get("authors") or ()),
                "links": list(metadata.get("links") or ()), "origin": release.origin(task),
                "revision": submission.revision, "scorer": result and result.scorer,
                "received": submission.received, "id": submission.id, "sha256": submission.sha256,
            } | {
                f"{name}_{metric}": getattr(score, metric) for name, score in row.targets.items() for metric in _METRICS
            }  # fmt: skip
            found.append({name: _as_shown(name, line.get(name)) for name in columns(boards, release)})
    return found


def _as_shown(column: str, value: Any) -> Any:
    """A number as coarse as the page shows it: which depends on the metric."""
    metric = "skill" if column.startswith("skill") else column.rpartition("_")[2]
    return coarse({metric: value})[metric]


def _result(row: Row, half: Half) -> Result | None:
    return row.entry.result if half is Half.PUBLIC else row.entry.private


def write_csv(found: list[Line], names: Sequence[str], out: Path) -> None:
    """A CSV file that a spreadsheet opens without taking any text for a formula."""

    def write(path: Path) -> None:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(names)
            writer.writerows([_cell(line[name]) for name in names] for line in found)

    _whole(out, write)


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, str) and value.lstrip(" ").startswith(_DEFUSED):
        return "'" + value
    return value


def write_json(found: list[Line], out: Path, facts: dict[str, Any]) -> None:
    """A JSON object: facts about the boards, and ``rows``. A number that is not defined is null."""
    plain = [{name: _plain(value) for name, value in line.items()} for line in found]
    text = json.dumps(facts | {"rows": plain}, indent=1, allow_nan=False, ensure_ascii=False)
    _whole(out, lambda path: path.write_text(text + "\n", encoding="utf-8"))


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value


def write_parquet(found: list[Line], names: Sequence[str], out: Path, facts: dict[str, Any]) -> None:
    """A Parquet table with typed columns, the facts in its metadata under ``agroflux``."""
    kinds: dict[str, pa.DataType] = {
        "rank": pa.int64(), "parameters": pa.int64(), "external_data": pa.bool_(), "verified": pa.bool_(),
        "received": pa.timestamp("us", tz="UTC"), "authors": pa.list_(pa.string()), "links": pa.list_(pa.string()),
    } | {name: pa.int64() for name in names if name.endswith("_central")}  # fmt: skip
    numbers = tuple(f"_{metric}" for metric in (*_METRICS, "low", "high"))
    schema = pa.schema(
        [(name, kinds.get(name, pa.float64() if name == "skill" or name.endswith(numbers) else pa.string()))
         for name in names],
        metadata={"agroflux": json.dumps(facts, allow_nan=False)},
    )  # fmt: skip
    _whole(out, lambda path: pq.write_table(pa.Table.from_pylist(found, schema=schema), path))


def write_eval_results(
    boards: dict[str, list[Row]], release: Release, half: Half, out: Path, *, dataset: str, commit: str | None,
    source: str | None,
) -> tuple[list[Path], int]:  # fmt: skip
    """The Hub's evaluation results: for each model that a submission links to, a file to put into its repository.

    Parameters
    ----------
    boards : dict of str to list of Row
        By task, each in its order; of several submissions of one model the first counts.
    release : Release
    half : Half
    out : Path
        Gets ``ORG/NAME/.eval_results/agroflux.yaml`` for each model.
    dataset : str
        The benchmark's dataset on the Hub, ORG/NAME.
    commit : str, optional
        Its commit.
    source : str, optional
        Address of the leaderboard.

    Returns
    -------
    written : list of Path
    unlinked : int
        Rows with a skill that link to no model on the Hub.
    """
    entries: dict[str, dict[str, EvalResultEntry]] = {}
    unlinked = 0
    for task, rows in boards.items():
        for row in rows:
            if row.skill is None:
                continue
            model, result = hub_model(row.entry), _result(row, half)
            if model is None:
                unlinked += 1
                continue
            entries.setdefault(model, {}).setdefault(
                task,
                EvalResultEntry(
                    dataset_id=dataset,
                    task_id=task,
                    value=coarse(row.skill),
                    dataset_revision=commit,
                    date=None if result is None else result.finished.isoformat(timespec="seconds"),
                    source_url=source,
                    source_name=None if source is None else "AgroFlux leaderboard",
                    notes=f"mean skill against climatology, {half.value} half of the hidden rows; "
                    f"{release.origin(task)} data, release {release.revision}, scorer {result and result.scorer}; "
                    f"{'verified' if row.verified else 'not verified'}; submission {row.submission.id}",
                ),
            )
    written = []
    for model, by_task in entries.items():
        path = out / model / _YAML
        path.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(eval_result_entries_to_yaml(list(by_task.values())), sort_keys=False, allow_unicode=True)
        _whole(path, lambda path, text=text: path.write_text(text, encoding="utf-8"))  # type: ignore[misc]
        written.append(path)
    return written, unlinked


def _whole(out: Path, write: Callable[[Path], object]) -> None:
    """Write a file that appears whole or not at all."""
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        os.replace(temporary, out)
    except OSError as error:
        raise AgrofluxError(
            "cannot write there", expected="a file in a folder", came=error.strerror, where=out
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
