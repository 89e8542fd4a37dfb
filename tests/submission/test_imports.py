"""A host that scores submissions carries no torch, and imports run one way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_torch_and_nobody_who_depends_on_us() -> None:
    names = ", ".join(f"submission.{path.stem}" for path in sorted((ROOT / "submission").glob("*.py")))
    code = f"import sys, {names}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ).stdout.split()  # fmt: skip
    assert "agroflux_data" in found
    assert not {"torch", "transformers", "gradio", "baselines", "leaderboard"} & set(found)
