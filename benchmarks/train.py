"""How fast models train, beside plain `torch.nn.LSTM`: ``python -m benchmarks.train``.

Forward, backward and Adam's step on (64, 365, 11) -> 20 fluxes with gaps, in training mode with each model's default
sizes. The unit is an `nn.LSTM` of three layers of 50 units with a linear head, without dropout, scalers or mask. All
take turns in every round, and the medians of their ratios to the unit of the same round are compared with the bars;
EA-LSTM is also compared with a loop over the days of the same equations, each as it stands; a loop whose gates share
one product is shown too. On a CPU the time is that of the process, so
that other programs weigh little; on a GPU it is what passes until the device is done, and peak memory is shown.

The last line has the smallest ratio of what was measured to its bar.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as agroflux-train has it

import torch
from torch import Tensor, nn

from agroflux_data.variables import CORE_INPUTS, OUTPUTS, STATICS, VARIABLES
from baselines.allocator import keep_large_blocks
from baselines.models import MODELS, FluxModel
from baselines.models.ea_lstm import EaLstmModel
from benchmarks.report import report

BATCH, DAYS, TARGETS = 64, 365, OUTPUTS[:20]
BARS = {"ea-lstm": 2.5, "itransformer": 3.0, "tcn": 0.45, "pyraformer": 0.09, "transformer": 0.08}
LOOP, LOOP_BAR = "ea-lstm, by equation", 3.0
ROUNDS = 5
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Plain(nn.Module):
    """The unit: what anybody would write first."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(len(CORE_INPUTS), 50, 3, batch_first=True)
        self.head = nn.Linear(50, len(TARGETS))

    def loss(self, inputs: Tensor, labels: Tensor) -> Tensor:
        return (self.head(self.lstm(inputs)[0]) - labels).nan_to_num().square().mean()


class ByTheDay(EaLstmModel):
    """The EA-LSTM day after day, its gates in one product, as a loop is usually written."""

    def encode(self, inputs: Tensor, padding: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        gate = self.input_gate(inputs[:, 0, self.static_columns]).sigmoid()
        dynamic = inputs[..., self.dynamic_columns]
        state = cell = torch.zeros_like(gate)
        states = []
        for day in range(inputs.shape[1]):
            forget, new, out = self.gates(dynamic[:, day], state)
            cell = forget.sigmoid() * cell + gate * new.tanh()
            state = out.sigmoid() * cell.tanh()
            states.append(state)
        return self.dropout(torch.stack(states, dim=1)), ()

    def gates(self, dynamic: Tensor, state: Tensor) -> Sequence[Tensor]:
        return (self.from_inputs(dynamic) + self.from_state(state)).chunk(3, dim=-1)


class ByTheEquation(ByTheDay):
    """The same, each of the equations as it stands in the paper."""

    def gates(self, dynamic: Tensor, state: Tensor) -> Sequence[Tensor]:
        size = self.config.hidden_size
        parts = (self.from_inputs.weight, self.from_inputs.bias, self.from_state.weight)
        return [
            dynamic @ into.T + state @ recurrent.T + bias
            for into, bias, recurrent in zip(*(part.split(size) for part in parts), strict=True)
        ]


def made(kind: type[FluxModel]) -> FluxModel:
    """An untrained model of default size; scalers do not matter here."""
    columns = {"input": CORE_INPUTS, "target": TARGETS}
    fields: dict[str, Any] = {f"{column}s": list(names) for column, names in columns.items()}
    for column, names in columns.items():
        fields[f"{column}_units"] = [VARIABLES[name].unit for name in names]
        fields |= {f"{column}_means": [0.0] * len(names), f"{column}_sds": [1.0] * len(names)}
    return kind(kind.config_class(**fields))


def data() -> tuple[Tensor, Tensor]:
    """Inputs and labels in the layout in which batches come: each series contiguous."""
    torch.manual_seed(0)
    inputs = torch.randn(BATCH, len(CORE_INPUTS), DAYS)
    for number, name in enumerate(CORE_INPUTS):
        if name in STATICS:
            inputs[:, number] = inputs[:, number, :1]
    labels = torch.randn(BATCH, len(TARGETS), DAYS)
    labels[torch.rand(labels.shape) < 0.2] = torch.nan
    return inputs.transpose(1, 2).to(DEVICE), labels.transpose(1, 2).to(DEVICE)


def clock() -> float:
    """Seconds of this process; on a GPU seconds, once it is done."""
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


class Trained:
    """A model, its optimizer, and what its steps took: seconds forward, backward, step, and bytes at most."""

    def __init__(self, model: nn.Module, loss: Callable[[Tensor, Tensor], Tensor]):
        self.model, self.loss = model.to(DEVICE).train(), loss
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        self.seconds: list[tuple[float, float, float]] = []
        self.memory = 0

    def step(self, inputs: Tensor, labels: Tensor) -> None:
        if DEVICE.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        start = clock()
        loss = self.loss(inputs, labels)
        forward = clock()
        loss.backward()
        backward = clock()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.seconds.append((forward - start, backward - forward, clock() - backward))
        if DEVICE.type == "cuda":
            self.memory = torch.cuda.max_memory_allocated()

    def whole(self, turn: int) -> float:
        return sum(self.seconds[turn])

    def rates(self) -> list[float]:
        """Samples a second: forward, backward, step, and all three."""
        parts = [median(part) for part in zip(*self.seconds, strict=True)]
        return [BATCH / part for part in (*parts, median(map(sum, self.seconds)))]


def contenders() -> dict[str, Trained]:
    """The unit first, then every model, and the loop."""
    plain = Plain()
    found = {"nn.LSTM, 3 x 50": Trained(plain, plain.loss)}
    for name, kind in {**MODELS, LOOP: ByTheEquation, "ea-lstm, gates in one": ByTheDay}.items():
        model = made(kind)

        def loss(inputs: Tensor, labels: Tensor, model: FluxModel = model) -> Tensor:
            return model(inputs, labels).loss

        found[name] = Trained(model, loss)
    return found


def main() -> None:
    """Measure, and say whether it holds."""
    keep_large_blocks()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    inputs, labels = data()
    trained = contenders()
    for one in trained.values():
        one.step(inputs, labels)  # memory and kernels are there then
        one.seconds.clear()
    for _ in range(ROUNDS):
        for one in trained.values():
            one.step(inputs, labels)
    unit, *_ = trained.values()

    def ratio(name: str, other: Trained = unit) -> float:
        return median(other.whole(turn) / trained[name].whole(turn) for turn in range(ROUNDS))

    loop = ratio("ea-lstm", trained[LOOP])
    rows = [
        (
            name, *(f"{rate:,.0f}" for rate in one.rates()), f"{ratio(name):.3f}", BARS.get(name, ""),
            *([f"{one.memory / 2**20:,.0f}"] if DEVICE.type == "cuda" else []),
        )
        for name, one in trained.items()
    ]  # fmt: skip
    shares = [ratio(name) / bar for name, bar in BARS.items()] + [loop / LOOP_BAR]
    memory = ["peak MiB"] if DEVICE.type == "cuda" else []
    report(
        "train",
        min(shares),
        1.0,
        at_most=False,
        header=[f"samples/s on {DEVICE.type}", "forward", "backward", "step", "all", "of nn.LSTM", "bar", *memory],
        rows=[
            *rows,
            ("ea-lstm over its loop", "", "", "", "", f"{loop:.3f}", LOOP_BAR, *[""] * len(memory)),
        ],
    )


if __name__ == "__main__":
    main()
