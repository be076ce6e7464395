"""KMeans by Lloyd's iterations, a pass each; all of `n_init` starts go along in the same passes.

With an array as `init` the centers, inertia and number of iterations are scikit-learn's. Otherwise the starts are drawn by k-means++ (or at
random) from a sample: scikit-learn draws rows by their number, and a row of a cut table has none. Of rows that hash lowest, each counted as
often as it occurs, the sample is the same however the rows are cut and ordered, and the whole of them where they are few.

`algorithm="elkan"` is a way to save distances that comes to the same centers. A fitted estimator has no `labels_`: they are as long as the
table, which is elsewhere; `predict` gives them. A run ends when the centers move by no more than the tolerance; scikit-learn ends also when
no row changed its cluster, but then the centers do not move either.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from sklearn.base import clone
from sklearn.cluster import kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state

from gpupipe.engines._mergeable.checks import checked_features, checked_weight, chunks, require_rows, require_weight
from gpupipe.engines._mergeable.contract import Array, EstimatorFit, Part
from gpupipe.engines._mergeable.moments import merge_moments, moments_of
from gpupipe.kernels.xxh64 import combine, xxh64_fixed

LEAST_SAMPLE = 3000
SAMPLE_PER_CLUSTER = 100
MOMENTS = ("total", "mean", "scatter")
Phase = Literal["survey", "move", "relocate", "judge"]


@dataclass(frozen=True)
class KMeansState:
    """How far the runs are.

    Parameters
    ----------
    phase
        What the pass does: survey the rows and draw a sample; move the centers; look for the rows farthest from their centers, where a
        cluster is empty; judge the final centers.
    centers
        [n_runs, n_clusters, n_features], less the mean.
    active
        Which runs still move.
    held
        What was measured before a pass that looks for far rows.
    """

    n_features: int
    dtype: np.dtype[Any]
    seed: int
    phase: Phase = "survey"
    mean: Array | None = None
    tolerance: float = 0.0
    centers: Array | None = None
    active: Array | None = None
    n_iter: Array | None = None
    held: Part | None = None

    def known(self) -> tuple[Array, Array, Array, Array]:
        """Return the mean, the centers, which runs are active, and their iterations, once the rows are surveyed."""
        assert self.mean is not None and self.centers is not None and self.active is not None and self.n_iter is not None
        return self.mean, self.centers, self.active, self.n_iter


class KMeansFit(EstimatorFit):
    """Fits KMeans."""

    takes_target: ClassVar[bool] = False

    def start(self, n_features: int, dtype: npt.DTypeLike = np.float64) -> KMeansState:
        """Return the state before the survey, with the seed drawn: no pass draws another."""
        self.estimator._validate_params()
        random = check_random_state(copy.deepcopy(self.estimator.random_state))
        return KMeansState(n_features, np.dtype(dtype), int(random.randint(np.iinfo(np.int32).max)))

    def asked(self, state: KMeansState) -> KMeansState:
        """Return the state without what the pass before measured."""
        return replace(state, held=None)

    def measure(self, state: KMeansState, features: Array, target: Array | None = None, weight: Array | None = None) -> Part:
        """Return what the phase asks of a block."""
        rows = checked_features(self.estimator, features, state.n_features)
        weights = checked_weight(self.estimator, weight, len(rows))
        if state.phase == "survey":
            moments = dict(zip(MOMENTS, moments_of(rows, np.ones(len(rows))), strict=True))
            return {"n_rows": np.int64(len(rows)), "weight": weights.sum(), **moments, **self._sampled(rows, weights, state.seed)}
        mean, centers, active, _ = state.known()
        parts = [_nothing(state, centers[active])]
        for some, weighing in chunks(rows, weights):
            parts.append(_of_chunk(state, some - mean, weighing, centers if state.phase == "judge" else centers[active]))
        return self.merge(parts)

    def merge(self, parts: Sequence[Part]) -> Part:
        """Return the same of all parts' rows."""
        first = parts[0]
        if "hash" in first:
            moments = merge_moments(*(np.stack([part[name] for part in parts]) for name in MOMENTS))
            sampled = (np.concatenate([part[name] for part in parts]) for name in ("hash", "rows", "row_weight"))
            counts = {name: sum(part[name] for part in parts) for name in ("n_rows", "weight")}
            return {**counts, **dict(zip(MOMENTS, moments, strict=True)), **_lowest(self._sample_size(), *sampled)}
        if "distance" in first:
            return _farthest(parts, self.estimator.n_clusters)
        return {name: np.sum([part[name] for part in parts], axis=0) for name in first}

    def advance(self, state: KMeansState, total: Part) -> tuple[KMeansState, bool]:
        """Return the state with the starts, with centers that moved, or with what they are worth."""
        if state.phase == "survey":
            return self._surveyed(state, total), False
        if state.phase == "judge":
            return replace(state, held=total), True
        if state.phase == "relocate":
            assert state.held is not None
            return self._moved(replace(state, held=None), _relocated(state.held, total)), False
        if (total["weights"] == 0).any():
            return replace(state, phase="relocate", held=total), False
        return self._moved(state, total), False

    def finish(self, state: KMeansState) -> Any:
        """Return the fitted KMeans, of the run with the least inertia."""
        mean, centers, _, n_iter = state.known()
        assert state.held is not None
        best = 0
        for run, inertia in enumerate(state.held["inertia"]):  # of runs that differ by rounding alone, the first, as in scikit-learn
            best = run if inertia < state.held["inertia"][best] * (1 - 1e-12) else best
        n_clusters = self.estimator.n_clusters
        distinct = int((state.held["members"][best] > 0).sum())
        if distinct < n_clusters:
            message = (
                f"Number of distinct clusters ({distinct}) found smaller than n_clusters ({n_clusters}). "
                "Possibly due to duplicate points in X."
            )
            warnings.warn(message, ConvergenceWarning, stacklevel=2)
        fitted = clone(self.estimator)
        plain = np.repeat(np.arange(float(n_clusters))[:, None], state.n_features, axis=1)  # what predict needs beside the centers
        fitted.set_params(init=plain, n_init=1, max_iter=1, verbose=0, algorithm="lloyd").fit(plain.astype(state.dtype))
        fitted.set_params(**self.estimator.get_params(deep=False))
        fitted.cluster_centers_ = (centers[best] + mean).astype(state.dtype)
        fitted.inertia_, fitted.n_iter_ = float(state.held["inertia"][best]), int(n_iter[best])
        del fitted.labels_
        return fitted

    def _sample_size(self) -> int:
        """Return how many distinct rows the starts are drawn from."""
        return max(LEAST_SAMPLE, SAMPLE_PER_CLUSTER * int(self.estimator.n_clusters))

    def _given(self) -> bool:
        """Whether the centers to start from are given."""
        return not isinstance(self.estimator.init, str)

    def _sampled(self, rows: Array, weights: Array, seed: int) -> Part:
        """Return the rows of a block that hash lowest, each once, with the weight of all that equal it."""
        chosen = np.zeros(0, np.intp) if self._given() else np.flatnonzero(weights > 0)
        kept = rows[chosen].astype(np.float64) + 0.0
        hashes = np.full(len(kept), seed, np.uint64)
        for column in kept.T:
            hashes = combine(hashes, xxh64_fixed(np.ascontiguousarray(column), seed))
        return _lowest(self._sample_size(), hashes, kept, weights[chosen])

    def _surveyed(self, state: KMeansState, total: Part) -> KMeansState:
        """Return the state with the mean, the tolerance and the starts."""
        n_rows, n_clusters = int(total["n_rows"]), self.estimator.n_clusters
        require_rows(self.estimator, n_rows, state.n_features)
        if n_rows < n_clusters:
            msg = f"n_samples={n_rows} should be >= n_clusters={n_clusters}."
            raise ValueError(msg)
        require_weight(float(total["weight"]))
        tolerance = float((total["scatter"] / n_rows).mean()) * self.estimator.tol
        centers = np.stack(self._starts(state, total["mean"], total))
        active, n_iter = np.ones(len(centers), bool), np.zeros(len(centers), int)
        return replace(state, phase="move", mean=total["mean"], tolerance=tolerance, centers=centers, active=active, n_iter=n_iter)

    def _starts(self, state: KMeansState, mean: Array, total: Part) -> list[Array]:
        """Return the centers that each run starts from, less the mean."""
        estimator = self.estimator
        if self._given():
            if estimator.n_init not in ("auto", 1):
                message = (
                    f"Explicit initial center position passed: performing only one init in KMeans instead of n_init={estimator.n_init}."
                )
                warnings.warn(message, RuntimeWarning, stacklevel=4)
            given = check_array(estimator.init, dtype=np.float64)
            _require_shape(given.shape, estimator.n_clusters, state.n_features)
            return [given - mean]
        plus = estimator.init == "k-means++"
        n_runs = (1 if plus else 10) if estimator.n_init == "auto" else estimator.n_init
        random = np.random.RandomState(state.seed)  # the generator that scikit-learn takes
        rows, weights = total["rows"] - mean, total["row_weight"]
        if len(rows) < estimator.n_clusters:  # fewer distinct rows than clusters: some start at one place
            repeated = np.arange(estimator.n_clusters) % len(rows)
            rows, weights = rows[repeated], weights[repeated]
        return [self._drawn(rows, weights, random, plus=plus) for _ in range(n_runs)]

    def _drawn(self, rows: Array, weights: Array, random: Any, *, plus: bool) -> Array:
        """Return the centers of one start, drawn from the sample."""
        n_clusters = self.estimator.n_clusters
        if plus:
            centers: Array = kmeans_plusplus(rows, n_clusters, sample_weight=weights, random_state=random)[0]
            return centers
        drawn: Array = rows[random.choice(len(rows), size=n_clusters, replace=False, p=weights / weights.sum())]
        return drawn

    def _moved(self, state: KMeansState, total: Part) -> KMeansState:
        """Return the state with the centers of the active runs at the means of their clusters."""
        _, centers, active, n_iter = state.known()
        before = centers[active]
        weights, sums = total["weights"], total["sums"]
        after = sums / np.where(weights > 0, weights, 1.0)[..., None]
        largest = after[np.arange(len(after)), weights.argmax(axis=1)]
        after = np.where((weights > 0)[..., None], after, largest[:, None])  # scikit-learn's place for a cluster that stays empty
        shift = ((after - before) ** 2).sum(axis=(1, 2))
        rounding = (4 * np.finfo(np.float64).eps) ** 2 * (after**2).sum(axis=(1, 2))
        centers, active, n_iter = centers.copy(), active.copy(), n_iter + active
        running = np.flatnonzero(active)
        centers[running] = after
        active[running] = (shift > np.maximum(state.tolerance, rounding)) & (n_iter[running] < self.estimator.max_iter)
        return replace(state, phase="move" if active.any() else "judge", centers=centers, active=active, n_iter=n_iter)


