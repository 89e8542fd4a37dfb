"""What a dataset card says of a release: the tables and paragraphs of the template, each made from the release."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agroflux_data import overview
from agroflux_data.origins import ORIGINS
from agroflux_data.release import Release
from agroflux_data.splits import Edition
from agroflux_data.tasks import SOURCES
from agroflux_data.variables import DAYS, VARIABLES

__all__ = ["paragraphs"]

_SOURCES = {
    "ecosys": "simulations of counties of the Corn Belt with a sub-daily process model",
    "daycent": "simulations of points of the Midwest with a daily process model",
    "towers": "eddy covariance over fields: net exchange of carbon dioxide, its partition, and evapotranspiration",
    "mesocosm": "chambers: nitrous oxide",
}
_EMBEDDED_SOURCES = {
    "ecosys": _SOURCES["ecosys"], "daycent": _SOURCES["daycent"],
    "towers": "what eddy covariance would have recorded over simulated fields, with its noise and gaps",
    "mesocosm": "what chambers would have recorded over simulated fields",
}  # fmt: skip

_EMBEDDED = """Origin `embedded` means simulated by the kit's own process models, written from published equations: a
weather generator, a daily model after DayCent and CENTURY, a sub-daily model after Ecosys, and a model of instruments.
Weather, soils and management follow from the public seed. Cultivar, drainage, tillage, history and errors of
instruments follow from a secret that only the publisher has, so hidden outputs cannot be computed from this code. These
numbers are **not the AgroFlux release**, and results on them must not be compared with the paper's tables."""
_EMBEDDED_TOWERS = "Towers bear the names and places of real ones, and every number of theirs here is simulated."

_EDITIONS = {
    Edition.SEALED: """This is a **sealed** release. Each source is cut as a matrix of sites and years, and the
outputs of the hidden cells are NaN here; a leaderboard holds them. Q are the sites of fold 4, P the others, late years
are the test years.

|         | early years                           | late years             |
|---------|---------------------------------------|------------------------|
| P sites | public: train, validation, fold_0..3  | hidden: temporal test  |
| Q sites | hidden: spatial test                  | hidden: spatial test   |

No (source, site, treatment, year) of the hidden set has an output value anywhere in this repository: every output of
such a row is hidden, since GPP and RECO would give NEE away.""",
    Edition.OPEN: """This is an **open** release: the paper's protocol, every target public. Its splits leak into
each other: a spatial fold trains on the years that the temporal test hides. Train for fold 0 with
`split="fold_1+fold_2+fold_3+fold_4"`, and so on.""",
}

_LIMITS = (
    "`PDOY` is 1 on the planting day and 0 else, as in the official data, not a day number.",
    "`PLANTT` knows corn and soybean only, and one point stands for a county or a field.",
    "The folds are drawn over sites, not regions: a test site may have a neighbour in training.",
)
_OBSERVED_LIMITS = (
    "Towers and chambers observe little: see the share of observed days. Gaps are not random, since instruments fail "
    "in rain, frost and calm nights, and chambers are mostly out in the growing season.",
)
_TOWER_LIMITS = ("GPP and RECO of towers are no measurements: they are parted from NEE by a model.",)
_EMBEDDED_LIMITS = (
    "Embedded models are simpler than the real ones. `agroflux-data realism` sets them beside the moments of the "
    "official release, of towers and of real DayCent runs, and says what they miss.",
)
_OFFICIAL_LIMITS = (
    "The official AgroFlux release stores other numbers under like names. RECO and N2O are negative there. `CO2_FLUX` "
    "is the flux at the soil surface in Ecosys rows (emission negative), NPP - Rh in DayCent rows (uptake positive), "
    "and NEE in observations (uptake negative); NEE here is RECO - GPP.",
    "Its arrays name neither sites nor years. They hold 18 years of Ecosys where the paper says 19, and 99 sites x 20 "
    "treatments of DayCent where the paper says 2,562 x 42; their scalers pool both simulators and the test years. The "
    "released code also cuts years and sites otherwise than the paper: scores are comparable only on the same splits.",
)


