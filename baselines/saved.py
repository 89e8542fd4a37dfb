"""Where fitted models lie: the folder of a run or an ensemble, any saved model, or a repository on the Hub."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from agroflux_data.errors import AgrofluxError
from baselines.calibration import Calibration
from baselines.fitted import Ensemble, Fitted, Network
from baselines.models import load
from baselines.repository import fetched
from baselines.run import Run, RunFolder
from baselines.trees import TREES_FILE, Trees

__all__ = ["ENSEMBLE_FILE", "Saved", "members_of", "open_saved"]

ENSEMBLE_FILE = "ensemble.json"
"""What names the members of an ensemble: folders beside it."""


@dataclass(frozen=True)
class Saved:
    """A fitted model, and what its folder says of how it came about.

    Attributes
    ----------
    name : str
        The folder or repository.
    folder : Path
    fitted : Fitted
    runs : tuple of Run
        That made it, one for each member of an ensemble; empty for a model saved by other means.
    """

    name: str
    folder: Path
    fitted: Fitted
    runs: tuple[Run, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(run.recipe.seed for run in self.runs)

    @property
    def left_out(self) -> str | None:
        """The fold that no member has seen."""
        return self.runs[0].left_out if self.runs else None


def open_saved(name: str | Path) -> Saved:
    """Open a fitted model.

    Parameters
    ----------
    name : str or Path
        Folder of a run, of an ensemble or of any saved `FluxModel`, or ``ORG/NAME`` or ``ORG/NAME@REVISION`` on the
        Hub; a folder that is there goes before a repository of that name.

    Raises
    ------
    AgrofluxError
        No such folder or repository, or it holds no fitted model.
    """
    folder = Path(name)
    if not folder.exists():
        folder = fetched(str(name))
    if (folder / ENSEMBLE_FILE).is_file():
        members = [open_saved(member) for member in members_of(folder)]
        fitted: Fitted = Ensemble([member.fitted for member in members], _calibration(folder))
        return Saved(str(name), folder, fitted, tuple(run for member in members for run in member.runs))
    fitted = Trees.read(folder) if (folder / TREES_FILE).is_file() else Network(load(folder))
    run = RunFolder(folder).read() if (folder / "run.json").is_file() else None
    return Saved(str(name), folder, fitted, () if run is None else (run,))


def _calibration(folder: Path) -> Calibration | None:
    try:
        data = json.loads((folder / ENSEMBLE_FILE).read_text()).get("calibration")
        return None if data is None else Calibration.from_json(data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AgrofluxError("damaged ensemble", expected="a calibration", came=str(error), where=folder) from None


def members_of(folder: Path) -> list[Path]:
    """The folders of an ensemble's members; of anything else, the folder itself."""
    if not (folder / ENSEMBLE_FILE).is_file():
        return [folder]
    try:
        return [folder / Path(name).name for name in json.loads((folder / ENSEMBLE_FILE).read_text())["members"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AgrofluxError("damaged ensemble", expected="members", came=str(error), where=folder) from None
