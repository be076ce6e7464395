"""Tensor-train cells beside the outer product, and TT-LSTM beside LSTMs on chaotic series; one process, one thread.

    python -m bench.deep --out bench/results/NAME.json [--seeds 3] [--only cell,chaos,epoch]        what is in NAME.json stays

``cell``: forward and backward of the train alone, as it is done here and with the outer product of the states written out, as the
authors' code has it; a ratio is that of processor seconds within a round, in turns. ``chaos``: networks that learn the same examples in
as many steps, with the same settings; the LSTM of equal parameters has the smallest hidden size with at least as many; the horizon is one
where the error of the best network is below half of that of the mean. ``epoch``: an epoch of a small network beside a plain loop.
"""

# ruff: noqa: E402  (threads are told before torch is imported)

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import json
import statistics
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from bench.machine import describe
from gpupipe.deep import Supervised, Training, train
from gpupipe.deep.data.dynamics import GenzMap, Lorenz
from gpupipe.deep.network import n_parameters
from gpupipe.deep.sequence_network import SequenceNetwork, SequenceObjective
from gpupipe.deep.tt_cell import TTLSTMCell, contract_train

torch.set_num_threads(1)
BATCH, ROUNDS = 50, 15
CELLS = ((16, 2, 2, 2), (16, 3, 3, 4))  # hidden, lags, order, rank
PAST, LEARNT, CHECKED = 5, 4000, 500
SYSTEMS: dict[str, tuple[Callable[[int], Tensor], int]] = {
    "Lorenz, 0.05 a step": (lambda n: Lorenz(n, PAST + 40)[:], 40),
    "Genz' continuous, c = 2": (lambda n: GenzMap(n, 100 + PAST + 20, family="continuous", c=2.0)[:][:, 100:], 20),
}
TT = {"hidden_size": 16, "lags": 2, "order": 2, "rank": 8}


def outer_product(cores: list[Tensor], states: Tensor) -> Tensor:
    """The train's contraction with all d ** order products of states, one core after the other."""
    product = states
    for _ in cores[1:]:
        product = (product[:, :, None] * states[:, None, :]).flatten(1)
    made, n = product, len(states)
    for core in cores:
        made = core.flatten(0, 1).T @ made.reshape(n, core.shape[0] * core.shape[1], -1)
    return made[:, :, 0]


def timed(work: Callable[[], Tensor], cores: list[Tensor]) -> float:
    """Processor seconds of forward and backward."""
    started = time.process_time()
    work().square().mean().backward()
    seconds = time.process_time() - started
    for core in cores:
        core.grad = None
    return seconds


def cells() -> list[dict[str, Any]]:
    """The train, both ways."""
    found = []
    for hidden, lags, order, rank in CELLS:
        torch.manual_seed(0)
        cores = list(TTLSTMCell(15, hidden, lags, order, rank).cores)
        states = torch.rand(BATCH, hidden * lags + 1) / 3
        ways = {"ours": lambda c=cores, s=states: contract_train(c, s), "outer": lambda c=cores, s=states: outer_product(c, s)}
        apart = float((ways["ours"]() - ways["outer"]()).detach().abs().max())
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, work in ways.items():
                seconds[name].append(timed(work, cores))
        ratios = [outer / ours for ours, outer in zip(seconds["ours"], seconds["outer"], strict=True)]
        found.append(
            {
                "hidden": hidden, "lags": lags, "order": order, "rank": rank, "largest_difference": apart,
                "seconds": {name: statistics.median(values) for name, values in seconds.items()},
                "ratio": statistics.median(ratios), "ratio_least": min(ratios), "ratio_most": max(ratios),
            }
        )  # fmt: skip
        print(found[-1], file=sys.stderr)
    return found


def matched(columns: int, n: int) -> int:
    """The smallest hidden size of an LSTM with at least so many parameters."""
    return next(size for size in range(8, 512) if n_parameters(SequenceNetwork("lstm", columns, size)) >= n)


