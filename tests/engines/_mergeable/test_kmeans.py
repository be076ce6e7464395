"""KMeans from parts: Lloyd's iterations as scikit-learn makes them, from given centers or from a sample's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

UNLABELLED = {"without": ("labels_",), "methods": "predict transform"}


@pytest.fixture(scope="module")
def groups() -> Any:
    """Return 200 rows about five places, far enough apart that there is one right answer."""
    generator = np.random.default_rng(0)
    places = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0], [20.0, 20.0], [60.0, 60.0]])
    return generator.permutation(np.repeat(places, 40, axis=0)) + generator.normal(size=(200, 2))


@pytest.mark.parametrize("options", [{}, {"tol": 0.0}, {"algorithm": "elkan"}, {"max_iter": 2}], ids=repr)
@given(data=st.data())
def test_from_given_centers_it_is_the_fit_of_the_whole(
    check: Any, features: Any, far: Any, weights: Any, options: dict[str, Any], cuts: Any, data: Any
) -> None:
    table, weight = data.draw(st.sampled_from([features, far])), data.draw(st.sampled_from([None, weights]))
    estimator = KMeans(4, init=table[[3, 30, 60, 90]].copy(), **options)
    check(estimator, (table, None, weight), data.draw(cuts), rtol=1e-9, **UNLABELLED)


@given(data=st.data())
def test_a_cluster_without_rows_gets_the_farthest_row(check: Any, features: Any, weights: Any, cuts: Any, data: Any) -> None:
    weight, max_iter = data.draw(st.sampled_from([None, weights + 0.75])), data.draw(st.sampled_from([1, 300]))
    nowhere = np.vstack([features[[3, 30]], np.full((1, 4), 1e3)])
    check(KMeans(3, init=nowhere, max_iter=max_iter), (features, None, weight), data.draw(cuts), rtol=1e-9, **UNLABELLED)


@given(data=st.data())
def test_the_starts_do_not_depend_on_the_cut(scattered: Any, groups: Any, cuts: Any, data: Any) -> None:
    estimator = KMeans(5, n_init=3, random_state=7)
    one, other = (scattered(estimator, (groups, None, None), *data.draw(cuts)) for _ in range(2))
    np.testing.assert_allclose(one.cluster_centers_, other.cluster_centers_, rtol=1e-12)
    assert one.n_iter_ == other.n_iter_


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_its_own_starts_find_the_groups(scattered: Any, groups: Any, init: str) -> None:
    fitted = scattered(KMeans(5, init=init, n_init=20, random_state=0), (groups, None, None), [50, 50, 120], 0)
    whole = KMeans(5, n_init=20, random_state=0).fit(groups)
    np.testing.assert_allclose(fitted.inertia_, whole.inertia_, rtol=1e-12)
    order, other = (np.lexsort(found.cluster_centers_.T) for found in (fitted, whole))
    np.testing.assert_allclose(fitted.cluster_centers_[order], whole.cluster_centers_[other], rtol=1e-9)
    assert not hasattr(fitted, "labels_")
    np.testing.assert_allclose(-fitted.score(groups), fitted.inertia_, rtol=1e-9)


def test_more_starts_are_no_worse(scattered: Any, features: Any) -> None:
    inertia = [scattered(KMeans(6, n_init=n, random_state=1), (features, None, None), [50], 0).inertia_ for n in (1, 8)]
    assert inertia[1] <= inertia[0]


def test_iterations_are_those_of_the_best_run_alone(scattered: Any, groups: Any) -> None:
    estimator = KMeans(5, init="random", random_state=7, tol=0.0)
    one, several = (scattered(estimator.set_params(n_init=n), (groups, None, None), [50], 0) for n in (1, 12))
    np.testing.assert_allclose(one.inertia_, several.inertia_, rtol=1e-12)  # the first run finds the groups already
    assert one.n_iter_ == several.n_iter_


def test_a_random_state_is_left_as_it_was(scattered: Any, groups: Any) -> None:
    state = np.random.RandomState(3)
    before = state.get_state()[1].tolist()
    scattered(KMeans(5, random_state=state), (groups, None, None), [50], 0)
    assert state.get_state()[1].tolist() == before


def test_float32_rows_give_float32_centers(check: Any, groups: Any) -> None:
    narrow = groups.astype(np.float32)
    check(KMeans(5, init=narrow[:5].copy()), (narrow, None, None), ([50], 0), rtol=1e-5, loose=("inertia_",), **UNLABELLED)


def test_fewer_distinct_rows_than_clusters_are_told(scattered: Any) -> None:
    twice = np.repeat([[0.0, 1.0], [5.0, 5.0]], 10, axis=0)
    with pytest.warns(ConvergenceWarning, match=r"Number of distinct clusters \(2\) found smaller than n_clusters \(3\)"):
        fitted = scattered(KMeans(3, random_state=0), (twice, None, None), [3], 0)
    assert fitted.inertia_ == 0.0
    assert np.unique(fitted.cluster_centers_, axis=0).tolist() == [[0.0, 1.0], [5.0, 5.0]]


def test_what_scikit_learn_refuses_is_refused(scattered: Any, features: Any) -> None:
    with pytest.raises(ValueError, match="n_samples=2 should be >= n_clusters=3"):
        scattered(KMeans(3), (features[:2], None, None), [1], 0)
    with pytest.raises(ValueError, match="does not match the number of clusters 3"):
        scattered(KMeans(3, init=features[:2]), (features, None, None), [1], 0)
    with pytest.raises(ValueError, match="does not match the number of features of the data 4"):
        scattered(KMeans(3, init=features[:3, :2]), (features, None, None), [1], 0)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        scattered(KMeans(3), (np.where(features > 20, np.nan, features), None, None), [1], 0)
    with pytest.raises(ValueError, match="at least one non-zero"):
        scattered(KMeans(3), (features, None, np.zeros(len(features))), [1], 0)
    with pytest.warns(RuntimeWarning, match="performing only one init"):
        scattered(KMeans(3, init=features[:3].copy(), n_init=4), (features, None, None), [1], 0)
