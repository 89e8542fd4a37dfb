"""The leaderboard: a Space that receives submissions, scores them against hidden targets and ranks them."""