def _require_shape(shape: tuple[int, ...], n_clusters: int, n_features: int) -> None:
    """Raise what scikit-learn raises where the given centers are of another shape."""
    if shape[0] != n_clusters:
        msg = f"The shape of the initial centers {shape} does not match the number of clusters {n_clusters}."
        raise ValueError(msg)
    if shape[1] != n_features:
        msg = f"The shape of the initial centers {shape} does not match the number of features of the data {n_features}."
        raise ValueError(msg)


def _labels(rows: Array, centers: Array) -> Array:
    """Return the nearest center of each row; the first of several."""
    nearest: Array = ((centers**2).sum(axis=1) - 2.0 * (rows @ centers.T)).argmin(axis=1)
    return nearest


def _nothing(state: KMeansState, moving: Array) -> Part:
    """Return what the phase measures where there are no rows."""
    _, centers, _, _ = state.known()
    if state.phase == "judge":
        return {"inertia": np.zeros(len(centers)), "members": np.zeros(centers.shape[:2])}
    if state.phase == "relocate":
        return _far_rows(np.zeros((0, state.n_features)), np.zeros(0), moving)
    return {"weights": np.zeros(moving.shape[:2]), "sums": np.zeros(moving.shape)}


def _of_chunk(state: KMeansState, rows: Array, weights: Array, centers: Array) -> Part:
    """Return what the phase measures of some thousand rows."""
    if state.phase == "relocate":
        return _far_rows(rows, weights, centers)
    n_clusters = centers.shape[1]
    first, second = [], []
    for run in centers:
        labels = _labels(rows, run)
        if state.phase == "judge":
            first.append(weights @ ((rows - run[labels]) ** 2).sum(axis=1))
            second.append(np.bincount(labels, minlength=n_clusters).astype(np.float64))
        else:
            chosen = (np.arange(n_clusters)[:, None] == labels) * weights
            first.append(np.bincount(labels, weights=weights, minlength=n_clusters))
            second.append(chosen @ rows)
    names = ("inertia", "members") if state.phase == "judge" else ("weights", "sums")
    return {names[0]: np.array(first), names[1]: np.array(second)}


