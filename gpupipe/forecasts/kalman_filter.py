"""The Kalman filter of linear state-space models, for every series of a batch: filter, smooth, likelihood, forecast, simulate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.forecasts._arrays import array_library, factorized, quantile_of_normal, to_host
from gpupipe.forecasts._batch import as_numbers
from gpupipe.forecasts._forecaster import INVALID, OK, Estimator, Forecast, checked_levels, whole_number
from gpupipe.forecasts._kalman import (
    Gain,
    Likelihood,
    Matrix,
    Update,
    columns,
    dot,
    gain_of,
    is_plain,
    matmul,
    minus,
    plus,
    sandwich,
    smoothed_back,
    updated,
)

NUMBERS = 1 << 26  # that a smoother keeps of its way forward


@dataclass(frozen=True)
class States:
    """States of every series and time.

    Parameters
    ----------
    mean
        [n_series, n_times, n_states].
    covariance
        [n_series, n_times, n_states, n_states].
    loglike
        [n_series].
    status
        [n_series] 0, or 4 where a series holds an infinite value or none at all; the former has NaN for states.
    """

    mean: Any
    covariance: Any
    loglike: Any
    status: Any


@dataclass(frozen=True)
class _Step:
    """One time on the way forward."""

    time: int
    mean: list[Any]
    covariance: Matrix
    later_mean: list[Any]
    later_covariance: Matrix
    update: Update


@dataclass(eq=False)
class KalmanFilter(Estimator):
    """States of ``x' = A x + w``, ``y = H x + v`` with w ~ N(0, Q) and v ~ N(0, R).

    Each matrix is shared ([rows, columns]), one per series ([n_series, rows, columns]) or one per time too ([1 or n_series, n_times, rows,
    columns]). Entries that are the same for all series are worked with once. NaN is missing, component by component; what is missing at the
    ends is missing, too: times are the columns of Y, and a forecast begins after the last one.

    Parameters
    ----------
    A, Q
        The transition and the covariance of its noise.
    H, R
        What is observed of a state, [n_components, n_states], and the covariance of its noise.
    initial_mean, initial_covariance
        Of the state at the first time, before it is observed: [n_states] or [n_series, n_states], and a matrix.

    Notes
    -----
    Source: J. Durbin, S. J. Koopman, "Time Series Analysis by State Space Methods" (2012), chapter 4. The initial state means what it means
    in statsmodels (``initialize_known``), pykalman and simdkalman.

    Examples
    --------
    >>> import numpy as np
    >>> level = KalmanFilter([[1.0]], [[0.5]], [[1.0]], [[1.0]], [0.0], [[10.0]])
    >>> level.filter(np.array([[1.0, 2.0, np.nan, 3.0]])).mean[0, :, 0].round(3)
    array([0.909, 1.547, 1.547, 2.438])
    """

    A: Any
    Q: Any
    H: Any
    R: Any
    initial_mean: Any
    initial_covariance: Any

    def filter(self, Y: Any) -> States:
        """Return the states, each from the values up to its own time, and the log-likelihood.

        Parameters
        ----------
        Y
            [n_series, n_times], or [n_series, n_times, n_components].
        """
        model, values, status = self._read(Y)
        n_times, n_series = values.shape[0], values.shape[2]
        kept, loglike = _Kept(n_times, model.n_states, n_series, model.xp), Likelihood()
        for step in model.forward(values):
            kept.put(step.time, step.later_mean, step.later_covariance)
            loglike.add(step.update)
        return kept.states(loglike, status)

    def loglike(self, Y: Any) -> Any:
        """Return each series' log-likelihood [n_series]; Y as for `filter`."""
        model, values, _ = self._read(Y)
        loglike = Likelihood()
        for step in model.forward(values):
            loglike.add(step.update)
        return model.xp.where(model.xp.asarray(_infinite(values)), model.xp.nan, loglike.value(values.shape[2], model.xp))

    def smooth(self, Y: Any) -> States:
        """Return the states, each from all values; Y as for `filter`."""
        model, values, status = self._read(Y)
        n_times, n_series = values.shape[0], values.shape[2]
        kept, loglike = _Kept(n_times, model.n_states, n_series, model.xp), Likelihood()
        steps = list(model.forward(values))
        weight: list[Any] = [0.0] * model.n_states
        spread: Matrix = [[0.0] * model.n_states for _ in weight]
        for step in reversed(steps):
            loglike.add(step.update)
            turned = columns(model.at("A", step.time))
            if step.time < n_times - 1:
                weight, spread = [dot(row, weight) for row in turned], sandwich(turned, spread, [[0.0] * len(weight)] * len(weight))
            weight, spread = smoothed_back((weight, spread), step.update)
            mean = [plus(state, dot(row, weight)) for state, row in zip(step.mean, step.covariance, strict=True)]
            taken = matmul(matmul(step.covariance, spread), step.covariance)
            covariance = [
                [minus(one, other) for one, other in zip(*rows, strict=True)] for rows in zip(step.covariance, taken, strict=True)
            ]
            kept.put(step.time, mean, covariance)
        return kept.states(loglike, status)

    def forecast(self, Y: Any, horizon: int, level: Sequence[float] = ()) -> Forecast:
        """Return forecasts [n_series, horizon] (or [n_series, horizon, n_components]) of the times after the last column of Y.

        Parameters
        ----------
        level
            Intervals in per cent, as ``(80, 95)``.
        """
        horizon, levels = whole_number(horizon, "horizon", 1), checked_levels(level)
        model, values, status = self._read(Y, horizon)
        n_times, n_components, n_series = values.shape
        xp, mean, covariance = model.xp, model.first_mean, model.first_covariance
        for step in model.forward(values):
            mean, covariance = model.moved(step.later_mean, step.later_covariance, step.time)
        means, deviations = (xp.empty((horizon, n_components, n_series)) for _ in range(2))
        for ahead in range(horizon):
            rows = model.at("H", n_times + ahead)
            spread = sandwich(rows, covariance, model.at("R", n_times + ahead))
            for place, row in enumerate(rows):
                means[ahead, place], deviations[ahead, place] = dot(row, mean), xp.sqrt(xp.asarray(spread[place][place]))
            mean, covariance = model.moved(mean, covariance, n_times + ahead)
        means[:, :, xp.asarray(_infinite(values))] = xp.nan
        made = [xp.moveaxis(rows, 2, 0)[:, :, 0 if n_components == 1 else slice(None)] for rows in (means, deviations)]
        reach = {one: quantile_of_normal(0.5 + one / 200) * made[1] for one in levels}
        lower, upper = ({one: made[0] + side * width for one, width in reach.items()} for side in (-1, 1))
        return Forecast(made[0], lower, upper, status)

    def simulate(self, n_series: int, n_times: int, seed: int = 0, xp: Any = np) -> tuple[Any, Any]:
        """Return states [n_series, n_times, n_states] and values [n_series, n_times] (or with components) drawn from the model.

        Parameters
        ----------
        xp
            The array library of what comes out.
        """
        model = _Model.of(self, whole_number(n_series, "n_series", 1), whole_number(n_times, "n_times", 1), xp)
        chance, n_components = np.random.default_rng(seed), len(model.at("H", 0))
        states, values = xp.empty((n_times, model.n_states, n_series)), xp.empty((n_times, n_components, n_series))

        def drawn(matrix: Matrix) -> list[Any]:
            draws = [xp.asarray(chance.normal(size=n_series)) for _ in matrix]
            factor, _ = factorized(xp.stack([xp.stack([xp.zeros(n_series) + entry for entry in row]) for row in matrix]), xp)
            whole = [xp.asarray(matrix[place][place]) > 0 for place in range(len(matrix))]
            return [
                xp.where(whole[row], sum(factor[row, place] * draws[place] for place in range(row + 1)), 0.0) for row in range(len(matrix))
            ]

        mean = [plus(one, other) for one, other in zip(model.first_mean, drawn(model.first_covariance), strict=True)]
        for time in range(n_times):
            noise = drawn(model.at("R", time))
            for place, value in enumerate(mean):
                states[time, place] = value
            for place, row in enumerate(model.at("H", time)):
                values[time, place] = plus(dot(row, mean), noise[place])
            pushed = drawn(model.at("Q", time))
            mean = [plus(dot(row, mean), push) for row, push in zip(model.at("A", time), pushed, strict=True)]
        made = xp.moveaxis(values, 2, 0)
        return xp.moveaxis(states, 2, 0), made[:, :, 0] if n_components == 1 else made

    def _read(self, given: Any, n_more: int = 0) -> tuple[_Model, Any, Any]:
        """Return the model, the values [n_times, n_components, n_series], and each series' status."""
        xp = array_library(given)
        values = as_numbers(given, "Y", xp)
        n_components = np.shape(self.H)[-2] if np.ndim(self.H) >= 2 else 0
        if values.ndim == 1:
            values = values[None, :]
        if values.ndim == 2 and n_components == 1:
            values = values[:, :, None]
        if values.ndim != 3 or values.shape[2] != n_components or 0 in values.shape:
            msg = f"Y must be [n_series, n_times, {n_components}] for an H of {n_components} rows, got shape {tuple(np.shape(given))}."
            raise UsageError(msg)
        model = _Model.of(self, values.shape[0], values.shape[1] + n_more, xp)
        values = xp.ascontiguousarray(xp.moveaxis(values, 0, 2))
        bad = np.zeros(values.shape[2], dtype=bool)
        if not bool(xp.isfinite(values.sum())):
            bad = _infinite(values) | to_host(xp.isnan(values).all(axis=(0, 1)))
        return model, values, xp.asarray(np.where(bad, INVALID, OK).astype(np.int8))


