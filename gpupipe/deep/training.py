"""Trains a network: the loop, and nothing else. Optimisers, schedules, clipping, mixed precision and data parallelism are PyTorch's.

::

    training = Training(epochs=50, batch_size=64, learning_rate=1e-3, schedule="cosine", clip_norm=1.0, patience=5, folder="runs/digits")
    history = train(network, Supervised(nn.functional.cross_entropy), examples, validation, training=training)

Afterwards `network` has the weights of its best epoch. Called again with the same arguments, after it was killed or had ended, it goes on
where its file in `folder` ends, and comes to the same weights, bit by bit, as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from gpupipe.core.errors import UsageError
from gpupipe.core.progress import Progress
from gpupipe.deep._loop import Loop
from gpupipe.deep.history import History
from gpupipe.deep.training_file import taken_apart
from gpupipe.deep.training_objective import Examples, Objective
from gpupipe.deep.training_settings import Training, as_training


def train(
    network: nn.Module,
    objective: Objective,
    examples: Examples,
    validation: Examples | None = None,
    *,
    training: Training | None = None,
    progress: Progress | None = None,
    what: str = "",
) -> History:
    """Return the history of a training; the network has the weights of its best epoch, and is on the training's device.

    Parameters
    ----------
    network
        Any module. In a process group of ``torch.distributed`` it is trained by all processes together, each on its share of every batch
        (`gpupipe.deep.distributed`).
    objective
        ``objective(network, batch, moment)`` gives the loss, a mean over the batch, or that and metrics by name; `Supervised` makes one of
        a loss function. `moment` says which epoch and step it is, and whether the network learns (see `Moment`).
    examples
        What is learnt from: a ``TensorDataset``, or another of `Examples`' form.
    validation
        What tells the best epoch and when to stop; none keeps the last weights.
    progress
        Told of each epoch, as ``tools.progress`` of a task stage is.
    what
        What is learnt from, in a text that another file's training would not have (a digest of the data), where there is a folder.

    Raises
    ------
    UsageError
        There are no examples, or the folder has another training.
    StageError
        The loss is no number any more.

    Examples
    --------
    >>> import torch
    >>> x = torch.linspace(-1, 1, 64)[:, None]
    >>> torch.manual_seed(0) and None
    >>> network = nn.Linear(1, 1)
    >>> from gpupipe.deep import Supervised
    >>> data = torch.utils.data.TensorDataset(x, 3 * x + 1)
    >>> history = train(network, Supervised(nn.functional.mse_loss), data, training=Training(60, learning_rate=0.05, device="cpu"))
    >>> round(network.weight.item(), 2), round(network.bias.item(), 2), len(history.epochs)
    (3.0, 1.0, 60)
    """
    return train_on(network, objective, examples, validation, training=training, progress=progress, what=what)[0]


def train_on(
    network: nn.Module,
    objective: Objective,
    examples: Examples,
    validation: Examples | None = None,
    *,
    state: Mapping[str, Tensor] | None = None,
    training: Training | None = None,
    progress: Progress | None = None,
    what: str = "",
) -> tuple[History, dict[str, Tensor]]:
    """Return the history of a training that goes on where an earlier one ended, and what a later one goes on with.

    As `train`; the network has the weights of the earlier training, and `state` is what that one returned of its optimiser.

    Raises
    ------
    UsageError, StageError
        As in `train`, or the state is none of this network and optimiser.

    Examples
    --------
    >>> import torch
    >>> from gpupipe.deep import Supervised
    >>> data, network = torch.utils.data.TensorDataset(torch.ones(4, 1), torch.ones(4, 1)), nn.Linear(1, 1)
    >>> objective, training = Supervised(nn.functional.mse_loss), Training(1, device="cpu")
    >>> _, state = train_on(network, objective, data, training=training)
    >>> _, state = train_on(network, objective, data, state=state, training=training)
    >>> int(state["0/step"])
    2
    """
    settings = as_training(training, "train")
    if not isinstance(network, nn.Module):
        raise UsageError(f"train expects a network, a torch.nn.Module that is made, got {network!r}.")
    for held in (examples, validation):
        by_number = hasattr(held, "__len__") and (hasattr(held, "__getitem__") or hasattr(held, "of_epoch"))
        if held is not None and (not by_number or isinstance(held, Sequence | Tensor)):
            msg = f"train expects examples by number, such as TensorDataset(inputs, targets), got a {type(held).__name__}."
            raise UsageError(f"{msg} Give the data set; batches and their order are made by train.")
    if not len(examples) or (validation is not None and not len(validation)):
        which = "learn from" if not len(examples) else "validate on"
        msg = f"train expects examples, got none to {which}. Leave validation out, or split otherwise."
        raise UsageError(msg)
    if settings.patience is not None and validation is None:
        raise UsageError(
            "Training's patience is about the loss on examples for validation, and there are none. Give some, or leave it out."
        )
    loop = Loop(network, objective, settings, what, state)
    return loop.run(examples, validation, progress), taken_apart(loop.optimizer.state_dict())[0]


__all__ = ["Training", "train", "train_on"]
