"""The loss of a partial label: minus the logarithm of what a model gives to the classes that are possible."""

from __future__ import annotations

from typing import Any

from gpupipe.active._arrays import array_module
from gpupipe.core.errors import UsageError


def partial_loss(logits: Any, possible: Any) -> tuple[float, Any]:
    """Return the mean loss of rows whose class is one of some, in nats, and its gradient in the logits, [n_rows, n_classes].

    The loss of a row is ``lse(z) - lse(z over its possible classes)`` with lse the logarithm of the sum of exponentials, so it is exact
    however unlikely they are; the gradient is ``p - belief``: cross entropy towards the belief. A known class gives cross entropy, a
    row of which nothing is known nothing.

    Parameters
    ----------
    logits
        [n_rows, n_classes].
    possible
        [n_rows, n_classes], true for the classes that are possible.

    Raises
    ------
    UsageError
        A row has no possible class.

    Source
    ------
    Hu et al. (2019), arXiv 1802.07427, equation 2, in a form that does not lose digits.

    Examples
    --------
    >>> import numpy as np
    >>> loss, gradient = partial_loss(np.array([[0.0, 0.0]]), np.array([[True, False]]))
    >>> round(loss, 6), gradient.tolist()
    (0.693147, [[-0.5, 0.5]])
    """
    xp = array_module(logits)
    if not bool(possible.any(axis=1).all()):
        raise UsageError("Expected a possible class in each row, got a row without one. Leave rows of contradicting answers out.")
    shifted = logits - logits.max(axis=1, keepdims=True)
    inside = xp.where(possible, logits, -xp.inf)
    shifted_inside = inside - inside.max(axis=1, keepdims=True)
    all_sums, inside_sums = xp.exp(shifted), xp.exp(shifted_inside)
    total, part = all_sums.sum(axis=1, keepdims=True), inside_sums.sum(axis=1, keepdims=True)
    losses = (xp.log(total) + logits.max(axis=1, keepdims=True)) - (xp.log(part) + inside.max(axis=1, keepdims=True))
    gradient = (all_sums / total - inside_sums / part) / len(logits)
    return float(losses.mean()), gradient


def partial_label_loss(logits: Any, possible: Any) -> Any:
    """Return the mean loss of partial labels for a module of torch: a tensor of no dimension, to be sent backwards.

    Rows of which nothing is known add nothing, and are not counted.

    Parameters
    ----------
    logits
        A tensor [n_rows, n_classes].
    possible
        A tensor of truth values [n_rows, n_classes] on the same device.

    Examples
    --------
    >>> import torch
    >>> partial_label_loss(torch.zeros(1, 2), torch.tensor([[True, False]])).item()
    0.6931471824645996
    """
    known = possible.sum(dim=1) < possible.shape[1]
    inside = logits.masked_fill(~possible, float("-inf"))
    losses = (logits.logsumexp(dim=1) - inside.logsumexp(dim=1)) * known
    return losses.sum() / known.sum().clamp(min=1)
