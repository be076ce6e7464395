"""Tensor-train cells beside the outer product, and TT-LSTM beside LSTMs on chaotic series; one process, one thread.

    python -m bench.deep --out bench/results/NAME.json [--seeds 3] [--only cell,chaos,epoch] [--most 3]        what is in NAME.json stays

``cell``: forward and backward of the train alone, as it is done here and with the outer product of the states written out, as the
authors' code has it; a ratio is that of processor seconds within a round, in turns. ``chaos``: networks that learn the same examples in as
many steps, and are tuned alike: each kind is tried with three learning rates, and the one is taken whose loss on examples for validation is
least in the mean of the first two seeds. The LSTM has the smallest hidden size with at least as many parameters as the TT-LSTM. None of it
sees the examples of the test. ``epoch``: an epoch of a small network beside a plain loop.
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
PAST, CHECKED, TUNING = 5, 500, 2  # steps that are seen, examples for validation and for the test, seeds that choose a setting
SYSTEMS: dict[str, tuple[Callable[[int], Tensor], int, int]] = {  # series, horizon, how many are learnt from
    "Lorenz, 0.05 a step": (lambda n: Lorenz(n, PAST + 40)[:], 40, 4000),
    "Genz' oscillatory, c = 2": (lambda n: GenzMap(n, 100 + PAST + 20, family="oscillatory", c=2.0)[:][:, 100:], 20, 4000),
}
TT = {"hidden_size": 16, "lags": 2, "order": 2, "rank": 8}
RATES = (1e-2, 5e-3, 2e-3)  # learning rates of both


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
    """TT-LSTM, and the LSTM of as many parameters; each run is kept as it ends, and is not done again."""
    for system, (made, horizon, learnt) in SYSTEMS.items():
        series = made(learnt + 2 * CHECKED)
        low, high = (edge(series[:learnt], (0, 1)) for edge in (torch.amin, torch.amax))
        scaled = ((series - low) / (high - low)).float()
        climate = float((scaled[-CHECKED:] - scaled[:learnt].mean((0, 1))).square().mean().sqrt())
        record = found.setdefault(system, {"horizon": horizon, "rmse_of_the_mean": climate, "networks": {}, "chosen": {}})

        def done(kind: str, settings: dict[str, Any], n: int, scaled: Tensor = scaled, networks: Any = record["networks"]) -> float:
            """Have `n` seeds of a network done; the mean validation loss of those that choose."""
            name = f"{kind}, {', '.join(f'{key} {value:g}' for key, value in settings.items())}"
            runs = networks.setdefault(name, {"kind": kind, "settings": settings, "runs": []})["runs"]
            for seed in range(len(runs), n):
                runs.append(run(scaled, kind, settings, seed))
                keep()
            return statistics.mean(one["validation_loss"] for one in runs[:TUNING])

        for name, tried in settings_of(scaled.shape[2]).items():
            chosen = min(tried, key=lambda one: done(*one, min(TUNING, seeds)))
            done(*chosen, seeds)
            record["chosen"][name] = summary(record["networks"], *chosen, seeds)


def settings_of(columns: int) -> dict[str, list[tuple[str, dict[str, Any]]]]:
    """The settings that each kind is tried in."""
    size = matched(columns, n_parameters(SequenceNetwork("tt-lstm", columns, **TT)))
    return {
        "TT-LSTM": [("tt-lstm", {**TT, "learning_rate": rate}) for rate in RATES],
        "LSTM of equal parameters": [("lstm", {"hidden_size": size, "learning_rate": rate}) for rate in RATES],
    }


def summary(networks: dict[str, Any], kind: str, settings: dict[str, Any], seeds: int) -> dict[str, Any]:
    """The errors of a network's first seeds at the horizon."""
    (runs,) = (held["runs"] for held in networks.values() if (held["kind"], held["settings"]) == (kind, settings))
    last = [one["rmse"][-1] for one in runs[:seeds]]
    return {
        "settings": settings, "parameters": runs[0]["parameters"], "rmse_at_the_horizon": last, "mean": statistics.mean(last),
        "sd": statistics.stdev(last) if len(last) > 1 else None,
    }  # fmt: skip


def run(scaled: Tensor, kind: str, settings: dict[str, Any], seed: int) -> dict[str, Any]:
    """One network's errors by step on examples that it has not seen."""
    horizon, learnt = scaled.shape[1] - PAST, len(scaled) - 2 * CHECKED
    known = torch.ones(1, dtype=torch.bool).expand(len(scaled), horizon, scaled.shape[2])

    def part(begin: int, end: int) -> TensorDataset:
        return TensorDataset(scaled[begin:end, :PAST], scaled[begin:end, PAST:], known[begin:end])

    torch.manual_seed(seed)
    network = SequenceNetwork(kind, scaled.shape[2], **{name: value for name, value in settings.items() if name != "learning_rate"})
    training = Training(24, 50, settings["learning_rate"], clip_norm=1.0, schedule="cosine", seed=seed, device="cpu")
    started = time.process_time()
    history = train(network, SequenceObjective(horizon, curriculum=3), part(0, learnt), part(learnt, learnt + CHECKED), training=training)
    with torch.no_grad():
        errors = network(scaled[-CHECKED:, :PAST], horizon) - scaled[-CHECKED:, PAST:]
    made = {
        "seed": seed, "parameters": n_parameters(network), "processor_seconds": time.process_time() - started,
        "validation_loss": min(history.column("validation_loss")), "rmse": errors.square().mean((0, 2)).sqrt().tolist(),
    }  # fmt: skip
    print(kind, settings, {name: value for name, value in made.items() if name != "rmse"}, made["rmse"][-1], file=sys.stderr, flush=True)
    return made


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
    parser.add_argument("--most", type=int, default=1000, help="networks of chaos at most; called again, it goes on")
    given = parser.parse_args()
    record: dict[str, Any] = json.loads(given.out.read_text()) if given.out.exists() else {}
    record |= {"benchmark": "deep", "complete": False, "machine": describe(), "threads": 1}

    def keep() -> None:
        given.out.write_text(json.dumps(record, indent=1) + "\n")

    def keep_one() -> None:
        keep()
        given.most -= 1
        if not given.most:
            sys.exit(0)

    for name in given.only.split(","):
        if name == "chaos":
            chaos(given.seeds, record.setdefault("chaos", {}), keep_one)
        else:
            record[name] = {"cell": cells, "epoch": epoch}[name]()
        keep()
    record["complete"] = True
    keep()


if __name__ == "__main__":
    main()
