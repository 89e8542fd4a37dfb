"""The arguments that several commands take, the same for each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["Data", "File", "Half", "Id", "Json", "Split", "TargetsFolder", "TokenFile", "Url"]

File = Annotated[Path, typer.Argument(help="The submission, a Parquet file.")]
Data = Annotated[Path, typer.Option(help="The public folder of the release.")]
TargetsFolder = Annotated[
    Path | None, typer.Option(help="The hidden targets of a sealed release; DATA-targets if not given.")
]
Half = Annotated[str, typer.Option(help="Which of the hidden rows: all, public or private.")]
Split = Annotated[
    str | None,
    typer.Option(help="The split that it predicts, if not test: validation, or in the open edition the fold left out."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The submission's, from its receipt.")]
Url = Annotated[str, typer.Option(envvar="AGROFLUX_URL", help="Address of the leaderboard.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(help="File with the token that the leaderboard's host gave you; AGROFLUX_TOKEN if not given."),
]
