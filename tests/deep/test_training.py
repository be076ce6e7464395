"""Trainings against a loop written out by hand, and resumed after a kill."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

torch = pytest.importorskip("torch", reason="the extra deep is not installed")
from torch import nn  # noqa: E402
from torch.utils.data import TensorDataset  # noqa: E402

from gpupipe.core.errors import StageError, UsageError  # noqa: E402
from gpupipe.deep import Supervised, Training, train  # noqa: E402
from gpupipe.deep.training_file import NAME  # noqa: E402

X = torch.linspace(-1, 1, 90)[:, None]
DATA = TensorDataset(X, torch.sin(3 * X))
CHECK = TensorDataset(X[::4] + 0.01, torch.sin(3 * X[::4]))
MSE = Supervised(nn.functional.mse_loss, metrics={"mae": nn.functional.l1_loss})


def network() -> nn.Module:
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(1, 16), nn.Dropout(0.1), nn.Tanh(), nn.Linear(16, 1))


def weights(module: nn.Module) -> Any:
    return torch.cat([held.detach().flatten() for held in module.parameters()])


def test_a_loop_by_hand_comes_to_the_same() -> None:
    """Full batches, so that the order of examples does not matter: Adam, clipping and a falling rate by torch alone."""
    mine, theirs = network(), network()
    mine[1], theirs[1] = nn.Identity(), nn.Identity()
    options: Any = {"optimizer": "AdamW", "schedule": "exponential", "schedule_options": {"gamma": 0.9}, "clip_norm": 0.05}
    history = train(mine, MSE, DATA, training=Training(12, 90, 0.02, device="cpu", **options))
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.02)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    for _ in range(12):
        loss = nn.functional.mse_loss(theirs(X), torch.sin(3 * X))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 0.05)
        optimizer.step()
        schedule.step()
    torch.testing.assert_close(weights(mine), weights(theirs), rtol=1e-4, atol=1e-6)
    assert history.column("learning_rate") == pytest.approx([0.02 * 0.9**epoch for epoch in range(12)])
    assert history.column("loss")[-1] == pytest.approx(loss.item(), rel=1e-4)


def test_the_best_epoch_is_kept_and_patience_ends_it() -> None:
    module = network()
    history = train(module, MSE, DATA, CHECK, training=Training(200, 16, 0.3, patience=4, device="cpu"))
    assert history.stopped == "patience" and len(history.epochs) == history.best + 4 < 200
    losses = history.column("validation_loss")
    assert losses[history.best - 1] == min(losses)
    with torch.no_grad():
        assert nn.functional.mse_loss(module(CHECK.tensors[0]), CHECK.tensors[1]).item() == pytest.approx(min(losses), rel=1e-6)
    assert {"mae", "validation_loss", "learning_rate", "seconds"} <= set(history.names)
    assert [part["title"] for part in history.parts()][:2] == ["Loss by epoch", "Mae by epoch"]


def test_seeds_and_the_callers_own_chance() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    made = [weights(trained(seed)) for seed in (0, 0, 1)]
    assert torch.equal(made[0], made[1]) and not torch.equal(made[0], made[2])
    torch.manual_seed(3)
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.are_deterministic_algorithms_enabled()


def trained(seed: int, **options: Any) -> nn.Module:
    module = network()
    train(module, MSE, DATA, training=Training(2, 16, 0.02, seed=seed, device="cpu", **options))
    return module


def test_threads_are_what_is_asked_for_while_it_trains() -> None:
    before, seen = torch.get_num_threads(), []

    def objective(module: nn.Module, batch: Any, at: Any) -> Any:
        seen.append(torch.get_num_threads())
        return MSE(module, batch, at)

    train(network(), objective, DATA, training=Training(1, 90, threads=before + 1, device="cpu"))
    assert seen == [before + 1] and torch.get_num_threads() == before
    one, other = (Training(threads=n).identity(network(), 1, "") for n in (1, None))
    assert one == other  # so it may be resumed with others


def test_precision_and_augmentation() -> None:
    plain, low = trained(0), trained(0, precision="bfloat16")
    assert next(low.parameters()).dtype == torch.float32
    assert not torch.equal(weights(plain), weights(low))
    torch.testing.assert_close(weights(plain), weights(low), atol=0.02, rtol=0.1)
    module = network()
    shaken = Supervised(nn.functional.mse_loss, augment=lambda x: x + 0.1 * torch.randn_like(x))
    train(module, shaken, DATA, training=Training(2, 16, 0.02, device="cpu"))
    assert not torch.equal(weights(module), weights(plain))


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "plateau", "schedule_options": {"patience": 0}},
        {"schedule": "one cycle", "optimizer": "SGD", "optimizer_options": {"momentum": 0.9}},
        {"schedule": "cosine", "optimizer": "RMSprop", "precision": "float16", "patience": 50},
    ],
    ids=lambda options: options["schedule"],
)
def test_half_a_training_and_the_rest_are_the_whole(tmp_path: Path, options: dict[str, Any]) -> None:
    """Stopped in the middle by an error of the objective, which is no state of the training."""
    whole, parts = network(), network()
    settings: dict[str, Any] = {"epochs": 6, "batch_size": 16, "learning_rate": 0.02, "device": "cpu", **options}
    expected = train(whole, MSE, DATA, CHECK, training=Training(**settings))

    def failing(module: nn.Module, batch: Any, at: Any) -> Any:
        if at.epoch == 3:
            raise KeyboardInterrupt
        return MSE(module, batch, at)

    with pytest.raises(KeyboardInterrupt):
        train(parts, failing, DATA, CHECK, training=Training(**settings, folder=tmp_path))
    fresh = nn.Sequential(nn.Linear(1, 16), nn.Dropout(0.1), nn.Tanh(), nn.Linear(16, 1))
    told: list[int] = []
    history = train(
        fresh, MSE, DATA, CHECK, training=Training(**settings, folder=tmp_path), progress=lambda number, total, facts: told.append(number)
    )
    assert told == [4, 5, 6]
    assert torch.equal(weights(fresh), weights(whole))
    for name in ("loss", "validation_loss", "learning_rate", "mae"):
        assert history.column(name) == expected.column(name)
    again = network()
    train(again, MSE, DATA, CHECK, training=Training(**settings, folder=tmp_path), progress=lambda *_: told.append(0))
    assert torch.equal(weights(again), weights(whole)) and told == [4, 5, 6]


SCRIPT = """
import sys, time, torch
from torch import nn
from torch.utils.data import TensorDataset
from gpupipe.deep import Supervised, Training, train
def run(folder, seed, pause=0.0):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(1, 8), nn.Dropout(0.2), nn.Tanh(), nn.Linear(8, 1))
    x = torch.linspace(-1, 1, 64)[:, None]
    def objective(network, batch, at):
        time.sleep(pause)
        return Supervised(nn.functional.mse_loss)(network, batch, at)
    history = train(net, objective, TensorDataset(x, x ** 2), TensorDataset(x[::3], x[::3] ** 2),
        training=Training(8, 16, 0.05, schedule="cosine", device="cpu", folder=folder, every=2))
    return b"".join(p.detach().numpy().tobytes() for p in net.parameters()), history.column("loss")
