"""Ecosys and EcoSIM: a user's own output, NetCDF or text, as sequences."""

from __future__ import annotations

from pathlib import Path

from agroflux_data.errors import AgrofluxError, listing
from agroflux_data.sources.model_runs import ecosim, ecosys_text
from agroflux_data.sources.model_runs.runs import Run, RunRecord
from agroflux_data.sources.model_runs.source import ModelRuns
from agroflux_data.variables import STATICS

__all__ = ["EcosysOutput"]


class EcosysOutput(ModelRuns):
    """History files of EcoSIM and daily text files of Ecosys as sequences of the ``ecosys`` source."""

    name = "ecosys"
    origin = "ecosys"
    unwritten = ((("FERTZR_N", "PDOY", "PLANTT", *STATICS), "these files do not have them"),)

    @staticmethod
    def runs(path: Path) -> tuple[list[Run], list[str]]:
        """All runs of both kinds at a path, by what their files or folders are called."""
        path = path.resolve()
        history, notes = ecosim.runs(path)
        text, more = ecosys_text.runs(path)
        if not history and not text:
            came = listing(sorted(inner.name for inner in path.iterdir())) if path.is_dir() else path.name
            raise AgrofluxError(
                "no output of Ecosys", expected="files such as mead.ecosim.h0.2001-01-01-00000.nc or 010102001dc",
                came=came or "an empty folder", where=path,
            )  # fmt: skip
        return history + text, notes + more

    @staticmethod
    def read(run: Run, place: tuple[float, float]) -> RunRecord:
        return (ecosim if run.files[0].suffix == ".nc" else ecosys_text).read(run, place)