def _infinite(values: Any) -> Any:
    """Return [n_series] on the host which hold an infinite value."""
    return to_host(abs(values).max(axis=(0, 1), initial=0.0, where=values == values)) == np.inf  # noqa: PLR0124  (NaN is not itself)


@dataclass(frozen=True)
class _Model:
    """The matrices as entries, of every time where they differ by time."""

    matrices: dict[str, list[Matrix]]
    first_mean: list[Any]
    first_covariance: Matrix
    xp: Any

    @classmethod
    def of(cls, given: KalmanFilter, n_series: int, n_times: int, xp: Any) -> _Model:
        """Return the entries, or say which matrix has a wrong shape."""
        n_states, n_components = (
            np.shape(given.A)[-1] if np.ndim(given.A) >= 2 else 1,
            np.shape(given.H)[-2] if np.ndim(given.H) >= 2 else 1,
        )
        shapes = {"A": (n_states, n_states), "Q": (n_states, n_states), "H": (n_components, n_states), "R": (n_components, n_components)}
        matrices = {name: _matrices(getattr(given, name), name, shape, (n_series, n_times), xp) for name, shape in shapes.items()}
        covariance = _matrices(given.initial_covariance, "initial_covariance", (n_states, n_states), (n_series, 1), xp)[0]
        mean = as_numbers(given.initial_mean, "initial_mean", xp)[..., None]
        rows = _matrices(mean, "initial_mean", (n_states, 1), (n_series, 1), xp)[0]
        return cls(matrices, [row[0] for row in rows], covariance, xp)

    @property
    def n_states(self) -> int:
        """The number of states."""
        return len(self.first_mean)

    def at(self, name: str, time: int) -> Matrix:
        """Return a matrix as it is at a time."""
        known = self.matrices[name]
        return known[time if len(known) > 1 else 0]

    def moved(self, mean: list[Any], covariance: Matrix, time: int) -> tuple[list[Any], Matrix]:
        """Return mean and covariance one step on."""
        transition = self.at("A", time)
        return [dot(row, mean) for row in transition], sandwich(transition, covariance, self.at("Q", time))

    def forward(self, values: Any) -> Iterator[_Step]:
        """Yield every time's states before and after its values are known."""
        xp, mean, covariance = self.xp, self.first_mean, self.first_covariance
        whole, some, present = _present(values, xp)
        values = values if present is None else xp.where(present > 0, values, 0.0)
        known: dict[Any, tuple[Gain, Matrix]] = {}
        with np.errstate(all="ignore"):  # a series with an infinite value makes numbers that are none, which stay its own
            for time in range(len(values)):
                seen: list[Any] = []
                for place in range(values.shape[1]):
                    shared = bool(whole[time, place]) or not bool(some[time, place])
                    seen.append(float(whole[time, place]) if shared else present[time, place])
                gain, ahead = self._gain(covariance, seen, time, known)
                later, update = updated(mean, list(values[time]), seen, self.at("H", time), gain)
                yield _Step(time, mean, covariance, later, gain.narrowed, update)
                mean, covariance = [dot(row, later) for row in self.at("A", time)], ahead

    def _gain(self, covariance: Matrix, seen: list[Any], time: int, known: dict[Any, tuple[Gain, Matrix]]) -> tuple[Gain, Matrix]:
        """Return the gain of a time and the covariance of the next one.

        They are taken from the known ones where all series share a covariance that has come before: in a steady state.
        """
        shared = is_plain(covariance) and all(isinstance(there, float) for there in seen)
        key = (tuple(entry for row in covariance for entry in row), tuple(seen)) if shared else None
        if key in known:
            return known[key]
        gain = gain_of(covariance, seen, (self.at("H", time), self.at("R", time)), self.xp)
        made = gain, sandwich(self.at("A", time), gain.narrowed, self.at("Q", time))
        if key is not None and all(len(matrices) == 1 for matrices in self.matrices.values()):
            known[key] = made
        return made


