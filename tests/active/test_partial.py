"""Partial feedback: the paper's identities, torch's loss and gradient, and a model held to scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from gpupipe.active._arrays import on_host
from gpupipe.active.hierarchy import LabelHierarchy
from gpupipe.active.partial.belief import answered, belief
from gpupipe.active.partial.classifier import PartialLabelClassifier
from gpupipe.active.partial.loss import partial_label_loss, partial_loss
from gpupipe.active.partial.methods import ask_round
from gpupipe.active.partial.questions import best_questions, question_scores
from gpupipe.active.scorers import random_order
from gpupipe.core.errors import StageError, UsageError


def drawn(seed: int, n_rows: int, n_classes: int) -> tuple[Any, Any]:
    """Return probabilities, and possible classes, at least one a row."""
    chance = np.random.default_rng(seed)
    possible = chance.random((n_rows, n_classes)) < 0.6
    possible[np.arange(n_rows), chance.integers(0, n_classes, n_rows)] = True
    return chance.dirichlet(np.full(n_classes, 0.4), n_rows), possible


def sets_of(seed: int, n_classes: int, tree: bool) -> LabelHierarchy:
    """Return a hierarchy of runs of classes, or of any sets."""
    chance = np.random.default_rng(seed)
    sets = {(place,) for place in range(n_classes)}
    for _ in range(5):
        if tree:
            start, stop = np.sort(chance.integers(0, n_classes + 1, 2))
            sets.add(tuple(range(start, stop)))
        else:
            sets.add(tuple(np.flatnonzero(chance.random(n_classes) < 0.5).tolist()))
    kept = sorted(one for one in sets if 0 < len(one) < n_classes)
    return LabelHierarchy(tuple(map(str, range(n_classes))), tuple(map(str, kept)), tuple(kept))


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(2, 9), st.booleans())
def test_a_question_is_worth_what_the_paper_says(xp: Any, seed: int, n_rows: int, n_classes: int, tree: bool) -> None:
    p, possible = drawn(seed, n_rows, n_classes)
    hierarchy = sets_of(seed, n_classes, tree)
    given_ = xp.asarray(p), xp.asarray(possible)
    eig, edc, erc = (on_host(question_scores(*given_, hierarchy, worth)) for worth in ("EIG", "EDC", "ERC"))
    q = on_host(belief(*given_))
    np.testing.assert_allclose(q.sum(axis=1), 1)
    for row in range(n_rows):
        n = possible[row].sum()
        for number, inside in enumerate(hierarchy.matrix):
            yes, no = possible[row] & inside, possible[row] & ~inside
            if not yes.any() or not no.any():
                assert eig[row, number] == edc[row, number] == erc[row, number] == -np.inf
                continue
            share = q[row][inside].sum()
            after = [(share, yes), (1 - share, no)]
            left = sum(w * entropy(np.where(some, q[row], 0), base=2) for w, some in after if w > 0 and q[row][some].sum() > 0)
            assert eig[row, number] == pytest.approx(entropy(q[row], base=2) - left, abs=1e-9)
            assert edc[row, number] == pytest.approx(sum(w * (n - some.sum()) for w, some in after), abs=1e-9)
            assert erc[row, number] == pytest.approx(edc[row, number] - n, abs=1e-9)
    questions, worths = (on_host(each) for each in best_questions(*given_, hierarchy, "EDC"))
    np.testing.assert_allclose(worths, edc.max(axis=1))
    for row, (question, worth) in enumerate(zip(questions, worths, strict=True)):
        assert question == -1 if np.isneginf(worth) else edc[row, question] == pytest.approx(worth)


def test_halving_is_best_where_nothing_is_known() -> None:
    hierarchy = sets_of(0, 8, tree=True)
    p, possible = np.full((1, 8), 1 / 8), np.ones((1, 8), bool)
    scores = question_scores(p, possible, hierarchy, "EDC")[0]
    sizes = hierarchy.matrix.sum(axis=1)
    np.testing.assert_allclose(scores, 2 * sizes * (8 - sizes) / 8)


def test_answers_leave_the_truth_possible() -> None:
    hierarchy, truth = sets_of(3, 6, tree=False), np.arange(6)
    possible = np.ones((6, 6), bool)
    for question in range(len(hierarchy.sets)):
        asked = np.full(6, question)
        possible = answered(possible, hierarchy, asked, hierarchy.matrix[question][truth])
    np.testing.assert_array_equal(possible, np.eye(6, dtype=bool))


@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.integers(2, 6))
def test_the_loss_and_its_gradient_are_torchs(xp: Any, seed: int, n_rows: int, n_classes: int) -> None:
    _, possible = drawn(seed, n_rows, n_classes)
    logits = np.random.default_rng(seed).normal(scale=30, size=(n_rows, n_classes))
    theirs = torch.tensor(logits, requires_grad=True)
    inside = theirs.masked_fill(~torch.tensor(possible), -torch.inf)
    expected = (torch.logsumexp(theirs, 1) - torch.logsumexp(inside, 1)).mean()
    expected.backward()
    loss, gradient = partial_loss(xp.asarray(logits), xp.asarray(possible))
    assert loss == pytest.approx(expected.item(), abs=1e-9)
    assert theirs.grad is not None
    np.testing.assert_allclose(on_host(gradient), theirs.grad.numpy(), atol=1e-12)
    known = possible.sum(axis=1) < n_classes
    made = partial_label_loss(torch.tensor(logits), torch.tensor(possible))
    assert float(made) == pytest.approx(partial_loss(logits[known], possible[known])[0] if known.any() else 0.0, abs=1e-9)


def test_an_unlikely_class_has_its_whole_loss() -> None:
    loss, gradient = partial_loss(np.array([[59.3, 0.0]]), np.array([[False, True]]))
    assert loss == pytest.approx(59.3)
    np.testing.assert_allclose(gradient, [[1, -1]])
    exact = torch.nn.functional.cross_entropy(torch.tensor([[59.3, 0.0]], dtype=torch.float64), torch.tensor([1]))
    assert loss == pytest.approx(float(exact))


def test_the_linear_model_is_logistic_regression() -> None:
    rows, truth = load_digits(return_X_y=True)
    rows = rows / 16
    possible = np.eye(10, dtype=bool)[truth]
    ours = PartialLabelClassifier(hidden=(), epochs=40, rate=0.02, decay=0.0).fit(rows[:1200], possible[:1200])
    theirs = LogisticRegression(C=10.0).fit(rows[:1200], truth[:1200])
    made = ours.predict_proba(rows[1200:])
    assert (made.argmax(axis=1) == theirs.predict(rows[1200:])).mean() > 0.96
    np.testing.assert_allclose(made.sum(axis=1), 1)


def test_sets_teach_classes() -> None:
    """Two halves of the digits are told only as "one of five"; classes are learned from them and a few that are known."""
    rows, truth = load_digits(return_X_y=True)
    rows = rows / 16
    possible = (np.arange(10) % 2 == truth[:, None] % 2) | np.zeros((len(rows), 10), bool)
    possible[:150] = np.eye(10, dtype=bool)[truth[:150]]
    few = PartialLabelClassifier((64,), epochs=1).fit(rows[:150], possible[:150])
    both = PartialLabelClassifier((64,), epochs=1).fit(rows[:1200], possible[:1200])
    accuracy = [(model.predict_proba(rows[1200:]).argmax(axis=1) == truth[1200:]).mean() for model in (few, both)]
    assert accuracy[1] > accuracy[0] + 0.01, accuracy


def test_what_is_wrong_is_told() -> None:
    hierarchy = LabelHierarchy(("a", "b"), ("a", "b"), ((0,), (1,)))
    with pytest.raises(UsageError, match="contradict each other"):
        belief(np.full((1, 2), 0.5), np.zeros((1, 2), bool))
    with pytest.raises(UsageError, match="hierarchy's 2 classes, got 3"):
        question_scores(np.full((1, 3), 1 / 3), np.ones((1, 3), bool), hierarchy)
    with pytest.raises(UsageError, match="'EIG', 'EDC' or 'ERC', got 'XXX'"):
        question_scores(np.full((1, 2), 0.5), np.ones((1, 2), bool), hierarchy, "XXX")  # type: ignore[arg-type]
    with pytest.raises(StageError, match="Answer some questions first"):
        PartialLabelClassifier().fit(np.ones((2, 3)), np.ones((2, 2), bool))
    with pytest.raises(StageError, match="finite numbers"):
        PartialLabelClassifier().fit(np.full((2, 3), np.nan), np.eye(2, dtype=bool))
    with pytest.raises(UsageError, match="epochs=0"):
        PartialLabelClassifier(epochs=0)


def test_questions_by_belief_cost_less_than_halving() -> None:
    """Digits, of which 60 are known at the start: rounds of questions until each row's class is known, the model anew in each."""
    rows, truth = load_digits(return_X_y=True)
    rows, truth = rows[:600] / 16, truth[:600]
    hierarchy = LabelHierarchy.flat([str(digit) for digit in range(10)]).halved()
    hashes, exact = random_order(np.arange(600)), np.eye(10, dtype=bool)[truth]
    warm = np.ones((600, 10), bool)
    warm[:60] = exact[:60]
    spent = {}
    for method in ("uniform", "AQ-EIG", "ALPF-EIG"):
        possible, spent[method] = warm.copy(), 0
        while (possible.sum(axis=1) > 1).any():
            p = PartialLabelClassifier((), epochs=5, least_steps=100, rate=0.05).fit(rows, possible).predict_proba(rows)
            possible, asked = ask_round(
                p, possible, hashes, hierarchy, 600, lambda rows_, asked: hierarchy.matrix[asked, truth[rows_]], method=method
            )
            spent[method] += asked
        np.testing.assert_array_equal(possible, exact)  # what answers leave is the truth
    assert 540 * 3.2 < spent["uniform"] < 540 * 3.7  # log2 of 10 is 3.3
    assert max(spent["AQ-EIG"], spent["ALPF-EIG"]) < 0.65 * spent["uniform"], spent
