"""`agroflux-data check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agroflux_data import console
from agroflux_data.check import check as check_release
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release

__all__ = ["check"]


def check(
    release: Annotated[Path, typer.Argument(help="The public folder of a release.")],
    targets: Annotated[Path | None, typer.Option(help="Its hidden targets; RELEASE-targets if that exists.")] = None,
) -> None:
    """Check a release: files, schema, keys, ranges, scalers, and that nothing hidden shows."""
    opened = Release(release)
    findings = list(check_release(opened, targets))
    for finding in findings:
        console.output.print(f"{finding.where}: {finding.problem}", markup=False, soft_wrap=True)
    if findings:
        raise AgrofluxError(f"{len(findings)} findings", expected="none", where=release)
    console.output.print(f"{release}: {len(opened.tasks)} tasks, revision {opened.revision}, nothing wrong found")
