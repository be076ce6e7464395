"""One step of the Kalman filter of an ARMA process in Harvey's state space, for many series and candidates at once.

Arrays are [state, candidate, series]. Innovations have variance 1; what comes out is each step's prediction error v and its variance F.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from gpupipe.forecasts._polynomials import state_covariance_with_value

DIFFUSE = 1e8  # the variance of a value that nothing is known about, where that of the series is about 1
TOO_WIDE = 1e4  # a prediction with such a variance rests on such a value, and is no part of the likelihood


@dataclass
class FastFilter:
    """The filter where nothing is missing: the covariance moves by a matrix of rank one, so a step costs O(size), not O(size²).

    Source: M. Morf, G. S. Sidhu, T. Kailath, "Some new algorithms for recursive estimation in constant, linear, discrete-time systems",
    IEEE Trans. Automatic Control 19 (1974); J. G. Pearlman, "An algorithm for the exact likelihood of a high-order autoregressive-moving
    average process", Biometrika 67 (1980).
    """

    ar: Any
    ar_lags: tuple[int, ...]
    state: Any
    gain: Any
    covariance: Any  # of the next state with the value: F times the gain
    width: Any
    factor: Any
    variance: Any

    @classmethod
    def at_start(cls, ar: Any, ma: Any, ar_lags: tuple[int, ...], xp: Any) -> FastFilter:
        """Return the stationary filter before the first value."""
        size = max(len(ar), len(ma) + 1)
        column = state_covariance_with_value(ar, ma, size, xp)
        variance = column[0].copy()
        covariance = _moved(column, ar, ar_lags)
        state = xp.zeros_like(covariance)
        return cls(ar, ar_lags, state, covariance / variance, covariance, covariance.copy(), -1 / variance, variance)

    def narrowed(self, n: int) -> FastFilter:
        """Return views of the first n series."""
        names = ("ar", "state", "gain", "covariance", "width", "factor", "variance")
        return replace(self, **{name: getattr(self, name)[..., :n] for name in names})

    def predicted(self) -> Any:
        """Return the prediction of the next values [candidate, series]."""
        return self.state[0].copy()

    def add_change(self, covariance: Any) -> None:
        """Add to a covariance of the states [size, size, candidate, series] what the next step changes of it."""
        for row in range(len(covariance)):
            covariance[row] += self.width * (self.width[row] * self.factor)

    def step(self, value: Any, seen: Any, xp: Any) -> tuple[Any, Any, Any]:
        """Take the values [candidate, series]; return their prediction errors, the errors' variances, and None: all count."""
        error, variance = value - self.state[0], self.variance.copy()
        first = self.state[0].copy()
        _move_in_place(self.state, first, self.ar, self.ar_lags)
        self.state += self.gain * error
        first = self.width[0].copy()
        weighted = self.factor * first
        _move_in_place(self.width, first, self.ar, self.ar_lags)
        self.covariance += self.width * weighted
        self.factor += weighted * weighted / variance
        self.variance += weighted * first
        xp.divide(self.covariance, self.variance, out=self.gain)
        self.width -= self.gain * first
        return error, variance, None


def _moved(column: Any, ar: Any, ar_lags: tuple[int, ...]) -> Any:
    made = column.copy()
    _move_in_place(made, column[0].copy(), ar, ar_lags)
    return made


def _move_in_place(rows: Any, first: Any, ar: Any, ar_lags: tuple[int, ...]) -> None:
    """Multiply by the transition: every state moves up by one, and the first one is spread by the autoregression."""
    for row in range(len(rows) - 1):
        rows[row] = rows[row + 1]
    rows[-1] = 0.0
    for lag in ar_lags:
        rows[lag] += ar[lag] * first


