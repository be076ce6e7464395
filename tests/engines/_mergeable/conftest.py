"""What tests of fits from parts share: tables to fit on, ways to cut and merge them, and the comparison with scikit-learn's own fit."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from sklearn.base import clone

from gpupipe.engines._mergeable.choose import mergeable

N_ROWS = 120


def fit_scattered(estimator: Any, table: tuple[Any, Any, Any], cuts: list[int], seed: int) -> Any:
    """Fit from blocks as a cluster would: everything between two places pickled, the parts merged in some order as some tree."""
    fit = mergeable(estimator)
    assert fit is not None
    features = table[0]
    blocks = [tuple(None if part is None else part[rows] for part in table) for rows in np.split(np.arange(len(features)), sorted(cuts))]
    chance = random.Random(seed)
    state, done = fit.start(features.shape[1], features.dtype), False
    while not done:
        fit, state = pickle.loads(pickle.dumps((fit, state)))
        measure = pickle.loads(pickle.dumps(fit.measuring(state)))
        parts = [pickle.loads(pickle.dumps(measure(*block))) for block in blocks]
        chance.shuffle(parts)
        while len(parts) > 1:
            n_merged = chance.randint(2, len(parts))
            parts = [*parts[n_merged:], fit.merge(parts[:n_merged])]
        state, done = fit.advance(state, fit.merge(parts))
    return fit.finish(state)


def fit_whole(estimator: Any, table: tuple[Any, Any, Any]) -> Any:
    """Fit as scikit-learn does."""
    features, target, weight = table
    options = {} if weight is None else {"sample_weight": weight}
    return clone(estimator).fit(features, target, **options)


def learned(estimator: Any) -> dict[str, Any]:
    """Return what fitting put into an estimator, in public."""
    return {name: value for name, value in vars(estimator).items() if name.endswith("_") and not name.startswith("_")}


def compare(fitted: Any, whole: Any, rtol: float, without: tuple[str, ...] = (), loose: tuple[str, ...] = ()) -> None:
    """Compare every public attribute: that it is there, its shape, its dtype, its values relative to the largest."""
    ours, theirs = learned(fitted), learned(whole)
    assert set(ours) == set(theirs) - set(without)
    assert set(vars(whole)) - set(vars(fitted)) <= set(without), "a private attribute is missing that a method may need"
    for name in sorted(set(ours) - set(loose)):
        left, right = (values if isinstance(values, list) else [values] for values in (ours[name], theirs[name]))
        assert len(left) == len(right)
        for mine, whole_one in zip(left, right, strict=True):
            if whole_one is None or isinstance(whole_one, str):
                assert mine == whole_one, name
                continue
            one, other = np.asarray(mine), np.asarray(whole_one)
            assert (one.dtype, one.shape) == (other.dtype, other.shape), name
            if other.dtype.kind in "OUSb":
                assert one.tolist() == other.tolist(), name
            elif other.size:
                finite = other[np.isfinite(other)]
                size = float(np.abs(finite).max()) if finite.size else 0.0
                size = max(size, 1.0) if name == "dual_gap_" else size  # a difference of two sums that are nearly equal
                np.testing.assert_allclose(one, other, rtol=0, atol=rtol * size + 1e-300, err_msg=name)
    assert fitted.get_params().keys() == whole.get_params().keys()
    for name, value in whole.get_params().items():
        np.testing.assert_array_equal(fitted.get_params()[name], value)


@pytest.fixture(autouse=True, scope="session")
def _short_arrays() -> Iterator[None]:
    """Keep the tables out of what a failure prints."""
    with np.printoptions(threshold=8, edgeitems=2):
        yield


@pytest.fixture(scope="session")
def check() -> Callable[..., Any]:
    """Return the law: fitted on blocks, cut and merged anyhow, an estimator is what it is fitted on the whole."""

    def law(
        estimator: Any, table: tuple[Any, Any, Any], cut: tuple[list[int], int], rtol: float = 1e-9, methods: str = "", **options: Any
    ) -> Any:
        fitted, whole = fit_scattered(estimator, table, *cut), fit_whole(estimator, table)
        compare(fitted, whole, rtol, **options)
        for method in methods.split():
            mine, theirs = getattr(fitted, method)(table[0]), getattr(whole, method)(table[0])
            if theirs.dtype.kind in "fc":
                np.testing.assert_allclose(mine, theirs, rtol=0, atol=100 * rtol * np.nanmax(np.abs(theirs)), err_msg=method)
            else:
                assert mine.tolist() == theirs.tolist(), method
        return fitted

    return law


@pytest.fixture(scope="session")
def scattered() -> Callable[..., Any]:
    """Return the fit from blocks alone."""
    return fit_scattered


@pytest.fixture(scope="session")
def features() -> Any:
    """Return features of several sizes, about means that are not zero."""
    generator = np.random.default_rng(1)
    return generator.normal(size=(N_ROWS, 4)) * np.array([1.0, 2.0, 0.1, 5.0]) + np.array([1.0, -3.0, 0.5, 20.0])


@pytest.fixture(scope="session")
def far(features: Any) -> Any:
    """Return features with the mean 1e6 and the deviation 1."""
    return (features - features.mean(axis=0)) / features.std(axis=0) + 1e6


@pytest.fixture(scope="session")
def numbers(features: Any) -> Any:
    """Return a target that depends on the features."""
    return features @ np.array([1.0, 2.0, 3.0, -1.0]) + np.random.default_rng(2).normal(size=N_ROWS)


@pytest.fixture(scope="session")
def weights() -> Any:
    """Return weights, some of them zero."""
    return np.random.default_rng(3).integers(0, 4, N_ROWS) * 0.75


@pytest.fixture(scope="session")
def labels(numbers: Any) -> dict[str, Any]:
    """Return targets of classes: two and three, as strings, objects, integers and booleans."""
    noisy = numbers + 8 * np.random.default_rng(4).normal(size=N_ROWS)
    low, high = np.quantile(noisy, [0.4, 0.8])
    three = np.digitize(noisy, [low, high])
    return {
        "strings": np.array(["no", "yes"])[(three > 0).astype(int)],
        "objects": np.array(["a", "bb", "c"], dtype=object)[three],
        "integers": three * 7,
        "booleans": three > 0,
    }


@pytest.fixture(scope="session")
def cuts() -> Any:
    """Return the ways to cut the rows, with empty and one-row blocks among them, and a seed for how the parts are merged."""
    return st.tuples(st.lists(st.sampled_from([0, 0, 1, 2, 60, 60, 61, 90, 119, 120]), max_size=7), st.integers(0, 1000))
