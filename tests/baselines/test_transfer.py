"""Transfer: what a planned one keeps, what each method leaves, and that no row of a test is ever read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from agroflux_data.errors import AgrofluxError
from agroflux_data.release import Release
from baselines.run import Run
from baselines.transfer import Transfer


def test_a_run_keeps_its_transfer(toy_release: Path) -> None:
    run = Run.plan(Release(toy_release), "towers_temporal", "lstm")
    assert run.transfer is None
    moved = replace(run, transfer=Transfer("finetune", "runs/source", layers=("head", "lstm.*_l2")))
    for one in (run, moved):
        assert Run.from_json(json.loads(json.dumps(one.to_json()))) == one
    old = run.to_json()
    del old["transfer"]  # as runs had it before there were any
    assert Run.from_json(old) == run


@pytest.mark.parametrize(
    ("choice", "said"),
    [({"method": "magic"}, "none, finetune, adversarial"), ({"layers": ()}, "nothing moves"),
     ({"warm_up": 1.0}, "warm"),
     ({"domain_weight": -1.0}, "domain_weight"), ({"encoder_learning_rate": float("nan")}, "encoder_learning_rate")],
)  # fmt: skip
def test_impossible_choices_are_refused(choice: dict[str, object], said: str) -> None:
    with pytest.raises(AgrofluxError, match=said):
        Transfer(**{"method": "finetune", "source": "runs/source"} | choice)  # type: ignore[arg-type]
