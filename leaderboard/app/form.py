"""The form of a submission's metadata, in Submit and in My submissions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

import gradio as gr

from agroflux_data.errors import AgrofluxError
from leaderboard.app.actions import EDITABLE
from submission.metadata import Pretraining

__all__ = ["Form"]

_WHOLE = re.compile(r"[+-]?\d{1,19}")


class Form:
    """Fields for all that may be edited, inside a `gradio.Blocks`.

    Attributes
    ----------
    fields : list of gradio components
        In the order of `EDITABLE`, which is the order of the arguments of `read`.
    """

    def __init__(self) -> None:
        with gr.Row():
            model = gr.Textbox(label="Model", info="The name on the board.", max_length=200, min_width=220)
            method = gr.Textbox(label="Method", info="LSTM, process model, ...", max_length=200, min_width=220)
        authors = gr.Textbox(label="Authors", info="One a line.", lines=1, max_lines=6)
        description = gr.Textbox(label="Description", lines=2, max_lines=8, max_length=10_000)
        links = gr.Textbox(
            label="Links", info="Paper, code, weights; one a line. Those to known hosts can be followed on the board.",
            lines=1, max_lines=6,
        )  # fmt: skip
        with gr.Row():
            parameters = gr.Textbox(label="Parameters", info="How many numbers were fitted.", min_width=150)
            seeds = gr.Textbox(label="Seeds", info="With commas.", min_width=150)
            pretraining = gr.Dropdown(
                list(get_args(Pretraining)), value="none", label="Pretraining", filterable=False, min_width=150,
                info="What it learned from before.",
            )  # fmt: skip
        external = gr.Checkbox(label="Data outside the release went in")
        used = gr.Textbox(label="Which external data", max_length=10_000)
        by_name: dict[str, Any] = {
            "model": model, "authors": authors, "description": description, "links": links, "parameters": parameters,
            "pretraining": pretraining, "method": method, "external_data": external, "external_data_used": used,
            "seeds": seeds,
        }  # fmt: skip
        self.fields = [by_name[name] for name in EDITABLE]

    @staticmethod
    def filled(metadata: Mapping[str, Any]) -> list[Any]:
        """Values of the fields, from metadata."""
        values = dict(metadata)
        values["authors"], values["links"] = ("\n".join(values.get(name) or ()) for name in ("authors", "links"))
        values["seeds"] = ", ".join(map(str, values.get("seeds") or ()))
        values["parameters"] = "" if values.get("parameters") is None else str(values["parameters"])
        return [values.get(name) for name in EDITABLE]

    @staticmethod
    def read(given: tuple[Any, ...]) -> dict[str, Any]:
        """Metadata from the values of the fields; raises `AgrofluxError` for what is no number where one belongs."""
        values = dict(zip(EDITABLE, given, strict=True))
        for name in ("authors", "links"):
            values[name] = [line.strip() for line in str(values[name] or "").splitlines() if line.strip()]
        values["seeds"] = [_whole("seeds", one) for one in re.split(r"[\s,;]+", str(values["seeds"] or "")) if one]
        parameters = re.sub(r"[\s,_]", "", str(values["parameters"] or ""))
        values["parameters"] = _whole("parameters", parameters) if parameters else None
        values["external_data"] = bool(values["external_data"])
        for name in ("model", "method", "description", "external_data_used"):
            values[name] = str(values[name] or "").strip()
        return values


def _whole(name: str, text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise AgrofluxError(f"metadata: bad {name}", expected="whole numbers", came=text[:40])
    return int(text)
