"""Labels of several annotators made into one, and how far the annotators agree.

Votes are three arrays of one length: the example, the annotator, and the label of each, as numbers from 0 on. An annotator may label an
example more than once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError


def vote_counts(example: Any, label: Any, n_examples: int, n_classes: int) -> np.ndarray:
    """Return how many votes each example has for each class: whole numbers, [n_examples, n_classes].

    Examples
    --------
    >>> vote_counts([0, 0, 1], [1, 1, 0], 2, 2).tolist()
    [[0, 2], [1, 0]]
    """
    cells = np.asarray(example, dtype=np.int64) * n_classes + np.asarray(label, dtype=np.int64)
    return np.bincount(cells, minlength=n_examples * n_classes).reshape(n_examples, n_classes)


def majority(counts: Any) -> np.ndarray:
    """Return the class that most votes are for, by example; -1 where two have as many, or there are none.

    Examples
    --------
    >>> majority([[0, 2], [1, 1], [0, 0]]).tolist()
    [1, -1, -1]
    """
    votes = np.asarray(counts)
    most = votes.max(axis=1, initial=0)
    return np.where((votes == most[:, None]).sum(axis=1) == 1, votes.argmax(axis=1), -1) if votes.shape[1] else np.full(len(votes), -1)


@dataclass(frozen=True, eq=False)
class DawidSkene:
    """What Dawid and Skene's model says.

    Parameters
    ----------
    posterior
        The probability of each class for each example, [n_examples, n_classes]; of an example without votes the classes' shares.
    shares
        The share of each class.
    confusion
        The probability with which each annotator gives a label to an example of a class, [n_annotators, n_classes, n_labels]; of classes
        that an annotator has not met, the same for all labels.
    log_likelihood
        The logarithm of the votes' probability, after each iteration.
    """

    posterior: np.ndarray
    shares: np.ndarray
    confusion: np.ndarray
    log_likelihood: tuple[float, ...]

    @property
    def accuracy(self) -> np.ndarray:
        """The probability that each annotator is right, over the classes' shares."""
        return np.asarray(np.einsum("akk,k->a", self.confusion, self.shares))


def dawid_skene(
    example: Any,
    annotator: Any,
    label: Any,
    n_examples: int,
    n_annotators: int,
    n_classes: int,
    *,
    max_iterations: int = 100,
    tolerance: float = 1e-6,
) -> DawidSkene:
    """Return the likeliest shares of the classes and confusions of the annotators, with the probability of each class for each example.

    Parameters
    ----------
    tolerance
        The iterations end when the logarithm of the likelihood changes by less than this part of itself.

    Raises
    ------
    UsageError
        There are no votes.

    Notes
    -----
    Expectation maximization from the shares of the votes: Dawid and Skene, Maximum likelihood estimation of observer error-rates using the
    EM algorithm, Applied Statistics 28 (1979), equations 2.3 to 2.5.

    Examples
    --------
    >>> made = dawid_skene([0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2], [0, 0, 1, 1, 1, 1], 2, 3, 2)
    >>> made.posterior.round(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    votes = tuple(np.asarray(one, dtype=np.int64) for one in (example, annotator, label))
    if not len(votes[0]):
        raise UsageError("Expected votes of annotators, got none. Dawid and Skene's model needs some to begin with.")
    counts = vote_counts(votes[0], votes[2], n_examples, n_classes)
    known = counts.sum(axis=1) > 0
    posterior = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    told: list[float] = []
    while len(told) < max_iterations:
        shares = posterior[known].mean(axis=0)
        confusion = _confusion(votes, posterior, n_annotators)
        joint = _joint(votes, shares, confusion, n_examples)
        top = joint.max(axis=1)
        weights = np.exp(joint - top[:, None])
        total = weights.sum(axis=1)
        posterior = weights / total[:, None]
        told.append(float((top + np.log(total))[known].sum()))
        if len(told) > 1 and abs(told[-1] - told[-2]) <= tolerance * abs(told[-2]):
            break
    return DawidSkene(posterior, shares, confusion, tuple(told))


def _confusion(votes: tuple[np.ndarray, ...], posterior: np.ndarray, n_annotators: int) -> np.ndarray:
    """Return the likeliest confusions of the annotators where the classes' probabilities are known."""
    example, annotator, label = votes
    n_classes = posterior.shape[1]
    cells = annotator * n_classes + label
    sums = np.stack(
        [np.bincount(cells, weights=posterior[example, one], minlength=n_annotators * n_classes) for one in range(n_classes)], axis=1
    )
    made = sums.reshape(n_annotators, n_classes, n_classes).transpose(0, 2, 1)  # annotator, class, label
    total = made.sum(axis=2, keepdims=True)
    return np.asarray(np.where(total > 0, made / np.where(total > 0, total, 1), 1 / n_classes))


def _joint(votes: tuple[np.ndarray, ...], shares: np.ndarray, confusion: np.ndarray, n_examples: int) -> np.ndarray:
    """Return the logarithm of the probability of each class together with the example's votes."""
    example, annotator, label = votes
    with np.errstate(divide="ignore"):  # a class that nobody gives, a label that is never given
        terms = np.log(confusion)[annotator, :, label]
        first = np.log(shares)
    return np.asarray(np.stack([_sums(example, terms[:, one], n_examples) for one in range(len(shares))], axis=1) + first)


def _sums(example: np.ndarray, terms: np.ndarray, n_examples: int) -> np.ndarray:
    """Return the sum of each example's terms, which may be minus infinity."""
    is_never = np.isneginf(terms)
    made = np.bincount(example, weights=np.where(is_never, 0.0, terms), minlength=n_examples)
    made[example[is_never]] = -np.inf
    return np.asarray(made)


def cohen_kappa(left: Any, right: Any, n_classes: int) -> float:
    """Return by how much two annotators agree beyond chance on the same examples: 1 is always, 0 as chance has it.

    NaN where both give one label alone, or there is no example. Cohen, A coefficient of agreement for nominal scales (1960).

    Examples
    --------
    >>> cohen_kappa([0, 0, 1, 1], [0, 0, 1, 0], 2)
    0.5
    """
    n_both = len(left)
    if not n_both:
        return float("nan")
    table = vote_counts(left, right, n_classes, n_classes) / n_both
    by_chance = float(table.sum(axis=1) @ table.sum(axis=0))
    return float("nan") if by_chance == 1 else (float(np.trace(table)) - by_chance) / (1 - by_chance)


def fleiss_kappa(counts: Any) -> float:
    """Return by how much any number of annotators agree beyond chance, from how many votes each example has for each class.

    Examples with fewer than two votes tell nothing; where the others differ in how many they have, each counts with its pairs' agreement
    and the classes with all their votes. NaN where there is one class alone, or no such example. Fleiss, Measuring nominal scale
    agreement among many raters (1971).

    Examples
    --------
    >>> round(fleiss_kappa([[3, 0], [0, 3], [2, 1]]), 3)
    0.55
    """
    votes = np.asarray(counts, dtype=float)
    votes = votes[votes.sum(axis=1) > 1]
    if not len(votes):
        return float("nan")
    n_votes = votes.sum(axis=1)
    observed = float((((votes**2).sum(axis=1) - n_votes) / (n_votes * (n_votes - 1))).mean())
    by_chance = float(((votes.sum(axis=0) / votes.sum()) ** 2).sum())
    return float("nan") if by_chance == 1 else (observed - by_chance) / (1 - by_chance)
