"""The models here are tiny, and threads that wait for each other would cost more than they give."""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # for the commands that tests start

import torch
import transformers

torch.set_num_threads(1)
transformers.logging.disable_progress_bar()
