"""Networks that learn classes or numbers from arrays of samples: what the stage `LearnDeep` does, without any pipeline."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset

from gpupipe.core.errors import StageError
from gpupipe.core.progress import Progress
from gpupipe.deep.history import History
from gpupipe.deep.network import Network, as_array, as_torch, weights_of
from gpupipe.deep.training import train
from gpupipe.deep.training_objective import Supervised
from gpupipe.deep.training_settings import Training
from gpupipe.deep.weights import Weights

LOSSES: Mapping[str, Callable[..., torch.Tensor]] = {
    "cross_entropy": nn.functional.cross_entropy,
    "mse": nn.functional.mse_loss,
    "mae": nn.functional.l1_loss,
    "huber": nn.functional.huber_loss,
}
BATCH = 1024  # samples that go through a network together when it predicts


@dataclass(frozen=True)
class Learnt:
    """A trained network, as arrays.

    Parameters
    ----------
    names, weights
        Its weights and buffers.
    confused
        [n_classes, n_classes] how many samples of each class (row) were taken for which (column), of those for validation; empty where
        there are none, or no classes.
    n_learnt, n_validated
        How many samples it learnt from, and how many told the best epoch.
    """

    names: tuple[str, ...]
    weights: tuple[Any, ...]
    history: History
    confused: Any
    n_learnt: int
    n_validated: int


def learn(
    network: Network,
    samples: Any,
    targets: Any,
    *,
    loss: str | Callable[..., torch.Tensor] = "cross_entropy",
    n_classes: int | None = None,
    validation: float = 0.0,
    augment: Callable[..., Any] | None = None,
    training: Training | None = None,
    start: Weights | None = None,
    anew: Sequence[str] = (),
    progress: Progress | None = None,
) -> Learnt:
    """Return a network that was trained on samples.

    Parameters
    ----------
    samples
        An array [n, ...] of NumPy or CuPy, float32.
    targets
        [n] in the host's memory: int64, the numbers of classes, or float32.
    n_classes
        How many classes there are; None where targets are numbers.
    validation
        The share of samples that is not learnt from.
    start, anew
        The weights that it begins with, and the parts of the network that are drawn by chance all the same.

    Raises
    ------
    StageError
        The network does not take such samples, or its loss is no number any more.
    """
    settings = training or Training()
    values, wanted = as_torch(samples), as_torch(targets)
    n_validated = round(len(values) * validation)
    order = torch.as_tensor(np.random.default_rng(settings.seed).permutation(len(values)))
    learnt, held = order[n_validated:].sort().values, order[:n_validated].sort().values
    examples, checked = (TensorDataset(values[at.to(values.device)], wanted[at].to(values.device)) for at in (learnt, held))
    made = network.make(settings.seed)
    what = _digest(values, wanted) if settings.folder else ""
    if start is not None:
        start.load(made, anew, network.name)
        what = f"{what} {start.digest} {tuple(anew)}" if settings.folder else ""
    goal = _objective(loss, augment, classifies=n_classes is not None)
    _require_outputs(network.name, made, values[:2], n_classes, settings)
    try:
        history = train(made, goal, examples, checked if n_validated else None, training=settings, progress=progress, what=what)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        one = ". The last batch of an epoch has one sample: take another batch_size" if len(learnt) % settings.batch_size == 1 else ""
        msg = f"{network.name} cannot be trained on samples of shape {tuple(values.shape[1:])}: {type(error).__name__}: {error}{one}"
        raise StageError(msg) from error
    confused = np.zeros((0, 0), np.int64)
    if n_validated and n_classes is not None:
        best = outputs(made, checked.tensors[0], settings.device, np).argmax(1)
        confused = confusion(checked.tensors[1].cpu().numpy(), best, n_classes)
    return Learnt(*weights_of(made), history, confused, len(learnt), n_validated)


def _require_outputs(name: str, network: nn.Module, samples: torch.Tensor, n_classes: int | None, settings: Training) -> None:
    """Raise StageError for a network that does not take the samples, or gives something else than is learnt; it is as it was before."""
    shape, device = tuple(samples.shape[1:]), settings.on_device()
    network = network.to(device).eval()
    try:
        with torch.no_grad(), torch.random.fork_rng([device] if device.type == "cuda" else []):
            made = network(samples.to(device))
    except Exception as error:
        msg = f"{name} does not take a batch of samples of shape {shape}: {type(error).__name__}: {error}"
        raise StageError(f"{msg}. Say shape=(...) where it wants another.") from error
    network.train()
    if not isinstance(made, torch.Tensor):
        raise StageError(f"{name} returns a {type(made).__name__}; expected a tensor alone. Return the outputs that are learnt from.")
    n, got = len(samples), f"{name} gives {tuple(made.shape)} for {len(samples)} samples"
    if n_classes is not None and tuple(made.shape) != (n, n_classes):
        more = made.ndim == 2 and made.shape[1] > n_classes
        hint = " Where the table may not have each class, name all of them: classes=[...]." if more else ""
        raise StageError(f"{got}; expected a score for each of the {n_classes} classes: {(n, n_classes)}.{hint}")
    if n_classes is None and tuple(made.shape) not in ((n,), (n, 1)):
        raise StageError(f"{got}; expected a number for each: {(n, 1)}.")


def outputs(network: nn.Module, samples: Any, device: str, xp: Any) -> Any:
    """Return what a network makes of samples, as float64 [n, n_outputs] of NumPy or CuPy."""
    values = samples if isinstance(samples, torch.Tensor) else as_torch(samples)
    to = Training(device=device).on_device()
    network = network.to(to).eval()
    with torch.no_grad():
        made = torch.cat([network(part.to(to)).double() for part in torch.split(values, BATCH)])
    return as_array(made.reshape(len(values), -1), xp)


def _objective(loss: str | Callable[..., torch.Tensor], augment: Callable[..., Any] | None, *, classifies: bool) -> Supervised:
    """Return what is made smaller, and what is told of it."""
    measured = LOSSES[loss] if isinstance(loss, str) else loss
    if classifies:
        return Supervised(measured, {"accuracy": lambda output, target: (output.argmax(1) == target).float().mean()}, augment)
    return Supervised(lambda output, target: measured(output.reshape(target.shape), target), {}, augment)


def confusion(actual: Any, predicted: Any, n_classes: int) -> Any:
    """Return [n_classes, n_classes] how many samples of each class (row) were taken for which (column).

    Examples
    --------
    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    return np.bincount(actual * n_classes + predicted, minlength=n_classes * n_classes).reshape(n_classes, n_classes)


def _digest(*tensors: torch.Tensor) -> str:
    """Return a digest of what is learnt from."""
    made = hashlib.blake2b(digest_size=16)
    for tensor in tensors:
        made.update(tensor.cpu().contiguous().numpy().tobytes())
    return made.hexdigest()
