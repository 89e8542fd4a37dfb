"""The submission: the file that a participant holds in hand, its validation and its scores."""

from submission.file import convert_csv, read, read_metadata, write
from submission.metadata import Metadata
from submission.scoring import score
from submission.validation import validate

__all__ = ["Metadata", "convert_csv", "read", "read_metadata", "score", "validate", "write"]
