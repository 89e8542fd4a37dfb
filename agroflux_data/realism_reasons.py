"""Why the embedded world misses some targets of `agroflux_data.realism`: what was looked into, and what was left.

A release of another seed, secret or scale may miss others, by chance or for its size: for those there is none here.
"""

from __future__ import annotations

from agroflux_data.realism import Comparison, Response, Scaler, Season

__all__ = ["name_of", "reason", "reasons"]

_SCALERS = {
    "Yield": "at the small scale no field of ecosys lacks nitrogen, as those of the paper's lower rates do; with"
    " its twenty rates spread over the same counties it is met.",
    "NH4_1": "official Ecosys holds about 50 of it on clay through the year, as the pooled scalers imply; here microbes"
    " turn over within weeks what is applied or mineralised, and the uppermost centimetre loses NH3. Slower nitrifiers"
    " with a stronger buffer of pH raise peaks, not the floor, and take a quarter off N2O.",
    "NO3_1": "fertiliser is worked evenly into the upper 10 cm, so its nitrate is a tenth of what it would be if left"
    " in the uppermost centimetre; such peaks are probably most of the official spread (not tried).",
    "NO3_3": "at the small scale half of the fields of ecosys get 33.6 g N m-2, more than corn takes up; with the"
    " paper's twenty rates over the same counties the spread is 1.60 times the official one and not 1.82.",
    "NO3_5": "probably since all water that drains takes nitrate with it (ecosys), none waits in small pores, and"
    " nitrate passes 30 cm in pulses: low mean, wide spread (not tried).",
    "WTR_5": "between storms the layer stands near field capacity, which texture and carbon of the soils set. Faster"
    " drainage below 1.5 m takes off 0.002, and 43 % of ecosys' emission factor with it.",
}
_SEASONS = {
    (
        "ecosys",
        "soybean",
        "RECO",
    ): "residue of corn respires as soon as April is warm, without or with tillage; less of "
    "it is left for autumn than at US-Ne3, a field without tillage.",
    (
        "ecosys",
        "soybean",
        "NEE",
    ): "residue of corn respires as soon as April is warm, without or with tillage, at a rate "
    "that microbes and not substrates set; and leaves stay green and respiration low in September.",
}
_RESPONSES = {
    ("ecosys", "yield saturates"): "the small scale has two rates, 15.9 and 33.6 g m-2, between which yield rises by"
    " 2 %; with all twenty of the paper's, ten fields saturated at 17.4, 20.5 and 17.8 for three secrets.",
}


def name_of(one: Comparison, target: str) -> str:
    """What a target of a comparison is called in a list of those that are missed."""
    if isinstance(one, Scaler):
        return one.official
    if isinstance(one, Season):
        return f"{one.source}, {one.crop}, {one.flux}"
    return f"{one.source}, {target}"


def reason(one: Comparison, target: str) -> str | None:
    """Why a target is missed; None where nothing is known."""
    if isinstance(one, Scaler):
        return _SCALERS.get(one.official)
    if isinstance(one, Season):
        return _SEASONS.get((one.source, one.crop, one.flux))
    return _RESPONSES.get((one.source, target)) if isinstance(one, Response) else None


def reasons(*several: Comparison) -> list[str]:
    """A line for each target that some comparisons miss, with the reason where there is one."""
    lines = []
    for one in several:
        for target in (target for target, held in one.targets.items() if not held):
            why = reason(one, target) or "no reason known; a release of another seed, secret or scale may meet it."
            lines.append(f"{name_of(one, target)}: {why}")
    return lines