if __name__ == "__main__":
    run(sys.argv[1], 0, 0.1)
"""


def test_a_killed_process_is_resumed_with_equal_results(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)

    run = runpy.run_path(str(script))["run"]
    expected = run(tmp_path / "whole", 0)
    with subprocess.Popen([sys.executable, str(script), str(tmp_path / "killed")]) as running:
        waited = time.monotonic()
        while not (tmp_path / "killed" / NAME).exists() and time.monotonic() - waited < 300:
            time.sleep(0.05)
        time.sleep(0.15)  # into an epoch
        os.kill(running.pid, signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
    assert len(json.loads(safe_open(tmp_path / "killed" / NAME, "pt").metadata()["gpupipe"])["history"]["epochs"]) in (2, 4, 6)
    assert run(tmp_path / "killed", 5) == expected  # from another start, whose place the file takes


TOGETHER = """
import sys, polars as pl, torch, torch.distributed
from torch import nn
from torch.utils.data import TensorDataset
import gpupipe as gp
from gpupipe.deep import Supervised, Training, train
def run(rank, place, folder):
    torch.distributed.init_process_group("gloo", init_method="file://" + place, rank=rank, world_size=2)
    try:
        return trained(folder)
    finally:
        torch.distributed.destroy_process_group()
def from_a_pipeline():
    cells = pl.DataFrame({"s": [s for s in range(30) for _ in "ab"], "x": ["a", "b"] * 30, "v": [(7 * s) % 5 / 5 for s in range(60)]})
    known = pl.DataFrame({"s": range(30), "kind": [str(s % 3) for s in range(30)]})
    training = Training(3, 13, 0.1, device="cpu")  # of 27 examples: a batch of 7 and 6, and one of 1 and none
    learn = gp.LearnDeep(nn.Linear, {"in_features": 2, "out_features": 3}, samples="s", target="kind", training=training)
    fitted = learn.fit(gp.ToTensor(["s", "x"], "v")(gp.FromFrame(cells).node()), gp.FromFrame(known).node())
    weights = gp.Pipeline("x", fitted=fitted).run("cpu")["fitted"].weights
    return torch.cat([torch.as_tensor(w).flatten() for w in weights])
def trained(folder):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    x = torch.linspace(-1, 1, 64)[:, None]
    history = train(net, Supervised(nn.functional.mse_loss), TensorDataset(x, x ** 2), TensorDataset(x[::3], x[::3] ** 2),
        training=Training(4, 16, 0.02, device="cpu", folder=folder))
    return torch.cat([*(p.detach().flatten() for p in net.parameters()), from_a_pipeline()]), history.column("validation_loss")
