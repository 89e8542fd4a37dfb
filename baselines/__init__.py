"""Baselines of the benchmark: models of daily fluxes for `transformers`, their trainer, and their predictions."""

import os

# OpenMP reads this when `torch` is first imported. A small recurrent layer has little to share out: a second thread
# gains a fifth on an idle machine, and costs far more on a busy one, where threads wait for each other at every layer
# and day. Set OMP_NUM_THREADS to have more.
os.environ.setdefault("OMP_NUM_THREADS", "1")
