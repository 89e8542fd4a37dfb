"""A toy source whose blocks take their time and say who builds them, so that a test can stop one half-way."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from agroflux_data.sources.source import Site
from tests.toy import ToySource


@dataclass(frozen=True)
class PatientSource(ToySource):
    """Writes ``begun PID SITE`` and, a third of a second later, ``ended PID SITE`` lines for each block to a file."""

    log: Path = Path(os.devnull)
    seconds: float = 0.3
    block_sites: int = 1

    def sequences(self, sites: Sequence[Site]) -> pa.Table:
        self._say("begun", sites)
        time.sleep(self.seconds)
        rows = super().sequences(sites)
        self._say("ended", sites)
        return rows

    def _say(self, what: str, sites: Sequence[Site]) -> None:
        with self.log.open("a") as log:
            log.write(f"{what} {os.getpid()} {sites[0].name}\n")


def events(log: Path) -> list[tuple[str, int, str]]:
    """(begun or ended, process, first site of the block), in order."""
    lines = [line.split() for line in log.read_text().splitlines()]
    return [(what, int(process), site) for what, process, site in lines]


def half_built(log: Path) -> list[tuple[int, str]]:
    """(process, first site) of each block that was begun and has not ended."""
    said = events(log)
    ended = {(process, site) for what, process, site in said if what == "ended"}
    return [(process, site) for what, process, site in said if what == "begun" and (process, site) not in ended]
