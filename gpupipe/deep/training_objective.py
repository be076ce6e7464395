"""What a training makes smaller: an objective is a function of the network, a batch, and the moment that the training is at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn

from gpupipe.deep.history import History

Batch = tuple[Any, ...]
# The loss of a batch as a mean over its examples; or that, and metrics by name, means over the examples as well.
Objective = Callable[[nn.Module, Batch, "Moment"], Tensor | tuple[Tensor, Mapping[str, Tensor]]]


class Examples(Protocol):
    """Examples by number: ``len(examples)``, and ``examples[numbers]`` of a tensor of int64, which gives the tensors of a batch.

    ``torch.utils.data.TensorDataset`` is such. Examples that are made on a device stay there; others are brought to it batch by batch.
    With a method ``of_epoch(number)``, which gives the examples of an epoch, each epoch may have others.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, numbers: Tensor) -> tuple[Any, ...]: ...


@dataclass(frozen=True)
class Moment:
    """Where a training is when it asks for a loss.

    Parameters
    ----------
    epoch, epochs
        The number of the epoch, from 0 on, and how many there will be.
    step
        How many batches there were before, in all epochs.
    training
        Whether the network learns from the batch; false where it is validated.
    history
        The epochs before. A share of teacher forcing that falls once validation stands still is a function of it, and so needs no state.
    """

    epoch: int
    epochs: int
    step: int
    training: bool
    history: History


@dataclass(frozen=True)
class Supervised:
    """The objective that most networks have: ``loss(network(*inputs), target)`` of batches ``(*inputs, target)``.

    Parameters
    ----------
    loss
        From outputs and targets to a mean over the batch: ``nn.functional.cross_entropy``, ``nn.MSELoss()``.
    metrics
        Further functions of outputs and targets, by name, for validation.
    augment
        From the inputs of a batch, on their device, to those that the network learns from. It draws from torch's own generator
        (``torch.rand``), which is seeded, so that a training that is resumed draws the same.

    Examples
    --------
    >>> import torch
    >>> loss = Supervised(nn.functional.mse_loss, metrics={"mae": nn.functional.l1_loss})
    >>> value, metrics = loss(nn.Identity(), (torch.zeros(2, 1), torch.ones(2, 1)), Moment(0, 1, 0, False, History()))
    >>> value.item(), metrics["mae"].item()
    (1.0, 1.0)
    """

    loss: Callable[[Any, Any], Tensor]
    metrics: Mapping[str, Callable[[Any, Any], Tensor]] = field(default_factory=dict)
    augment: Callable[..., Any] | None = None

    def __call__(self, network: nn.Module, batch: Batch, at: Moment) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Return the loss and the metrics."""
        *inputs, target = batch
        if at.training and self.augment is not None:
            made = self.augment(*inputs)
            inputs = list(made) if isinstance(made, Sequence) else [made]
        output = network(*inputs)
        metrics = {} if at.training else {name: metric(output, target) for name, metric in self.metrics.items()}
        return self.loss(output, target), metrics
