"""What the leaderboard remembers, append-only: submissions, results, the host's acts; in a folder or on the Hub."""

from leaderboard.store.hub import HubStore
from leaderboard.store.local import LocalStore
from leaderboard.store.places import open_store
from leaderboard.store.records import (
    LONG_DAYS,
    LONG_RUN,
    Busy,
    Edit,
    Entry,
    Event,
    Half,
    Lease,
    QuotaExceeded,
    Result,
    Staged,
    State,
    Store,
    Submission,
    TooLarge,
    next_day,
)

__all__ = [
    "LONG_DAYS",
    "LONG_RUN",
    "Busy",
    "Edit",
    "Entry",
    "Event",
    "Half",
    "HubStore",
    "Lease",
    "LocalStore",
    "QuotaExceeded",
    "Result",
    "Staged",
    "State",
    "Store",
    "Submission",
    "TooLarge",
    "next_day",
    "open_store",
]