def _present(values: Any, xp: Any) -> tuple[Any, Any, Any]:
    """Return [n_times, n_components] on the host where all and where some series have a value, and the mask, None if nothing lacks."""
    if bool(xp.isfinite(values.sum())):
        everywhere = np.ones(values.shape[:2], dtype=bool)
        return everywhere, everywhere, None
    present = ~xp.isnan(values)
    return to_host(present.all(axis=2)), to_host(present.any(axis=2)), present.astype(float)


def _matrices(given: Any, name: str, shape: tuple[int, int], sizes: tuple[int, int], xp: Any) -> list[Matrix]:
    """Return a matrix for each time, or one for all, with plain floats for entries that all series share."""
    array, (n_series, n_times) = as_numbers(given, name, xp), sizes
    axes = array.shape[:-2]
    per_series = not axes or axes[0] in {1, n_series}
    per_time = array.ndim < 4 or (array.ndim == 4 and axes[1] >= n_times)
    if array.shape[-2:] != shape or not per_series or not per_time:
        msg = (
            f"{name} must be {list(shape)}, [{n_series}, {shape[0]}, {shape[1]}] (one per series) or [1 or {n_series}, {n_times}, "
            f"{shape[0]}, {shape[1]}] (one per time, those to be forecast included), got shape {tuple(array.shape)}."
        )
        raise UsageError(msg)
    if not bool(xp.isfinite(array).all()):
        msg = f"{name} holds missing or infinite numbers. Give finite ones; for an unknown initial state take a large covariance."
        raise UsageError(msg)
    array = array.reshape((*((1,) if not axes else axes[:1]), *((1,) if len(axes) < 2 else axes[1:2]), *shape))
    same = to_host((array == array[:1]).all(axis=0))
    plain = to_host(array[0])
    made = []
    for time in range(array.shape[1]):
        rows: Matrix = []
        for row in range(shape[0]):
            entries = [
                float(plain[time, row, place]) if same[time, row, place] else xp.ascontiguousarray(array[:, time, row, place])
                for place in range(shape[1])
            ]
            rows.append(entries)
        made.append(rows)
    return made


