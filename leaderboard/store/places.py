"""Where a store may be, as a host writes it."""

from __future__ import annotations

from pathlib import Path

from agroflux_data.errors import AgrofluxError
from leaderboard.locations import Address, is_remote
from leaderboard.store.hub import HubStore
from leaderboard.store.local import LocalStore
from leaderboard.store.records import Store

__all__ = ["open_store"]


def open_store(place: str | Path, *, existing: bool = False) -> Store:
    """The store at a place.

    Parameters
    ----------
    place : str or Path
        A local folder, or ``hf://datasets/ORG/NAME``: a private dataset repository, spoken to with HF_TOKEN.
    existing : bool
        Whether it has to be there; if not, it is made.

    Raises
    ------
    AgrofluxError
        It is no store, is public, or cannot be reached; or the text is no address.
    """
    if not is_remote(place):
        if existing and not Path(place).is_dir():
            raise AgrofluxError("no such store", expected="a folder that serve or add made", came=str(place))
        return LocalStore(place)
    address = Address.from_text(str(place))
    if address.revision is not None:
        raise AgrofluxError("a store at a revision", expected="hf://datasets/ORG/NAME", came=str(place))
    return HubStore(address.id, existing=existing)
