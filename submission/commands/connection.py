"""How the commands that talk to a leaderboard reach it, and show where a submission stands."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from agroflux_data import console
from agroflux_data.errors import AgrofluxError
from agroflux_data.variables import VARIABLES

if TYPE_CHECKING:
    from submission.client import Leaderboard

__all__ = ["connect", "show", "verdict"]


def connect(url: str, token_file: Path | None) -> Leaderboard:
    """The leaderboard at an address; raises `AgrofluxError` without the extra ``client``, a token or an address."""
    try:
        # Gradio's client takes a second to load, which no other command should wait for.
        from submission.client import Leaderboard, read_token
    except ModuleNotFoundError as error:
        raise AgrofluxError(f"{error.name} is not installed", expected="pip install 'agroflux[client]'") from None
    board = Leaderboard(
        url,
        read_token(token_file),
        again=lambda reason, pause: console.messages.print(
            f"{reason}; again in {math.ceil(pause)} s", markup=False, soft_wrap=True
        ),
    )
    if not board.encrypted:
        console.messages.print("warning: without https anybody on the way can read your token", style="yellow")
    return board


def show(standing: dict[str, Any], as_json: bool) -> None:
    """Print where a submission stands: its state, and its scores or faults."""
    if as_json:
        print(json.dumps(standing, indent=1, allow_nan=False))
        return
    state = str(standing["state"]) + (", withdrawn" if standing.get("withdrawn") else "")
    _line(f"{standing['id']}  {standing['task']}  {standing['model']}: {state}")
    if standing.get("reason"):
        _line(str(standing["reason"]))
    for fault in standing.get("faults") or []:
        _line(f"{fault.get('code')} {fault.get('meaning')}: {fault.get('message')}")
        console.output.print(f"      {fault.get('remedy')}", style="dim", markup=False, soft_wrap=True)
    if scores := standing.get("scores"):
        _scores(scores)


def verdict(standing: dict[str, Any]) -> None:
    """End with exit code 2 where a submission was not scored; raises `AgrofluxError`."""
    if standing["state"] in ("rejected", "failed"):
        raise AgrofluxError("not scored", expected="scored", came=standing["state"], where=standing["id"])


def _scores(scores: dict[str, Any]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for heading in ("target", "unit"):
        table.add_column(heading, no_wrap=True)
    columns = ("n", "r2", "rmse", "mae", "bias", "skill")
    for heading in ("days", "R2", "RMSE", "MAE", "bias", "skill"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, target in scores.get("targets", {}).items():
        unit = VARIABLES[name].unit if name in VARIABLES else ""
        table.add_row(Text(name), unit, *(_number(target.get(column)) for column in columns))
    console.output.print(table)
    for name, target in scores.get("targets", {}).items():
        if found := target.get("uncertainty"):
            shares = (
                f"{_number(100 * one['coverage'])} % of the days in the {percent} % interval"
                for percent, one in (found.get("central") or {}).items()
                if one.get("coverage") is not None
            )
            _line(", ".join([f"{name}: CRPS {_number(found.get('crps'))}", *shares]))
    _line(f"{scores.get('half')} half, mean skill of the ranked targets: {_number(scores.get('skill'))}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _line(text: str) -> None:
    # Never markup: names come from files.
    console.output.print(text, markup=False, soft_wrap=True)
