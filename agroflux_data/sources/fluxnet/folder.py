"""Which files of a folder are which site's, told by their names.

Known names: ``FLX_US-Ne1_FLUXNET2015_SUBSET_DD_2001-2013_1-4.csv`` (FLUXNET2015; also FULLSET),
``AMF_US-Ne1_FLUXNET_FULLSET_HH_2001-2020_3-5.csv`` (AmeriFlux; also SUBSET), ``ICOSETC_DE-Geb_FLUXNET_DD_L2.csv``
(ICOS) and the newer ``AMF_US-Ne1_FLUXNET_FLUXMET_DD_2001-2024_v1.3_r1.csv``, the network's name first. DD is daily, HH
half an hour, HR an hour; in FLUXMET names HH is either. Of metadata, files with ``_BIF_`` or ``-BIF_`` in their names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from agroflux_data.errors import AgrofluxError, listing

__all__ = ["Folder", "SiteFiles", "SubdailyFile", "find"]

_NAME = re.compile(
    r"[^_]+_(?P<site>[A-Z]{2}-[A-Za-z0-9]+)_FLUXNET(2015)?_((?P<product>FULLSET|SUBSET|FLUXMET)_)?"
    r"(?P<resolution>[A-Z]{2})_.+\.csv",
    re.IGNORECASE,
)
_METADATA = re.compile(r"[^_]+_[A-Z]{2}-[A-Za-z0-9]+_((FLUXNET(2015)?[_-])?BIF)_.+\.(csv|xlsx)", re.IGNORECASE)
_SUBDAILY = ("HH", "HR")
_PACKED = (".zip", ".gz", ".7z", ".tar")
_EXAMPLE = "AMF_US-Ne1_FLUXNET_SUBSET_DD_2001-2020_3-5.csv"


@dataclass(frozen=True)
class SubdailyFile:
    """A half-hourly or hourly file.

    Attributes
    ----------
    path : Path
    minutes : tuple of int
        How long its periods may be, by its name.
    """

    path: Path
    minutes: tuple[int, ...]


@dataclass(frozen=True)
class SiteFiles:
    """The files of one site: a daily one, a half-hourly or hourly one, or both."""

    site: str
    daily: Path | None
    subdaily: SubdailyFile | None

    @property
    def paths(self) -> tuple[Path, ...]:
        subdaily = None if self.subdaily is None else self.subdaily.path
        return tuple(path for path in (self.daily, subdaily) if path is not None)


@dataclass(frozen=True)
class Folder:
    """What a folder holds.

    Attributes
    ----------
    sites : tuple of SiteFiles
        Sorted by site; at least one.
    metadata : tuple of Path
        Files in the BADM interchange format.
    others : tuple of Path
        Other CSV files and archives: coarser resolutions, reanalysis, descriptions of variables.
    """

    sites: tuple[SiteFiles, ...]
    metadata: tuple[Path, ...]
    others: tuple[Path, ...]


def find(folder: Path) -> Folder:
    """Search a folder and its subfolders.

    Raises
    ------
    AgrofluxError
        There is no such folder, it holds no daily or sub-daily file, or a site comes twice in one resolution.
    """
    if not folder.is_dir():
        came = "nothing there"
        if folder.exists():
            came = "an archive, to be unpacked first" if folder.suffix.lower() in _PACKED else "a file"
        raise AgrofluxError("no such folder", expected="a folder with FLUXNET files", came=came, where=folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    daily: dict[str, Path] = {}
    subdaily: dict[str, SubdailyFile] = {}
    metadata: list[Path] = []
    others: list[Path] = []
    for path in files:
        match = _NAME.fullmatch(path.name)
        resolution = match["resolution"].upper() if match else ""
        if match and resolution == "DD":
            _refuse_twice("daily", match["site"], daily.get(match["site"]), path, folder)
            daily[match["site"]] = path
        elif match and resolution in _SUBDAILY:
            known = subdaily[match["site"]].path if match["site"] in subdaily else None
            _refuse_twice("sub-daily", match["site"], known, path, folder)
            subdaily[match["site"]] = SubdailyFile(path, _minutes(resolution, match["product"] or ""))
        elif _METADATA.fullmatch(path.name):
            metadata.append(path)
        elif path.suffix.lower() in (".csv", *_PACKED):
            others.append(path)
    if not daily and not subdaily:
        packed = any(path.suffix.lower() in _PACKED for path in files)
        raise AgrofluxError(
            "no daily, half-hourly or hourly file",
            expected=f"{'unpacked ' if packed else ''}files such as {_EXAMPLE}",
            came=listing(path.name for path in files) or "an empty folder", where=folder,
        )  # fmt: skip
    sites = tuple(SiteFiles(site, daily.get(site), subdaily.get(site)) for site in sorted({*daily, *subdaily}))
    return Folder(sites, tuple(metadata), tuple(others))


def _refuse_twice(kind: str, site: str, known: Path | None, path: Path, folder: Path) -> None:
    if known is not None:
        raise AgrofluxError(
            f"two {kind} files of {site}", expected=f"one {kind} file a site",
            came=f"{known.relative_to(folder)} and {path.relative_to(folder)}", where=folder,
        )  # fmt: skip


def _minutes(resolution: str, product: str) -> tuple[int, ...]:
    if resolution == "HR":
        return (60,)
    return (30, 60) if product.upper() == "FLUXMET" else (30,)
