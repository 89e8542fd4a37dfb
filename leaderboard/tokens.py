"""The tokens that a host gives to participants of a self-hosted leaderboard; only their hashes are kept."""

from __future__ import annotations

import hashlib
import re
import secrets
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from agroflux_data.errors import AgrofluxError
from leaderboard.locations import is_remote

__all__ = ["Tokens", "check_name"]

_PREFIX = "agf_"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,37}[A-Za-z0-9])?")


def check_name(name: str) -> str:
    """An owner's name as it may stand; raises `AgrofluxError` for anything else."""
    if not _NAME.fullmatch(name):
        raise AgrofluxError(
            "not a name", expected="1 to 39 letters, digits, '.', '_' or '-', a letter or digit at both ends", came=name
        )
    return name


class Tokens:
    """Tokens by participant, in one small database of the store's folder.

    Parameters
    ----------
    folder : str or Path
        The store's folder; a store on the Hub is for a Space, where Hugging Face says who is asking.
    """

    def __init__(self, folder: str | Path):
        if is_remote(folder):
            raise AgrofluxError("no place for tokens", expected="a folder as the store, or a Space", came=str(folder))
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / "tokens.sqlite"
        with closing(self._connect()) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS tokens "
                "(hash TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created TEXT NOT NULL)"
            )

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=30)

    def create(self, name: str) -> str:
        """A new token for a participant; one that the participant had before is void.

        Returns
        -------
        str
            The token, to be handed over once: it cannot be read again.
        """
        check_name(name)
        token = _PREFIX + secrets.token_urlsafe(32)
        with closing(self._connect()) as database, database:
            database.execute(
                "INSERT INTO tokens (hash, name, created) VALUES (?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, created = excluded.created",
                (_hash(token), name, datetime.now(UTC).isoformat()),
            )
        return token

    def owner(self, token: str) -> str | None:
        """The name that a token stands for, or None for one that was never issued or is void."""
        with closing(self._connect()) as database:
            row = database.execute("SELECT name FROM tokens WHERE hash = ?", (_hash(token.strip()),)).fetchone()
        return None if row is None else str(row[0])

    def issued(self) -> dict[str, datetime]:
        """Who has a token, and since when (UTC), by name."""
        with closing(self._connect()) as database:
            rows = database.execute("SELECT name, created FROM tokens ORDER BY name").fetchall()
        return {str(name): datetime.fromisoformat(created) for name, created in rows}

    def revoke(self, name: str) -> None:
        """Make a participant's token void; raises `AgrofluxError` for one that has none."""
        with closing(self._connect()) as database, database:
            if database.execute("DELETE FROM tokens WHERE name = ?", (name,)).rowcount == 0:
                raise AgrofluxError("nobody of that name has a token", came=name)


def _hash(token: str) -> str:
    # A token is 256 random bits: a slow, salted hash would protect nothing more.
    return hashlib.sha256(token.encode()).hexdigest()
