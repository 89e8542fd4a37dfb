"""Who may have made the numbers of a source, and under which terms they may be used."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ORIGINS", "Origin"]


@dataclass(frozen=True)
class Origin:
    """Who made the numbers of a source.

    Attributes
    ----------
    name : str
        As a release states it.
    made_by : str
        In words.
    licence : str
        The Hub's identifier: ``cc-by-4.0``; ``other`` where each file has its own, ``unknown`` where nothing says.
    terms : str
        What a user of the data has to know.
    """

    name: str
    made_by: str
    licence: str
    terms: str


_OWNER = "They belong to whoever brought them: ask the publisher of this release before you pass them on."

ORIGINS: dict[str, Origin] = {
    origin.name: origin
    for origin in (
        Origin(
            "embedded", "simulated by the open process models of agroflux", "cc-by-4.0",
            "CC-BY-4.0. They are not the numbers of the AgroFlux authors and must not be compared with their tables.",
        ),
        Origin(
            "official", "the AgroFlux release of Cheng et al. (2026)", "unknown",
            "Those of that release. Its files state no licence: ask its authors before you pass them on.",
        ),
        Origin(
            "ameriflux", "eddy-covariance towers of AmeriFlux or FLUXNET, from a user's own download", "other",
            "The data policy of each site, CC-BY-4.0 or AmeriFlux Legacy: cite every site by its DOI, and under the"
            " Legacy policy tell its team before you publish.",
        ),
        Origin("daycent", "a user's own DayCent runs", "other", _OWNER),
        Origin("ecosys", "a user's own Ecosys or EcoSIM runs", "other", _OWNER),
        Origin("chambers", "a user's own chamber measurements", "other", _OWNER),
    )
}  # fmt: skip
"""Every origin by name."""
