"""A classifier that learns from partial labels: linear, or with hidden layers, in arrays alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gpupipe.active._arrays import array_module
from gpupipe.active.partial.loss import partial_loss
from gpupipe.core.errors import StageError, UsageError

_BETAS, _EPSILON = (0.9, 0.999), 1e-8


class PartialLabelClassifier:
    """Softmax over a linear layer, or over rectified hidden ones, trained by Adam on the loss of partial labels.

    Parameters
    ----------
    hidden
        The widths of the hidden layers; none for a linear model.
    epochs
        Passes over the rows; more where they would make fewer than `least_steps` steps.
    batch
        Rows a step.
    rate
        Adam's.
    decay
        How much of each weight is taken off a step, times the rate (AdamW's).
    seed
        Of the first weights and of the order of rows.

    Source
    ------
    Kingma and Ba (2015), arXiv 1412.6980, algorithm 1; He et al. (2015), arXiv 1502.01852, for the first weights.

    Examples
    --------
    >>> rows = np.array([[0.0], [0.1], [1.0], [1.1]])
    >>> possible = np.array([[True, False], [True, False], [False, True], [True, True]])
    >>> model = PartialLabelClassifier(hidden=(), epochs=200, rate=0.1).fit(rows, possible)
    >>> model.predict_proba(rows).argmax(axis=1).tolist()
    [0, 0, 1, 1]
    """

    def __init__(
        self,
        hidden: Sequence[int] = (256,),
        *,
        epochs: int = 30,
        least_steps: int = 600,
        batch: int = 200,
        rate: float = 1e-3,
        decay: float = 1e-2,
        seed: int = 0,
    ) -> None:
        numbers = {"epochs": epochs, "batch": batch, **{f"width {number}": width for number, width in enumerate(hidden)}}
        wrong = next((name for name, value in numbers.items() if value < 1), None)
        if wrong is not None or rate <= 0 or decay < 0:
            what = f"{wrong}={numbers[wrong]}" if wrong is not None else f"rate={rate}, decay={decay}"
            raise UsageError(f"PartialLabelClassifier expects counts from 1 on, a rate above 0 and a decay from 0 on, got {what}.")
        self.hidden, self.epochs, self.least_steps = tuple(hidden), epochs, least_steps
        self.batch, self.rate, self.decay, self.seed = batch, rate, decay, seed

    def fit(self, rows: Any, possible: Any) -> PartialLabelClassifier:
        """Train on rows of which something is known, and return the classifier.

        Parameters
        ----------
        rows
            [n_rows, n_features] of floats.
        possible
            [n_rows, n_classes], true for the possible classes. Rows of which nothing is known are left out.

        Raises
        ------
        StageError
            Nothing is known of any row, or a number is missing or infinite.
        """
        values, sets = np.asarray(rows, np.float32), np.asarray(possible, bool)
        if not np.isfinite(values).all():
            raise StageError("PartialLabelClassifier expects finite numbers, got a missing or infinite one. Fill or drop such rows.")
        touched = np.flatnonzero(sets.sum(axis=1) < sets.shape[1])
        if not len(touched):
            raise StageError("PartialLabelClassifier expects rows of which something is known, got none. Answer some questions first.")
        values, sets = values[touched], sets[touched]
        chance = np.random.default_rng(self.seed)
        self.weights = self._first_weights(chance, values.shape[1], sets.shape[1])
        moments = [(np.zeros_like(weight), np.zeros_like(weight)) for weight in self.weights]
        batches = -(-len(values) // self.batch)
        step = 0
        for _ in range(max(self.epochs, -(-self.least_steps // batches))):
            order = chance.permutation(len(values))
            for at in range(0, len(values), self.batch):
                step += 1
                some = order[at : at + self.batch]
                self._step(self._gradients(values[some], sets[some]), moments, step)
        return self

    def _first_weights(self, chance: np.random.Generator, n_features: int, n_classes: int) -> list[Any]:
        """Return a matrix and a row of zeros for each layer."""
        widths = [n_features, *self.hidden, n_classes]
        made: list[Any] = []
        for inside, outside in pairwise(widths):
            made.append((chance.standard_normal((inside, outside)) * np.sqrt(2 / inside)).astype(np.float32))
            made.append(np.zeros(outside, np.float32))
        return made

    def _layers(self, values: Any) -> list[Any]:
        """Return what goes into each layer, and the logits."""
        made = [values]
        for number in range(0, len(self.weights), 2):
            passed = made[-1] @ self.weights[number] + self.weights[number + 1]
            last = number + 2 == len(self.weights)
            made.append(passed if last else np.maximum(passed, 0))
        return made

    def _gradients(self, values: Any, possible: Any) -> list[Any]:
        """Return the loss's gradient in each weight."""
        layers = self._layers(values)
        _, back = partial_loss(layers[-1], possible)
        made: list[Any] = [None] * len(self.weights)
        for number in range(len(self.weights) - 2, -1, -2):
            entered = layers[number // 2]
            made[number], made[number + 1] = entered.T @ back, back.sum(axis=0)
            if number:
                back = (back @ self.weights[number].T) * (entered > 0)
        return made

    def _step(self, gradients: Sequence[Any], moments: Sequence[tuple[Any, Any]], step: int) -> None:
        """Change the weights by one of Adam's steps."""
        one, two = _BETAS
        rate = self.rate * np.sqrt(1 - two**step) / (1 - one**step)
        for number, (gradient, (first, second)) in enumerate(zip(gradients, moments, strict=True)):
            np.add(first, (1 - one) * (gradient - first), out=first)
            np.add(second, (1 - two) * (gradient * gradient - second), out=second)
            kept = 1 - self.rate * self.decay if gradient.ndim == 2 else 1.0  # rows of constants do not decay
            self.weights[number] = (self.weights[number] * kept - rate * first / (np.sqrt(second) + _EPSILON)).astype(np.float32)

    def predict_proba(self, rows: Any) -> Any:
        """Return probabilities [n_rows, n_classes]."""
        return probabilities_of(self.weights, rows)


def probabilities_of(weights: Sequence[Any], rows: Any) -> Any:
    """Return the probabilities that layers of weights give rows, as float64 [n_rows, n_classes]."""
    xp = array_module(rows)
    passed = rows.astype(xp.float32)
    for number in range(0, len(weights), 2):
        passed = passed @ xp.asarray(weights[number]) + xp.asarray(weights[number + 1])
        if number + 2 < len(weights):
            passed = xp.maximum(passed, 0)
    logits = passed.astype(xp.float64)
    made = xp.exp(logits - logits.max(axis=1, keepdims=True))
    return made / made.sum(axis=1, keepdims=True)
