"""Selectors against sorting, explicit gradients and searching through everything."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import make_blobs

from gpupipe.active import selectors
from gpupipe.active._arrays import on_host
from gpupipe.active.scorers import random_order
from gpupipe.core.errors import UsageError


def pool(seed: int, n_rows: int, levels: int = 5) -> tuple[Any, Any, Any, Any]:
    """Return ids, hashes, scores with many ties, and costs."""
    chance = np.random.default_rng(seed)
    ids = chance.permutation(10 * n_rows)[:n_rows]
    scores = chance.integers(0, levels, n_rows) / levels - 0.5
    scores[chance.random(n_rows) < 0.05] = np.nan
    return ids, random_order(ids), scores, chance.integers(1, 9, n_rows).astype(float)


@given(st.integers(0, 2**32 - 1), st.integers(1, 80), st.integers(1, 30), st.integers(1, 5))
def test_the_best_are_the_best_of_all_blocks(xp: Any, seed: int, n_rows: int, n: int, n_blocks: int) -> None:
    ids, hashes, scores, costs = pool(seed, n_rows)
    filled = np.where(np.isnan(scores), -np.inf, scores)
    order = sorted(range(n_rows), key=lambda place: (-filled[place], int(hashes[place])))
    given_ = tuple(xp.asarray(each) for each in (scores, hashes, costs))
    assert on_host(selectors.top(given_[0], given_[1], n)).tolist() == order[:n]
    budget = float(n * 3)
    spent, expected = 0.0, []
    for place in order:
        if spent >= budget:
            break
        expected.append(place)
        spent += costs[place]
    assert on_host(selectors.top_budget(*given_, budget)).tolist() == expected
    parts = [part for part in np.array_split(np.random.default_rng(seed).permutation(n_rows), n_blocks) if len(part)]
    union = np.concatenate([part[selectors.top_budget(scores[part], hashes[part], costs[part], budget)] for part in parts])
    chosen = union[selectors.top_budget(scores[union], hashes[union], costs[union], budget)]
    assert ids[chosen].tolist() == ids[expected].tolist()


@pytest.mark.parametrize("levels", [2, 10**6])
def test_the_threshold_leaves_out_none(levels: int) -> None:
    _, hashes, scores, _ = pool(0, 50_000, levels)
    filled = np.where(np.isnan(scores), -np.inf, scores)
    for n in (1, 30, 3_000):
        assert selectors.top(scores, hashes, n).tolist() == np.lexsort([hashes, -filled])[:n].tolist()
    rising = np.sort(np.abs(filled))[::-1].copy()  # the sample of every hundredth row is as bad as it can be
    assert selectors.top(rising, hashes, 500).tolist() == np.lexsort([hashes, -rising])[:500].tolist()


@given(st.integers(0, 2**32 - 1), st.integers(5, 9), st.integers(1, 3), st.booleans())
def test_k_center_is_within_twice_the_best(xp: Any, seed: int, n_rows: int, n: int, with_centers: bool) -> None:
    rows = np.random.default_rng(seed).normal(size=(n_rows, 2))
    centers = rows[:1] + 0.5 if with_centers else np.empty((0, 2))

    def radius(places: Any) -> float:
        inside = np.concatenate([rows[list(places)], centers])
        return float(np.linalg.norm(rows[:, None] - inside, axis=2).min(axis=1).max())

    picked = on_host(selectors.k_center(xp.asarray(rows), n, centers=xp.asarray(centers))).tolist()
    assert len(set(picked)) == n
    assert radius(picked) <= 2 * min(map(radius, combinations(range(n_rows), n))) + 1e-9
    for number in range(1, n):  # each pick is the farthest from those before it
        distances = np.linalg.norm(rows[:, None] - np.concatenate([rows[picked[:number]], centers]), axis=2).min(axis=1)
        assert distances[picked[number]] == pytest.approx(distances.max())


def test_k_center_of_copies_picks_each_once() -> None:
    assert sorted(selectors.k_center(np.ones((4, 2)), 4).tolist()) == [0, 1, 2, 3]


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(2, 5), st.integers(1, 4))
def test_badge_draws_by_the_distances_of_gradients(xp: Any, seed: int, n_rows: int, n_classes: int, n_features: int) -> None:
    chance = np.random.default_rng(seed)
    p, features = chance.dirichlet(np.ones(n_classes), n_rows), chance.normal(size=(n_rows, n_features))
    errors = p - np.eye(n_classes)[p.argmax(axis=1)]
    gradients = np.einsum("nk,nd->nkd", errors, features).reshape(n_rows, -1)
    kernel = (errors @ errors.T) * (features @ features.T)
    np.testing.assert_allclose(kernel, gradients @ gradients.T, atol=1e-12)
    picked, draws = [int(np.argmax((gradients**2).sum(axis=1)))], np.random.default_rng(7)
    for _ in range(n_rows // 2):
        squares = ((gradients[:, None] - gradients[picked]) ** 2).sum(axis=2).min(axis=1)
        squares[picked] = 0
        total = np.cumsum(squares)
        picked.append(int(np.searchsorted(total, draws.random() * total[-1], side="right")))
    made = on_host(selectors.badge(xp.asarray(np.ascontiguousarray(p.T)), xp.asarray(features), n_rows // 2 + 1, seed=7))
    assert made.tolist() == picked


def test_badge_picks_each_row_once() -> None:
    p = np.full((2, 4), 0.5)
    assert sorted(selectors.badge(p, np.ones((4, 3)), 9).tolist()) == [0, 1, 2, 3]


def test_representatives_are_one_of_each_cluster() -> None:
    rows, groups = make_blobs([120, 100, 80, 60], n_features=2, centers=[[0, 0], [9, 0], [0, 9], [9, 9]], cluster_std=0.5, random_state=0)
    picked = selectors.representatives(rows, 4)
    assert sorted(groups[picked].tolist()) == [0, 1, 2, 3]
    means = np.array([rows[groups == group].mean(axis=0) for group in groups[picked]])
    assert np.linalg.norm(rows[picked] - means, axis=1).max() < 0.5  # dense places, not the edge
    labelled = groups == 0
    labelled[np.flatnonzero(labelled)[1:]] = False
    assert sorted(groups[selectors.representatives(rows, 3, labelled=labelled)].tolist()) == [1, 2, 3]
    assert len(set(selectors.representatives(rows[:5], 9).tolist())) == 5


def test_ranked_batch_is_the_equation() -> None:
    chance = np.random.default_rng(3)
    rows, scores, known = chance.normal(size=(12, 3)), chance.random(12), chance.normal(size=(4, 3))
    inside, picked = list(known), []
    for _ in range(5):
        alpha = (12 - len(picked)) / (12 + 4)
        alike = np.array([max(1 / (1 + np.linalg.norm(row - other)) for other in inside) for row in rows])
        ranked = alpha * (1 - alike) + (1 - alpha) * scores
        ranked[picked] = -1
        picked.append(int(ranked.argmax()))
        inside.append(rows[picked[-1]])
    assert selectors.ranked_batch(scores, rows, 5, centers=known).tolist() == picked
    assert selectors.ranked_batch(scores, rows, 1)[0] == scores.argmax()


def test_a_first_round_has_each_class() -> None:
    chance = np.random.default_rng(0)
    classes, hashes = chance.choice(list("abcdef"), 200, p=[0.5, 0.4, 0.04, 0.03, 0.02, 0.01]), random_order(np.arange(200))
    picked = selectors.seed_round(hashes, 10, classes=classes)
    assert set(classes[picked]) == set(classes) and len(set(picked.tolist())) == 10
    assert selectors.seed_round(hashes, 10).tolist() == np.argsort(hashes)[:10].tolist()
    with pytest.raises(UsageError, match="6 rows or more, a row for each class, got 2"):
        selectors.seed_round(hashes, 2, classes=classes)


@pytest.mark.parametrize(
    "ask",
    [
        lambda rows, hashes: selectors.top(rows[:, 0], hashes, 0),
        lambda rows, hashes: selectors.top_budget(rows[:, 0], hashes, np.ones(3), 0),
        lambda rows, hashes: selectors.k_center(rows, 0),
        lambda rows, hashes: selectors.ranked_batch(rows[:, 0], rows, 0),
        lambda rows, hashes: selectors.representatives(rows, 0),
        lambda rows, hashes: selectors.seed_round(hashes, 0),
    ],
)
def test_a_budget_of_nothing_is_refused(ask: Any) -> None:
    with pytest.raises(UsageError, match="Nothing is chosen with less"):
        ask(np.ones((3, 2)), np.arange(3).astype(np.uint64))