if __name__ == "__main__":
    run(1, sys.argv[1], None)
"""


def test_two_processes_come_to_what_one_does(tmp_path: Path) -> None:
    """Each has half of every batch, also where a pipeline trains; the mean of their gradients is that of the batch. On CPUs alone."""
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    made = runpy.run_path(str(script))
    with subprocess.Popen([sys.executable, str(script), str(tmp_path / "place")]) as other:
        together, losses = made["run"](0, str(tmp_path / "place"), str(tmp_path / "kept"))
        assert other.wait() == 0
    alone, expected = made["trained"](None)
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)
    assert losses == pytest.approx(expected, rel=1e-5)
    assert (tmp_path / "kept" / NAME).exists()


class Fresh:
    """Examples that are others in each epoch."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def __len__(self) -> int:
        return 20

    def of_epoch(self, number: int) -> TensorDataset:
        self.asked.append(number)
        generator = torch.Generator().manual_seed(number)
        x = torch.rand(20, 1, generator=generator)
        return TensorDataset(x, x)


def test_examples_of_an_epoch() -> None:
    examples: Any = Fresh()
    train(nn.Linear(1, 1), MSE, examples, training=Training(3, device="cpu"))
    assert examples.asked == [0, 1, 2]


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="epochs must be a whole number from 1 on, got 0"):
        Training(0)
    with pytest.raises(UsageError, match="Did you mean 'Adam'"):
        Training(optimizer="adam")
    with pytest.raises(UsageError, match="no option 'clip'"):
        Training(clip=1.0)  # type: ignore[call-arg]
    for options, said in (({"seed": 1.5}, "seed must be a whole number"), ({"threads": 0}, "threads must be a whole number from 1")):
        with pytest.raises(UsageError, match=said):
            Training(**options)  # type: ignore[arg-type]
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="device is 'cuda', and torch .* cannot use it here"):
            train(network(), MSE, DATA, training=Training(1, device="cuda"))
    with pytest.raises(UsageError, match="'nowhere'"):
        train(network(), MSE, DATA, training=Training(1, device="nowhere"))
    with pytest.raises(UsageError, match="do not suit Adam"):
        train(network(), MSE, DATA, training=Training(1, optimizer_options={"momentum": 1.0}, device="cpu"))
    with pytest.raises(UsageError, match="patience"):
        train(network(), MSE, DATA, training=Training(1, patience=2))
    with pytest.raises(UsageError, match="none to learn from"):
        train(network(), MSE, TensorDataset(X[:0]))
    with pytest.raises(UsageError, match="without"):
        train(nn.Identity(), MSE, DATA)
    with pytest.raises(StageError, match="loss of epoch 1 is (nan|inf)"):
        train(network(), MSE, TensorDataset(X, X / 0), training=Training(1, device="cpu"))
    batches: Any = torch.utils.data.DataLoader(DATA)
    for what, said in ((batches, "a DataLoader. Give the data set"), ([1, 2], "got a list"), (X, "got a Tensor")):
        with pytest.raises(UsageError, match=said):
            train(network(), MSE, what)
    with pytest.raises(UsageError, match="a torch.nn.Module that is made, got <class"):
        train(nn.Linear, MSE, DATA)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"one number.*got a tensor of shape \(32, 1\)"):
        train(network(), Supervised(lambda output, target: output - target), DATA, training=Training(1, device="cpu"))
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be made: File exists"):
        train(network(), MSE, DATA, training=Training(1, folder=tmp_path / "file", device="cpu"))
    train(network(), MSE, DATA, training=Training(2, folder=tmp_path, device="cpu"))
    with pytest.raises(UsageError, match=r"begun with weights \[\.\., \['0.weight', \[16, 1\]"):
        train(nn.Linear(1, 1), MSE, DATA, training=Training(2, folder=tmp_path, device="cpu"))
    with pytest.raises(UsageError, match="begun with learning_rate 0.001, not 0.1"):
        train(network(), MSE, DATA, training=Training(2, 32, 0.1, folder=tmp_path, device="cpu"))
    with pytest.raises(UsageError, match="has 2 epochs, and 1 are asked for"):
        train(network(), MSE, DATA, training=Training(1, folder=tmp_path, device="cpu"))
    assert len(train(network(), MSE, DATA, training=Training(3, folder=tmp_path, device="cpu")).epochs) == 3


def test_the_address_is_of_plain_values() -> None:
    made = Training(3, optimizer_options={"betas": [0.8, 0.9]})
    assert made == Training(3, optimizer_options={"betas": (0.8, 0.9)}) and hash(made)
    assert json.loads(made.identity(nn.Linear(1, 1), 3, "x"))["optimizer_options"] == [["betas", [0.8, 0.9]]]
