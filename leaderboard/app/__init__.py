"""The page of the leaderboard: boards, a place to submit, one's own submissions, and the rules."""

from leaderboard.app.page import App

__all__ = ["App"]
