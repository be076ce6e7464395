"""The loop of a training, and what of it is kept so that it can be resumed."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gpupipe.core.errors import StageError, UsageError
from gpupipe.core.progress import Progress
from gpupipe.deep._world import World
from gpupipe.deep.history import History
from gpupipe.deep.training_file import put_together, read_training, taken_apart, write_training
from gpupipe.deep.training_objective import Examples, Moment, Objective
from gpupipe.deep.training_settings import PRECISIONS, SCHEDULES, Training


class Loop:
    """One training of a network."""

    def __init__(
        self, network: nn.Module, objective: Objective, settings: Training, what: str, state: Mapping[str, torch.Tensor] | None = None
    ) -> None:
        self.objective, self.settings, self.what, self.state = objective, settings, what, state or {}
        self.device = settings.on_device()
        self.network = network.to(self.device)
        self.world = World.now()
        self.history = History()
        self.best: dict[str, torch.Tensor] = {}
        self.step = 0
        self.dtype = PRECISIONS[settings.precision]

    def run(self, examples: Examples, validation: Examples | None, progress: Progress | None) -> History:
        """Train to the end, and give the network its best weights."""
        same = _same_bits(self.device, wanted=self.settings.deterministic)
        with _chance_of_its_own(self.device), same, _threads(self.settings.threads):
            self._prepare(len(examples))
            identity = self.settings.identity(self.network, len(examples), self.what)
            self._resume(identity)
            while not self._done():
                self._epoch(examples, validation)
                if progress is not None:
                    row = self.history.epochs[-1]
                    progress(row["epoch"], self.settings.epochs, {name: row[name] for name in row if name not in ("epoch", "seconds")})
                self._keep(identity)
        if self.best:
            self.network.load_state_dict(self.best)
        self.network.eval()
        return self.history

    def _done(self) -> bool:
        """Whether there is no epoch left."""
        return self.history.stopped == "patience" or len(self.history.epochs) >= self.settings.epochs

    def _prepare(self, n_examples: int) -> None:
        """Make the optimiser, the schedule and the scale of losses."""
        settings = self.settings
        self.model = self.world.parallel(self.network, self.device)
        parameters = [held for held in self.network.parameters() if held.requires_grad]
        if not parameters:
            raise UsageError("train expects a network with weights to learn, got one without.")
        options, schedule = dict(settings.optimizer_options), dict(settings.schedule_options)
        n_steps = math.ceil(n_examples / settings.batch_size)
        defaults: dict[str, dict[str, Any]] = {
            "cosine": {"T_max": settings.epochs},
            "one cycle": {"max_lr": settings.learning_rate, "total_steps": settings.epochs * n_steps},
        }
        try:
            self.optimizer = getattr(torch.optim, settings.optimizer)(parameters, lr=settings.learning_rate, **options)
            self.schedule: Any = None
            if settings.schedule is not None:
                kind = getattr(torch.optim.lr_scheduler, SCHEDULES[settings.schedule])
                self.schedule = kind(self.optimizer, **{**defaults.get(settings.schedule, {}), **schedule})
        except (TypeError, ValueError) as error:
            msg = f"Training's options do not suit {settings.optimizer} or the schedule {settings.schedule!r}: {error}."
            raise UsageError(msg) from error
        if self.state:
            groups = self.optimizer.state_dict()["param_groups"]
            self.optimizer.load_state_dict(put_together(self.state, {"state": {}, "param_groups": groups}))
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "float16")

    def _epoch(self, examples: Examples, validation: Examples | None) -> None:
        """Go through all examples once, and through those for validation."""
        number, started = len(self.history.epochs), time.perf_counter()
        rate = float(self.optimizer.param_groups[0]["lr"])
        torch.manual_seed(_seed_of(self.settings.seed, number, self.world.rank))
        chosen = examples.of_epoch(number) if hasattr(examples, "of_epoch") else examples
        row: dict[str, Any] = {"epoch": number + 1, "loss": self._learn(chosen, number)["loss"]}
        if validation is not None:
            row |= {"validation_loss" if name == "loss" else name: value for name, value in self._validate(validation, number).items()}
        row |= {"learning_rate": rate, "seconds": time.perf_counter() - started}
        for name in ("loss", "validation_loss"):
            if not math.isfinite(row.get(name, 0.0)):
                msg = (
                    f"The {name.replace('_', ' ')} of epoch {number + 1} is {row[name]}. Take a lower learning rate, clip gradients "
                    "(clip_norm=1.0), or look for numbers in the data that are not finite."
                )
                raise StageError(msg)
        self._conclude(row, by_validation=validation is not None)

    def _conclude(self, row: dict[str, Any], *, by_validation: bool) -> None:
        """Enter an epoch; keep its weights where it is the best one, and change the learning rate."""
        history, settings = self.history, self.settings
        best = history.epochs[history.best - 1]["validation_loss"] if by_validation and history.epochs else math.inf
        history.epochs.append(row)
        if not by_validation:
            history.best = row["epoch"]
        elif row["validation_loss"] < best:
            history.best = row["epoch"]
            self.best = {name: held.detach().clone() for name, held in self.network.state_dict().items()}
        if settings.schedule == "plateau":
            self.schedule.step(row["validation_loss"] if by_validation else row["loss"])
        elif self.schedule is not None and settings.schedule != "one cycle":
            self.schedule.step()
        if settings.patience is not None and row["epoch"] - history.best >= settings.patience:
            history.stopped = "patience"
        elif row["epoch"] >= settings.epochs:
            history.stopped = "epochs"

    def _learn(self, examples: Examples, epoch: int) -> dict[str, float]:
        """Return the mean loss of an epoch's steps."""
        self.model.train()
        generator = torch.Generator().manual_seed(_seed_of(self.settings.seed, epoch))
        order = torch.randperm(len(examples), generator=generator)
        sums = _Sums(self.device)
        for numbers in order.split(self.settings.batch_size):
            mine = self.world.share(numbers)
            given = mine if len(mine) else numbers[:1]  # counts for nothing: all processes must do each step
            moment = Moment(epoch, self.settings.epochs, self.step, True, self.history)
            with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
                loss, _ = _loss_of(self.objective(self.model, self._brought(examples[given]), moment))
            self.optimizer.zero_grad(set_to_none=True)
            part = len(mine) * self.world.size / len(numbers)  # the mean of all gradients is then that of the batch
            self.scaler.scale(loss if part == 1 else loss * part).backward()
            if self.settings.clip_norm is not None:
                self.scaler.unscale_(self.optimizer)
                nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
            self.scaler.step(self.optimizer)
            self.scaler.update()
            if self.settings.schedule == "one cycle":
                self.schedule.step()
            self.step += 1
            sums.add(len(mine), {"loss": loss})
        return sums.means(self.world)

    @torch.no_grad()
    def _validate(self, examples: Examples, epoch: int) -> dict[str, float]:
        """Return the mean loss, and the means of the metrics."""
        self.network.eval()
        sums = _Sums(self.device)
        for numbers in torch.arange(len(examples)).split(self.settings.batch_size):
            mine = self.world.share(numbers)
            if not len(mine):
                continue
            moment = Moment(epoch, self.settings.epochs, self.step, False, self.history)
            with torch.autocast(self.device.type, self.dtype, enabled=self.dtype is not None):
                loss, metrics = _loss_of(self.objective(self.network, self._brought(examples[mine]), moment))
            sums.add(len(mine), {"loss": loss, **metrics})
        return sums.means(self.world)

    def _brought(self, batch: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return a batch on the device."""
        return tuple(held.to(self.device, non_blocking=True) if isinstance(held, torch.Tensor) else held for held in batch)

    def _keep(self, identity: str) -> None:
        """Write the file of the training, where it is time to."""
        settings, done = self.settings, len(self.history.epochs)
        if settings.folder is None or self.world.rank or (done % settings.every and not self._done()):
            return
        tensors, optimizer = taken_apart(self.optimizer.state_dict())
        plain = {"optimizer": optimizer, "step": self.step, "history": vars(self.history), "scaler": self.scaler.state_dict()}
        plain["schedule"] = None if self.schedule is None else _plain(self.schedule.state_dict())
        groups = {"network": self.network.state_dict(), "best": self.best, "optimizer": tensors}
        write_training(Path(settings.folder), identity, groups, plain)

    def _resume(self, identity: str) -> None:
        """Take up a training where its file ends."""
        found = None if self.settings.folder is None else read_training(Path(self.settings.folder), identity)
        if found is None:
            return
        groups, plain = found
        if len(plain["history"]["epochs"]) > self.settings.epochs:
            msg = (
                f"The training in {self.settings.folder} has {len(plain['history']['epochs'])} epochs, and {self.settings.epochs} are "
                "asked for. Ask for as many or more, or choose another folder."
            )
            raise UsageError(msg)
        self.network.load_state_dict(groups["network"])
        self.best = {name: held.to(self.device) for name, held in groups.get("best", {}).items()}
        self.optimizer.load_state_dict(put_together(groups.get("optimizer", {}), plain["optimizer"]))
        if self.schedule is not None:
            self.schedule.load_state_dict(plain["schedule"])
        self.scaler.load_state_dict(plain["scaler"])
        self.step, self.history = plain["step"], History(**plain["history"])


class _Sums:
    """Sums of figures over examples, on the device until they are asked for: a step waits for nothing."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.n, self.sums = device, 0, {}  # type: ignore[var-annotated]

    def add(self, n: int, figures: Mapping[str, Any]) -> None:
        """Take the means of figures over `n` examples."""
        self.n += n
        for name, value in figures.items():
            more = torch.as_tensor(value, device=self.device).detach().double() * n
            self.sums[name] = self.sums[name] + more if name in self.sums else more

    def means(self, world: World) -> dict[str, float]:
        """Return the means over the examples of all processes."""
        names = sorted(self.sums)
        held = torch.stack([*(self.sums[name] for name in names), torch.tensor(float(self.n), dtype=torch.float64, device=self.device)])
        *sums, n = world.summed(held).tolist()
        return {name: value / n for name, value in zip(names, sums, strict=True)}


def _loss_of(made: Any) -> tuple[torch.Tensor, Mapping[str, Any]]:
    """Return the loss, and metrics where there are some; raise UsageError for a loss that is no number."""
    loss, metrics = made if isinstance(made, tuple) else (made, {})
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        got = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else f"a {type(loss).__name__}"
        raise UsageError(f"A loss is one number, a tensor with the mean over a batch, got {got}. Take the mean: loss.mean().")
    return loss, metrics


def _plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a schedule's state what JSON holds; functions among it are made with it again."""
    return {name: value for name, value in state.items() if not callable(value)}


def _seed_of(*numbers: int) -> int:
    """Return a seed that has nothing to do with that of other numbers."""
    return int.from_bytes(hashlib.blake2b(repr(numbers).encode(), digest_size=8).digest(), "big") >> 1


@contextmanager
def _chance_of_its_own(device: torch.device) -> Iterator[None]:
    """Leave torch's generators as they were before."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    """Have torch take so many threads on a CPU."""
    before = torch.get_num_threads()
    try:
        if number is not None:
            torch.set_num_threads(number)
        yield
    finally:
        if number is not None:
            torch.set_num_threads(before)


@contextmanager
def _same_bits(device: torch.device, *, wanted: bool) -> Iterator[None]:
    """Have torch take algorithms that give the same bits each time; on a GPU, warn of those that have none."""
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    filling: Any = torch.utils.deterministic
    filled, benchmark = filling.fill_uninitialized_memory, torch.backends.cudnn.benchmark
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it, cuBLAS' products are not the same twice
    try:
        torch.use_deterministic_algorithms(True, warn_only=device.type != "cpu")
        filling.fill_uninitialized_memory = False
        torch.backends.cudnn.benchmark = False
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        filling.fill_uninitialized_memory = filled
        torch.backends.cudnn.benchmark = benchmark
