"""Acquisition functions against SciPy's entropies, torch's gradients and one line of float64 each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
import xxhash
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import rel_entr
from scipy.stats import entropy as scipy_entropy

from gpupipe.active import scorers
from gpupipe.active._arrays import on_host
from gpupipe.active.scorers.random_order import round_seed
from gpupipe.core.errors import UsageError

HOST = on_host


def drawn(seed: int, n_rows: int, n_classes: int, dtype: Any = np.float32) -> Any:
    """Return class-major probabilities; some are 0, some rows certain."""
    chance = np.random.default_rng(seed)
    made = chance.dirichlet(np.full(n_classes, 0.3), n_rows)
    made[made < 1e-3] = 0
    made /= made.sum(axis=1, keepdims=True)
    return np.ascontiguousarray(made.T.astype(dtype))


SIZES = st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(2, 12))


@given(SIZES)
def test_scores_are_the_one_liners(xp: Any, size: tuple[int, int, int]) -> None:
    p = drawn(*size)
    wide = p.astype(np.float64)
    ranked = np.sort(wide, axis=0)
    given_ = xp.asarray(p)
    np.testing.assert_allclose(HOST(scorers.least_confidence(given_)), 1 - wide.max(axis=0), atol=1e-6)
    np.testing.assert_allclose(HOST(scorers.margin(given_)), ranked[-2] - ranked[-1], atol=1e-6)
    np.testing.assert_allclose(HOST(scorers.entropy(given_)), scipy_entropy(wide, axis=0), atol=1e-6)
    np.testing.assert_array_equal(HOST(scorers.entropy([*given_])), HOST(scorers.entropy(given_)))  # columns are an array's rows


def test_narrow_floats_and_a_probability_above_1_by_a_digit() -> None:
    """float16 has no number so small that its logarithm stands for 0 log 0, and an entropy is never below 0."""
    halves = np.array([[0.5, 1.0, 0.0], [0.5, 0.0, 1.0]], np.float16)
    assert scorers.entropy(halves).tolist() == pytest.approx([np.log(2), 0.0, 0.0], abs=1e-6)
    above = np.array([[np.nextafter(np.float32(1), np.float32(2)), np.nan, 0.5], [0.0, 0.5, 0.5]], np.float32)
    made = scorers.entropy(above)
    assert made[0] == 0.0 and np.isnan(made[1]) and made[2] == pytest.approx(np.log(2))


def test_rows_go_through_in_blocks_and_give_the_same() -> None:
    p = drawn(1, 40_000, 3)
    for score in (scorers.least_confidence, scorers.margin, scorers.entropy):
        np.testing.assert_array_equal(score(p)[20_000:], score(p[:, 20_000:]))


@given(SIZES)
def test_two_classes_have_one_order(xp: Any, size: tuple[int, int, int]) -> None:
    seed, n_rows, _ = size
    p = xp.asarray(drawn(seed, n_rows, 2, np.float64))
    made = [HOST(score(p)) for score in (scorers.least_confidence, scorers.margin, scorers.entropy)]
    order = np.argsort(made[0])
    assert all((np.diff(each[order]) >= -1e-12).all() for each in made)


@given(SIZES, st.integers(1, 6))
def test_members(xp: Any, size: tuple[int, int, int], n_members: int) -> None:
    seed, n_rows, n_classes = size
    members = [drawn(seed + number, n_rows, n_classes, np.float64) for number in range(n_members)]
    mean = np.mean(members, axis=0)
    given_ = [xp.asarray(member) for member in members]
    made = HOST(scorers.bald(iter(given_)))
    assert (made >= 0).all()
    expected = scipy_entropy(mean, axis=0) - np.mean([scipy_entropy(member, axis=0) for member in members], axis=0)
    np.testing.assert_allclose(made, expected, atol=1e-9)
    divergence = np.mean([rel_entr(member, mean).sum(axis=0) for member in members], axis=0)
    np.testing.assert_allclose(HOST(scorers.mean_kl(given_)), divergence, atol=1e-9)
    counts = np.array([np.bincount(column, minlength=n_classes) for column in np.array([m.argmax(axis=0) for m in members]).T]).T
    np.testing.assert_allclose(HOST(scorers.variation_ratio(given_)), 1 - counts.max(axis=0) / n_members, atol=1e-12)
    np.testing.assert_allclose(HOST(scorers.vote_entropy(given_)), scipy_entropy(counts, axis=0), atol=1e-9)
    np.testing.assert_allclose(HOST(scorers.vote_entropy(given_, soft=True)), scipy_entropy(mean, axis=0), atol=1e-9)
    numbers = [xp.asarray(member[0]) for member in members]
    np.testing.assert_allclose(HOST(scorers.variance(iter(numbers))), np.var([member[0] for member in members], axis=0), atol=1e-12)


def test_gradient_length_is_that_of_torch(xp: Any) -> None:
    chance = np.random.default_rng(0)
    hidden, weight = chance.normal(size=(5, 4)), torch.tensor(chance.normal(size=(4, 3)), requires_grad=True)
    expected = []
    for row in torch.tensor(hidden):
        p = torch.softmax(row @ weight, dim=0)
        lengths = [torch.autograd.grad(-torch.log(p[k]), weight, retain_graph=True)[0].norm() for k in range(3)]
        expected.append(float(sum(p[k].detach() * length for k, length in enumerate(lengths))))
    p = torch.softmax(torch.tensor(hidden) @ weight, dim=1).detach().numpy().T
    np.testing.assert_allclose(HOST(scorers.gradient_length(xp.asarray(p), xp.asarray(hidden))), expected, rtol=1e-9)


def test_power_samples_in_proportion_to_scores() -> None:
    """The first of a batch is drawn with probability score^beta over their sum: the Gumbel-max theorem."""
    scores, first = np.array([1.0, 2.0, 3.0]), np.zeros(3)
    hashes = scorers.random_order(np.arange(60_000)).reshape(-1, 3)
    for row in hashes:
        first[np.argmax(scorers.power(scores, row, beta=2.0))] += 1
    np.testing.assert_allclose(first / first.sum(), scores**2 / (scores**2).sum(), atol=0.01)
    softmax = np.argmax([scorers.power(np.log(scores), row, beta=2.0, kind="softmax") for row in hashes[:20_000]], axis=1)
    np.testing.assert_allclose(np.bincount(softmax) / 20_000, scores**2 / (scores**2).sum(), atol=0.015)
    assert np.isneginf(scorers.power(np.array([0.0]), hashes[0, :1])[0])


def test_density_is_the_mean_cosine(xp: Any) -> None:
    chance = np.random.default_rng(1)
    rows, sample = chance.normal(size=(30, 5)) + 1, chance.normal(size=(10, 5)) + 1
    cosines = (rows @ sample.T) / np.linalg.norm(rows, axis=1)[:, None] / np.linalg.norm(sample, axis=1)
    made = scorers.density(xp.ones(30), xp.asarray(rows), xp.asarray(sample), 2.0)
    np.testing.assert_allclose(HOST(made), np.maximum(cosines.mean(axis=1), 0) ** 2, rtol=1e-9)


def test_sequences(xp: Any) -> None:
    chance = np.random.default_rng(2)
    lengths = chance.integers(0, 6, 20)
    words = np.log(chance.random(lengths.sum()))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    parts = np.split(words, offsets[1:-1])
    made = scorers.mnlp(xp.asarray(words), xp.asarray(offsets))
    np.testing.assert_allclose(HOST(made), [-part.mean() if len(part) else 0 for part in parts], atol=1e-9)
    geometric = [-np.log(np.prod(np.exp(part)) ** (1 / len(part))) if len(part) else 0 for part in parts]
    np.testing.assert_allclose(HOST(made), geometric, atol=1e-9)
    np.testing.assert_allclose(
        HOST(scorers.sequence_confidence(xp.asarray(words), xp.asarray(offsets))), [-p.sum() for p in parts], atol=1e-9
    )


def test_disagreement_about_sequences(xp: Any) -> None:
    votes, mean = np.array([10, 7, 7, 1, 6]), np.array([3.0, 0.1, 2.0, 1e9, 0.0])
    made = HOST(scorers.sequence_disagreement(xp.asarray(votes), xp.asarray(mean), 10))
    assert np.argsort(-made).tolist() == [3, 4, 2, 1, 0]  # by votes, and of equal ones by the mean
    assert (made >= 1 - votes / 10).all() and (made < 1 - (votes - 1) / 10).all()
    for n_passes in (0, 9):
        with pytest.raises(UsageError, match="at most as many votes as passes"):
            scorers.sequence_disagreement(xp.asarray(votes), xp.asarray(mean), n_passes)


def test_random_order_is_xxh64() -> None:
    made = scorers.random_order(pa.array(["a", "bc"]), seed=3, number=7)
    assert made.tolist() == [xxhash.xxh64_intdigest(text, seed=round_seed(3, 7)) for text in (b"a", b"bc")]
    assert scorers.random_order(pa.array([5]), seed=1).tolist() == scorers.random_order(np.array([5]), seed=1).tolist()


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(UsageError, match=r"Transpose an array of rows: probabilities\.T"):
        scorers.entropy(np.array([0.5, 0.5]))
    with pytest.raises(UsageError, match="Expected 2 or more columns"):
        scorers.margin(np.array([[0.5]]))
    with pytest.raises(UsageError, match="got list"):
        scorers.variance([[1.0]])
    with pytest.raises(UsageError, match="Expected the probabilities of one member or more, got none"):
        scorers.bald([])
    with pytest.raises(UsageError, match=r"same classes and rows, \(2, 1\), got \(3, 1\)"):
        scorers.bald([np.ones((2, 1)), np.ones((3, 1))])
    with pytest.raises(UsageError, match="costs above 0"):
        scorers.cost_aware(np.ones(2), np.array([1.0, 0.0]))
    with pytest.raises(UsageError, match="scores from 0 on"):
        scorers.power(np.array([-1.0]), np.array([1], np.uint64))
    with pytest.raises(UsageError, match="ascend from 0 to 2"):
        scorers.mnlp(np.zeros(2), np.array([0, 1]))