class _Kept:
    """States of every time, as they are put in; covariances that all series share are kept once."""

    def __init__(self, n_times: int, n_states: int, n_series: int, xp: Any) -> None:
        self.mean = xp.empty((n_times, n_states, n_series))
        self.n_series, self.n_states, self.xp = n_series, n_states, xp
        self.covariances: list[Any] = [None] * n_times

    def put(self, time: int, mean: list[Any], covariance: Matrix) -> None:
        """Keep the states of a time."""
        for place, value in enumerate(mean):
            self.mean[time, place] = value
        self.covariances[time] = covariance

    def states(self, likelihood: Likelihood, status: Any) -> States:
        """Return all of it, a series with an infinite value as NaN."""
        xp, n_times, n_states = self.xp, len(self.covariances), self.n_states
        shared = all(is_plain(matrix) for matrix in self.covariances)
        if shared:
            made = xp.asarray(np.array(self.covariances))[None]
        else:
            whole = xp.empty((n_times, n_states, n_states, self.n_series))
            for time, matrix in enumerate(self.covariances):
                for row in range(n_states):
                    for place in range(n_states):
                        whole[time, row, place] = matrix[row][place]
            made = xp.moveaxis(whole, 3, 0)
        made = xp.broadcast_to(made, (self.n_series, n_times, n_states, n_states))
        loglike = likelihood.value(self.n_series, xp)
        mean = xp.moveaxis(self.mean, 2, 0)
        bad = (status == INVALID) & ~xp.isfinite(mean).all(axis=(1, 2))
        if bool(bad.any()):
            mean, made = xp.where(bad[:, None, None], xp.nan, mean), xp.where(bad[:, None, None, None], xp.nan, made)
            loglike = xp.where(bad, xp.nan, loglike)
        return States(mean, made, loglike, status)
