"""The text of the page's last tab: what is asked, by which rules, and where the numbers come from."""

from __future__ import annotations

from importlib.metadata import version

from agroflux_data.origins import ORIGINS
from agroflux_data.release import Release, Split
from leaderboard.intake import Intake
from leaderboard.store import LONG_DAYS, LONG_RUN
from submission.metadata import FORMAT
from submission.scoring import SCORER

__all__ = ["about"]


def about(release: Release, intake: Intake) -> str:
    """Markdown about a release's boards.

    Parameters
    ----------
    release : Release
    intake : Intake
        Knows the tasks that take submissions.
    """
    lines = [
        "## Tasks",
        "A task is a source of data and a way to extrapolate: *temporal* to later years of known sites, *spatial* to "
        "sites that no training row has. A row is one site, treatment and year of 365 days.",
        "",
        "| Task | Ranked targets | Hidden rows | Sites | Years | Origin |",
        "|---|---|---|---|---|---|",
    ]
    for name in intake.tasks:
        split = release.split(name, "test")
        lines.append(
            f"| `{name}` | {', '.join(release.task(name).ranked_targets)} | {split.rows:,} | {split.sites:,} "
            f"| {_years(split)} | {release.origin(name)} |"
        )
    origins = sorted({release.origin(name) for name in intake.tasks})
    lines += [
        "",
        "## How it is ranked",
        "- **Skill** of a target is 1 − MSE / MSE of the climatology of the training rows, over all observed days: 1 "
        "is perfect, 0 is no better than the climatology. A board is sorted by the mean skill over its ranked targets.",
        "- Skills that are equal to four decimals share a rank, and the earlier submission stands first. A submission "
        "without a skill for each ranked target has no rank and stands last.",
        "- The board over several tasks shows the mean skill over those that a model was submitted to. Who has more of "
        "them stands first; a task that is missing is shown as such.",
        "- Scores are those of the **public half** of the hidden rows. The private half stays closed until a season "
        "ends; then each participant's best submission of every task, or the one that was chosen, is ranked by it.",
        "- **Verified** means that the host ran the submitted model again and found the same predictions.",
        "",
        "## What the numbers mean",
        "| Number | Meaning |",
        "|---|---|",
        "| R² | 1 − SSres / SStot over all observed days; never a squared correlation, and without a lower end |",
        "| RMSE, MAE, bias | of the daily values, in the unit of the variable; bias is prediction − observation |",
        "| 95 % interval | between percentiles of the score over 1,000 resamples of whole site-years |",
        "| CRPS | of predicted quantiles: twice the mean pinball loss over their levels, in the unit of the variable; "
        "the mean absolute error where all are the same. No part of the rank |",
        "| days in 90 % | share of the observed days between the 5 and 95 % quantiles: 90 % where they are right |",
        "| by time scale | R² of means of weeks, months and years, of the mean season, of what departs from it, of "
        "years and of sites |",
        "| by site | 10, 25, 50, 75 and 90 % of the sites lie below; nMAE and RAE are relative to the site's mean and "
        "spread; none where there are fewer than five sites |",
        "| hot moments | share of the 5 % of N2O's days with the most emission that are among the predicted ones |",
        "| annual total | how far N2O's totals of years are off, as a share of the mean one |",
        "| closure | mean of abs(NEE − (RECO − GPP)) of the predictions: 0 where their fluxes add up |",
        "",
        "## Rules",
        f"- {intake.per_day} submissions a day (UTC) and task for each participant, and {LONG_RUN * intake.per_day} in "
        f"any {LONG_DAYS} days: who asks more learns about the hidden rows. What fails by our fault is given back; "
        "a file that is rejected counts, so check it first with `agroflux-submit validate`.",
        "- The same file sent twice is one submission. A withdrawn submission is hidden, not deleted.",
        "- What a submission says of its model can be changed later, in *My submissions*; what it said is kept. Scores "
        "cannot be changed, and hang on the file alone.",
        "- The hidden outputs may not be used in any way; say in the file's metadata what else went into the model.",
        "",
        "## Whose numbers these are",
        *(f"- **{origin}**: {ORIGINS[origin].made_by}." for origin in origins),
        "",
        "Scores here are never comparable with the tables of the AgroFlux paper (arXiv 2602.01614)"
        + (": the data are embedded ones, computed by open process models." if "embedded" in origins
           else ": the splits and the hidden rows are this release's own."),
        "",
        "## From the command line",
        "```",
        "pip install 'agroflux[client]'",
        "export AGROFLUX_TOKEN=...                 # the host's token, or, for a Space, one of Hugging Face",
        "agroflux-submit validate predictions.parquet --data agroflux",
        "agroflux-submit send predictions.parquet --url ADDRESS --wait",
        "agroflux-submit list --url ADDRESS",
        "agroflux-submit status RECEIPT --url ADDRESS",
        "agroflux-submit withdraw RECEIPT --url ADDRESS",
        "```",
        "## From Python",
        "```python",
        "from gradio_client import Client, handle_file",
        "",
        'client = Client("ADDRESS OF THIS PAGE", token=False)',
        'receipt = client.predict(handle_file("predictions.parquet"), "YOUR TOKEN", api_name="/submit")',
        'client.predict(receipt["id"], "YOUR TOKEN", api_name="/status")',
        'client.predict(receipt["id"], {"description": "..."}, "YOUR TOKEN", api_name="/edit")',
        'client.predict("towers_temporal", api_name="/board")',
        "```",
        "On a Space, leave the token empty and give `Client(..., oauth_token=...)` a Hugging Face token. A "
        "fine-grained one without any permission is enough, and all that you should give to any Space.",
        "",
        "## Versions",
        f"Release `{release.revision}`, built with agroflux {release.provenance.made_with}. Scorer {SCORER}, format of "
        f"submissions {FORMAT}, agroflux {version('agroflux')}. Every score names the release, the scorer and the hash "
        "of the file that it is of.",
    ]  # fmt: skip
    return "\n".join(lines)


def _years(split: Split) -> str:
    return str(split.first_year) if split.first_year == split.last_year else f"{split.first_year}–{split.last_year}"