def chaos(seeds: int, found: dict[str, Any], keep: Callable[[], None]) -> None:
    """TT-LSTM, the LSTM of as many parameters, and the LSTM of the same hidden size; each run is kept as it ends, and is not done again."""
    for system, (made, horizon) in SYSTEMS.items():
        series = made(LEARNT + 2 * CHECKED)
        low, high = (edge(series[:LEARNT], (0, 1)) for edge in (torch.amin, torch.amax))
        scaled = ((series - low) / (high - low)).float()
        columns = scaled.shape[2]
        n = n_parameters(SequenceNetwork("tt-lstm", columns, **TT))
        kinds: dict[str, tuple[str, dict[str, Any]]] = {
            "LSTM of equal parameters": ("lstm", {"hidden_size": matched(columns, n)}),
            "TT-LSTM": ("tt-lstm", TT),
            "LSTM of equal size": ("lstm", {"hidden_size": TT["hidden_size"]}),
        }
        climate = float((scaled[-CHECKED:] - scaled[:LEARNT].mean((0, 1))).square().mean().sqrt())
        record = found.setdefault(system, {"horizon": horizon, "rmse_of_the_mean": climate, "networks": {}})
        for name, (cell, options) in kinds.items():
            for seed in range(seeds):
                runs = record["networks"].setdefault(name, {"options": options, "runs": []})["runs"]
                if len(runs) <= seed:
                    runs.append(run(scaled, cell, options, horizon, seed))
                    keep()
        for held in record["networks"].values():
            last = [one["rmse"][-1] for one in held["runs"]]
            held |= {"mean_at_the_horizon": statistics.mean(last), "sd_at_the_horizon": statistics.stdev(last) if seeds > 1 else None}
        keep()


def run(scaled: Tensor, cell: str, options: dict[str, Any], horizon: int, seed: int) -> dict[str, Any]:
    """One network's errors by step on examples that it has not seen."""
    known = torch.ones(1, dtype=torch.bool).expand(len(scaled), horizon, scaled.shape[2])

    def part(begin: int, end: int) -> TensorDataset:
        return TensorDataset(scaled[begin:end, :PAST], scaled[begin:end, PAST:], known[begin:end])

    torch.manual_seed(seed)
    network = SequenceNetwork(cell, scaled.shape[2], **options)
    training = Training(24, 50, 5e-3, clip_norm=1.0, schedule="cosine", seed=seed, device="cpu")
    goal = SequenceObjective(horizon, curriculum=3)
    history = train(network, goal, part(0, LEARNT), part(LEARNT, LEARNT + CHECKED), training=training)
    with torch.no_grad():
        errors = network(scaled[-CHECKED:, :PAST], horizon) - scaled[-CHECKED:, PAST:]
    return {
        "seed": seed, "parameters": n_parameters(network), "seconds": history.seconds,
        "rmse": errors.square().mean((0, 2)).sqrt().tolist(),
    }  # fmt: skip


def epoch() -> dict[str, Any]:
    """Processor seconds of an epoch of a small network, beside the same steps in a plain loop."""
    x = torch.randn(8192, 20)
    y = x[:, :1].square()

    def network() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 1))

    def plain() -> float:
        module = network()
        optimizer = torch.optim.Adam(module.parameters())
        started = time.process_time()
        for numbers in torch.randperm(len(x)).split(32):
            loss = nn.functional.mse_loss(module(x[numbers]), y[numbers])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return time.process_time() - started

    def ours() -> float:
        module = network()
        started = time.process_time()
        train(module, Supervised(nn.functional.mse_loss), TensorDataset(x, y), training=Training(1, 32, device="cpu"))
        return time.process_time() - started

    least = {name: min(work() for _ in range(7)) for name, work in (("plain", plain), ("ours", ours))}
    return {**least, "ratio": least["ours"] / least["plain"]}


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="cell,epoch,chaos")
    given = parser.parse_args()
    record: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {}
    record |= {"machine": describe(), "threads": 1}

    def keep() -> None:
        given.out.write_text(json.dumps(record, indent=1) + "\n")

    for name in given.only.split(","):
        if name == "chaos":
            chaos(given.seeds, record.setdefault("chaos", {}), keep)
        else:
            record[name] = {"cell": cells, "epoch": epoch}[name]()
        keep()


if __name__ == "__main__":
    main()
