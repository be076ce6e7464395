"""How a network is trained, as a frozen value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from gpupipe.core.errors import UsageError, listing, nearest
from gpupipe.core.options import WithOptions, settle

OPTIMIZERS = ("Adam", "AdamW", "NAdam", "RMSprop", "SGD")
SCHEDULES = {
    "cosine": "CosineAnnealingLR",
    "exponential": "ExponentialLR",
    "one cycle": "OneCycleLR",
    "plateau": "ReduceLROnPlateau",
    "steps": "StepLR",
}
_ELSEWHERE = ("device", "threads", "folder", "every", "epochs")  # what a training that is resumed may have otherwise
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, init=False)
class Training(WithOptions):
    """How a network is trained; plain values, so that it may stand in a stage and count in its checkpoint's address.

    Parameters
    ----------
    epochs
        How often all examples are gone through, at most.
    batch_size
        Examples a step.
    learning_rate
        Of the optimiser, before its schedule.
    optimizer
        One of torch.optim: ``"Adam"``, ``"AdamW"``, ``"NAdam"``, ``"RMSprop"``, ``"SGD"``.
    optimizer_options
        Its other parameters: ``{"weight_decay": 0.01}``.
    schedule
        How the learning rate changes, epoch by epoch (``"one cycle"``: step by step), by the class of torch.optim.lr_scheduler:
        ``"cosine"`` (down to nothing at the last epoch), ``"exponential"`` (``gamma``), ``"steps"`` (``step_size``, ``gamma``),
        ``"plateau"`` (``factor``, ``patience``; by the validation loss), ``"one cycle"`` (``max_lr``). None keeps it.
    schedule_options
        The parameters of that class: ``{"gamma": 0.95}``.
    clip_norm
        The greatest norm of all gradients together; None clips nothing.
    precision
        ``"bfloat16"`` or ``"float16"`` for torch's autocast (weights stay float32; float16 has its losses scaled); ``"float32"`` for none.
    patience
        Epochs that the validation loss may go without a new least one before the training stops; None never stops it.
    seed
        Of the order of examples, and of all that is drawn from torch while training.
    device
        ``"auto"`` is the first GPU, or the CPU where there is none; else what ``torch.device`` takes.
    deterministic
        Whether torch takes algorithms that give the same bits each time. On a CPU that costs nothing worth telling.
    threads
        How many threads torch takes on a CPU while it trains; None for what it has, mostly one a core. Sums are rounded otherwise with
        other numbers of them, so the same seed gives the same bits everywhere only with the same number: with 1, those of a Dask worker.
    folder
        Where the file that a killed training is resumed from is kept; None keeps none.
    every
        Epochs from one writing of that file to the next.

    Raises
    ------
    UsageError
        A value is none that can be.

    Examples
    --------
    >>> Training(epochs=3, schedule="exponential", schedule_options={"gamma": 0.5}).schedule_options
    (('gamma', 0.5),)
    """

    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: str
    optimizer_options: tuple[tuple[str, Any], ...]
    schedule: str | None
    schedule_options: tuple[tuple[str, Any], ...]
    clip_norm: float | None
    precision: str
    patience: int | None
    seed: int
    device: str
    deterministic: bool
    threads: int | None
    folder: str | None
    every: int

    def __init__(
        self,
        epochs: int = 20,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        *,
        optimizer: str = "Adam",
        optimizer_options: Mapping[str, Any] | None = None,
        schedule: Literal["cosine", "exponential", "one cycle", "plateau", "steps"] | None = None,
        schedule_options: Mapping[str, Any] | None = None,
        clip_norm: float | None = None,
        precision: Literal["float32", "bfloat16", "float16"] = "float32",
        patience: int | None = None,
        seed: int = 0,
        device: str = "auto",
        deterministic: bool = True,
        threads: int | None = None,
        folder: str | Path | None = None,
        every: int = 1,
    ) -> None:
        optional = {"patience": patience, "threads": threads}
        for name, value in {"epochs": epochs, "batch_size": batch_size, "every": every, **optional}.items():
            if value is None and name in optional:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"Training's {name} must be a whole number from 1 on, got {value!r}.")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise UsageError(f"Training's seed must be a whole number, got {seed!r}.")
        for name, rate in {"learning_rate": learning_rate, "clip_norm": 1.0 if clip_norm is None else clip_norm}.items():
            if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < float("inf"):
                raise UsageError(f"Training's {name} must be a number above 0, got {rate!r}.")
        _require_one_of("optimizer", optimizer, OPTIMIZERS)
        _require_one_of("precision", precision, tuple(PRECISIONS))
        if schedule is not None:
            _require_one_of("schedule", schedule, tuple(SCHEDULES))
        options = {"optimizer_options": _pairs(optimizer_options), "schedule_options": _pairs(schedule_options)}
        settle(self, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, optimizer=optimizer, schedule=schedule, **options)
        settle(self, clip_norm=clip_norm, precision=precision, patience=patience, seed=seed, device=device, deterministic=deterministic)
        settle(self, threads=threads, folder=None if folder is None else str(folder), every=every)

    def on_device(self) -> torch.device:
        """Return the device: a GPU's is the one of the process, where several train together.

        Raises
        ------
        UsageError
            torch does not know it, or there is none here.
        """
        if self.device == "auto":
            return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")
        try:
            found = torch.device(self.device)
        except (RuntimeError, TypeError) as error:
            msg = f"Training's device must be 'auto' or one of torch's, such as 'cpu' or 'cuda:1', got {self.device!r}."
            raise UsageError(msg) from error
        try:
            torch.empty(1, device=found)
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            msg = f"Training's device is {self.device!r}, and torch {torch.__version__} cannot use it here: {error} Take 'auto' or 'cpu'."
            raise UsageError(msg) from error
        return found

    def identity(self, network: nn.Module, n_examples: int, what: str) -> str:
        """Return what a file must be of to be resumed; it may be resumed with more epochs unless its schedule depends on them."""
        weights = [[name, list(held.shape), str(held.dtype)] for name, held in network.state_dict().items()]
        told = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in _ELSEWHERE}
        told |= {"epochs": self.epochs if self.schedule in ("cosine", "one cycle") else None}
        return json.dumps({**told, "examples": n_examples, "weights": weights, "what": what})


def as_training(value: Any, stage: str) -> Training:
    """Return what was given as `training`, or the defaults for None; raise UsageError for anything else.

    Examples
    --------
    >>> as_training(None, "LearnDeep").epochs
    20
    """
    if value is not None and (isinstance(value, type) or not hasattr(value, "on_device")):  # by its form: pytest may load this module twice
        raise UsageError(f"{stage} expects a gpupipe.deep.Training(epochs=20, ...) as its training, got a {type(value).__name__}.")
    made: Training = value or Training()
    return made


def _pairs(options: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
    """Return options as a frozen value holds them."""
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in (options or {}).items())


def _require_one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    """Raise UsageError for a word that is none of those known."""
    if value not in known:
        hint = nearest(value, known) if isinstance(value, str) else ""
        raise UsageError(f"Training's {name} must be one of {listing(list(known))}, got {value!r}.{hint}")