def paragraphs(release: Release) -> dict[str, str]:
    """The text for every place of the template, by its name; figures and the name of the release aside."""
    made = release.provenance
    origins = sorted({source.origin for source in made.sources.values()})
    ranked = dict.fromkeys(name for task in release.tasks for name in release.task(task).ranked_targets)
    said = _EMBEDDED_SOURCES, _SOURCES
    return {
        "example": release.tasks[0],
        "version": str(release.version),
        "revision": release.revision,
        "edition": _EDITIONS[release.edition],
        "summary": f"**Origin of the numbers: {', '.join(origins)}.** {len(release.tasks)} tasks, {release.edition} "
        f"edition" + (f", scale {made.scale}, seed {made.seed}." if made.scale else "."),
        "sources_said": "\n".join(
            ["This release has these sources:", ""]
            + [f"- `{name}`: {said[made.sources[name].origin != 'embedded'][name]}." for name in _sources(release)]
        ),
        "inputs": _inputs(release),
        "outputs": _outputs(release),
        "ranked": ", ".join(f"`{name}`" for name in ranked) or "none of them",
        "origins": _table(
            ("source", "origin", "made from", "sites", "years"),
            (
                (f"`{name}`", source.origin, source.content, f"{len(source.folds):,}",
                 f"{source.years.first}-{source.years.last}")
                for name, source in made.sources.items()
            ),
        ),
        "origin_said": "\n".join(_origin_said(release, origins)),
        "warnings": "\n".join(
            f"- `{name}`: {warning}" for name, source in made.sources.items() for warning in source.warnings
        ),
        "splits": _splits(release),
        "limits": "\n".join(f"- {limit}" for limit in _limits(release, origins)),
        "licences": _table(
            ("origin", "who made the numbers", "terms"),
            ((name, ORIGINS[name].made_by, ORIGINS[name].terms) for name in origins),
        ),
    }  # fmt: skip


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _sources(release: Release) -> list[str]:
    return [name for name in SOURCES if name in release.provenance.sources]


def _origin_said(release: Release, origins: Sequence[str]) -> Iterable[str]:
    if "embedded" in origins:
        towers = release.provenance.sources.get("towers")
        yield _EMBEDDED
        if towers and towers.origin == "embedded":
            yield _EMBEDDED_TOWERS
    brought = [name for name in origins if name != "embedded"]
    for name in brought:
        yield f"Origin `{name}` means {ORIGINS[name].made_by}."
    if brought:
        yield (
            "Years, sites and columns are those that the files have. What was derived, doubtful or left out when they "
            "were read is named below, if there was anything."
        )


def _limits(release: Release, origins: Sequence[str]) -> Iterable[str]:
    sources = release.provenance.sources
    yield from _LIMITS
    if {"towers", "mesocosm"} & sources.keys():
        yield from _OBSERVED_LIMITS
    if "towers" in sources and sources["towers"].origin != "embedded":
        yield from _TOWER_LIMITS
    if "embedded" in origins:
        yield from _EMBEDDED_LIMITS
    yield from _OFFICIAL_LIMITS


def _first_task(release: Release, source: str) -> str:
    return next(name for name in release.tasks if release.task(name).source == source)


def _range(name: str) -> str:
    return f"{VARIABLES[name].low:g} to {VARIABLES[name].high:g}"


def _inputs(release: Release) -> str:
    has = {source: release.task(_first_task(release, source)).inputs for source in _sources(release)}
    names = [name for name in VARIABLES if any(name in inputs for inputs in has.values())]
    return _table(
        ("column", "unit", "meaning", "values", "range", "sources"),
        (
            (
                f"`{name}`", VARIABLES[name].unit, VARIABLES[name].description,
                DAYS if VARIABLES[name].daily else 1, _range(name),
                "all" if all(name in own for own in has.values()) else ", ".join(s for s in has if name in has[s]),
            )
            for name in names
        ),
    )  # fmt: skip


def _outputs(release: Release) -> str:
    shares = {source: _shares(release, source) for source in _sources(release)}
    names = [name for name in VARIABLES if any(name in own for own in shares.values())]
    return _table(
        ("column", "unit", "meaning", "range", *shares),
        (
            (f"`{name}`", VARIABLES[name].unit, VARIABLES[name].description, _range(name),
             *(own.get(name, "") for own in shares.values()))
            for name in names
        ),
    )  # fmt: skip


def _shares(release: Release, source: str) -> dict[str, str]:
    """The share of training days with a value, by target; from the counts that the release ships."""
    task = release.task(_first_task(release, source))
    training = [name for name in release.splits(task.name) if name in task.training_splits(release.edition)]
    days = DAYS * sum(release.split(task.name, name).rows for name in training)
    moments = release.statistics(task.name, training)
    return {name: f"{100 * moments[name].n / days:.1f} %" for name in task.targets}


def _splits(release: Release) -> str:
    rows = overview.splits(release)
    return _table(
        list(rows[0].cells),
        [[f"`{cell}`" if name in ("task", "split") else cell for name, cell in row.cells.items()] for row in rows],
    )
