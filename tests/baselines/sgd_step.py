"""One step of plain gradient descent in each of the processes that torchrun starts; the first one saves the weights.

torchrun --nproc-per-node 2 -m tests.baselines.sgd_step RELEASE FILE BATCH ACCUMULATION
"""

from __future__ import annotations

import sys
from pathlib import Path

from accelerate import PartialState
from safetensors.torch import save_file

from tests.baselines.test_training import one_step, rows_with_gaps


def main() -> None:
    """Take the step on 32 rows with gaps."""
    release, file, batch, accumulation = sys.argv[1:]
    weights = one_step(rows_with_gaps(Path(release), 32), Path(file).parent, int(batch), int(accumulation))
    if PartialState().is_main_process:
        save_file(weights, file)
    PartialState().destroy_process_group()


if __name__ == "__main__":
    main()
