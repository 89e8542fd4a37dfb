"""Look for files that break the validator, guided by the code that they reach: ``python -m tests.submission.fuzz 60``.

For so many seconds; needs Linux and atheris, which ``make fuzz`` installs. It begins with the small files of the corpus
and with metadata alone, and anything but a report ends it, with the file that did it. A crash of Arrow does so too,
though in a command it would be one of a child, and AF006.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["submission"]):
    from submission import metadata, validation

from agroflux_data.build import build
from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from agroflux_data.splits import Edition
from submission.codes import CODES
from tests.conftest import toy_plan
from tests.submission.conftest import TASK, metadata_for, truth_of
from tests.submission.hostile import CORPUS, Right

_LARGEST = 1 << 18
_MEMORY = 2 << 30


def main(seconds: int) -> None:
    """Try files for some seconds; an exit code above 0 means that one broke the validator."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build(toy_plan(Edition.SEALED), folder / "agroflux", workers=1)
        release = Release(folder / "agroflux")
        right = Right(truth_of(release, TASK), metadata_for(release))
        seeds = folder / "seeds"
        seeds.mkdir()
        contents = [right.file(), right.metadata.to_bytes(), *(file.build(right) for file in CORPUS)]
        for number, content in enumerate(one for one in contents if len(one) <= _LARGEST):
            (seeds / str(number)).write_bytes(content)
        path = folder / "file.parquet"

        def look(content: bytes) -> None:
            if not content.startswith(b"PAR1"):
                with contextlib.suppress(AgrofluxError, ValueError):
                    metadata.Metadata.from_json(metadata.parse(content))
            path.write_bytes(content)
            try:
                report = validation.validate(path, release)
            except MemoryError:
                return  # a child says AF009
            assert report.faults or report.ok
            assert {fault.code for fault in report.faults} <= set(CODES)

        limits = (f"-max_total_time={seconds}", f"-max_len={_LARGEST}", f"-rss_limit_mb={_MEMORY >> 20}", "-timeout=60")
        atheris.Setup([sys.argv[0], *limits, f"-artifact_prefix={Path.cwd()}/", str(seeds)], look)
        atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
