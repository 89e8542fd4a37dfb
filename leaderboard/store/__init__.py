"""What the leaderboard remembers: submissions, results and the host's acts; append-only, in a local folder."""

from leaderboard.store.local import LocalStore
from leaderboard.store.records import (
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
    "Edit",
    "Entry",
    "Event",
    "Half",
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
]