def _far_rows(rows: Array, weights: Array, centers: Array) -> Part:
    """Return, for each run, every row with its distance from its center, its weight and its cluster."""
    labels = np.stack([_labels(rows, run) for run in centers])
    distance = np.stack([((rows - run[own]) ** 2).sum(axis=1) for run, own in zip(centers, labels, strict=True)])
    return {"distance": distance, "label": labels, "weight": np.tile(weights, (len(centers), 1)), "row": np.stack([rows] * len(centers))}


def _farthest(parts: Sequence[Part], n_kept: int) -> Part:
    """Return, for each run, the rows of all parts that are farthest from their centers, the farthest first."""
    joined = {name: np.concatenate([part[name] for part in parts], axis=1) for name in parts[0]}
    order = np.argsort(-joined["distance"], axis=1, kind="stable")[:, :n_kept]
    runs = np.arange(len(order))[:, None]
    return {name: values[runs, order] for name, values in joined.items()}


def _relocated(held: Part, far: Part) -> Part:
    """Return the sums with each empty cluster at one of the rows farthest from their centers, which leave their own clusters."""
    sums, weights = held["sums"].copy(), held["weights"].copy()
    for run in range(len(sums)):
        if far["distance"][run].max() == 0:  # fewer distinct rows than clusters
            continue
        for place, empty in enumerate(np.flatnonzero(weights[run] == 0)):
            moved, weight = far["row"][run, place], far["weight"][run, place]
            own = far["label"][run, place]
            sums[run, own] -= moved * weight
            weights[run, own] -= weight
            sums[run, empty], weights[run, empty] = moved * weight, weight
    return {"sums": sums, "weights": weights}


def _lowest(n_kept: int, hashes: Array, rows: Array, weights: Array) -> Part:
    """Return the distinct rows that hash lowest, with the weight of all that equal each."""
    distinct, first, where = np.unique(hashes, return_index=True, return_inverse=True)
    summed = np.bincount(where, weights=weights, minlength=len(distinct)).astype(np.float64)
    return {"hash": distinct[:n_kept], "rows": rows[first[:n_kept]], "row_weight": summed[:n_kept]}


def why_not_kmeans(estimator: Any) -> str | None:
    """Return why a KMeans with these parameters is not fitted from parts, or nothing."""
    if callable(estimator.init):
        return "init is a function of all rows; give 'k-means++' or an array of centers"
    return None