@dataclass
class GapFilter:
    """The filter where values are missing: of the series itself, its last d + sD values being states behind those of the ARMA process.

    Source: J. Durbin, S. J. Koopman, "Time Series Analysis by State Space Methods" (2012), sections 3.4 and 4.10.
    """

    ar: Any
    noise: Any
    deltas: list[float]
    state: Any
    covariance: Any

    @classmethod
    def after(cls, ar: Any, ma: Any, deltas: list[float], covariance: Any, xp: Any) -> GapFilter:
        """Return a filter at whose place the last values are known, and the ARMA states up to this covariance [size, size, ...]."""
        made = cls.at_start(ar, ma, deltas, (xp.zeros((len(deltas), 1)), xp.ones((len(deltas), 1), dtype=bool)), xp)
        size = len(covariance)
        made.covariance[:size, :size] = covariance
        return made

    @classmethod
    def at_start(cls, ar: Any, ma: Any, deltas: list[float], before: tuple[Any, Any], xp: Any) -> GapFilter:
        """Return the filter before the first value that counts.

        Parameters
        ----------
        deltas
            See `differencing`.
        before
            The values before that, the newest first [n_deltas, candidate, series], and which of them were seen [n_deltas, series].
        """
        wide, noise, stationary = stationary_states(ar, ma, xp)
        size, shape = len(wide), wide.shape[1:]
        full = size + len(deltas)
        covariance = xp.zeros((full, full, *shape))
        covariance[:size, :size] = stationary
        state = xp.zeros((full, *shape))
        values, seen = before
        for place in range(len(deltas)):
            state[size + place] = xp.where(seen[place], values[place], 0.0)
            covariance[size + place, size + place] = xp.where(seen[place], 0.0, DIFFUSE)
        return cls(wide, noise, deltas, state, covariance)

    def narrowed(self, n: int) -> GapFilter:
        """Return views of the first n series."""
        names = ("ar", "noise", "state", "covariance")
        return replace(self, **{name: getattr(self, name)[..., :n] for name in names})

    def predicted(self) -> Any:
        """Return the prediction of the next values [candidate, series]."""
        return self._observed(self.state)

    def step(self, value: Any, seen: Any, xp: Any) -> tuple[Any, Any, Any]:
        """Take the values [candidate, series]; return their prediction errors, the errors' variances, and which series' count.

        Where one does not count, these are 0 and 1.
        """
        with_value = self._observed(self.covariance)
        variance = self._observed(with_value)
        variance = xp.where(seen, variance, 1.0)
        error = xp.where(seen, value - self._observed(self.state), 0.0)
        share = xp.where(seen, 1.0, 0.0) / variance
        self.state += with_value * (error * share)
        for row in range(len(self.state)):
            self.covariance[row] -= with_value * (with_value[row] * share)
        self.advance(xp)
        counts = seen & (variance[0] <= TOO_WIDE)
        return xp.where(counts, error, 0.0), xp.where(counts, variance, 1.0), counts

    def advance(self, xp: Any) -> None:
        """Move state and covariance on by one step."""
        self.state[...] = self._next(self.state, xp)
        covariance = xp.swapaxes(self._next(self.covariance, xp), 0, 1)
        self.covariance[...] = self._next(covariance, xp)
        size = len(self.ar)
        for row in range(size):
            self.covariance[row, :size] += self.noise[row] * self.noise

    def prediction_variance(self) -> Any:
        """Return the variance of the next value [candidate, series]."""
        return self._observed(self._observed(self.covariance))

    def _observed(self, rows: Any) -> Any:
        """Return the value that rows of states make."""
        made, size = rows[0].copy(), len(self.ar)
        for place, delta in enumerate(self.deltas):
            if delta:
                made += delta * rows[size + place]
        return made

    def _next(self, rows: Any, xp: Any) -> Any:
        size = len(self.ar)
        made = xp.zeros_like(rows)
        made[: size - 1] = rows[1:size]
        made[:size] += (self.ar * rows[0]) if rows.ndim == self.ar.ndim else self.ar[:, None] * rows[0][None]
        if self.deltas:
            made[size] = self._observed(rows)
            made[size + 1 :] = rows[size:-1]
        return made


def stationary_states(ar: Any, ma: Any, xp: Any) -> tuple[Any, Any, Any]:
    """Return autoregression and noise of the states [size, ...], and the states' stationary covariance [size, size, ...]."""
    size = max(len(ar), len(ma) + 1)
    shape = (ar if len(ar) else ma).shape[1:]
    wide, noise = xp.zeros((size, *shape)), xp.zeros((size, *shape))
    wide[: len(ar)], noise[0], noise[1 : len(ma) + 1] = ar, 1.0, ma
    return wide, noise, _stationary(wide, noise, state_covariance_with_value(ar, ma, size, xp), xp)


def _stationary(ar: Any, noise: Any, column: Any, xp: Any) -> Any:
    """Return the stationary covariance [size, size, ...] from its first column, by ``P = A P A' + R R'`` from the last state up."""
    size = len(ar)
    made = xp.zeros((size + 1, size + 1, *column.shape[1:]))
    made[:size, 0] = column
    made[0, :size] = column
    for row in range(size - 1, 0, -1):
        for other in range(row, 0, -1):
            value = made[row + 1, other + 1] + ar[row] * made[0, other + 1] + ar[other] * made[row + 1, 0]
            made[row, other] = value + ar[row] * ar[other] * made[0, 0] + noise[row] * noise[other]
            made[other, row] = made[row, other]
    return made[:size, :size]
