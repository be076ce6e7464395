"""Forecasts by a recurrent network that is fitted to all series together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.forecasts._arrays import to_host
from gpupipe.forecasts._batch import Batch
from gpupipe.forecasts._forecaster import CONSTANT_OR_SHORT, FALLBACK, Forecaster, whole_number

CELLS = ("tt-lstm", "tt-rnn", "lstm", "gru", "rnn")
NUMBERS = 1 << 22  # of windows that are made at a time


@dataclass(eq=False)
class DeepForecaster(Forecaster):
    """A recurrent network, an encoder and a decoder, that learns from windows over all series how they go on.

    One network is fitted to all series, each scaled to [0, 1] by its range in what is learnt from; a series' own past tells it which one
    it is about. With ``joint=True`` all series are one: the network sees and forecasts them side by side, so what one road does tells of
    its neighbours; they should end together. A missing value of the past is the last one before it; those of the future do not count.
    Where no series is as long as a window, the last value is forecast (status 2); a series that is shorter than `past` has its past filled
    up with its first value (status 2). Intervals are of normal errors, with the deviation that windows for validation had at the step.

    After ``fit``: ``fitted_``, ``residuals_``, ``status_``, ``reasons_``, ``history_`` (a row an epoch), ``n_windows_``.

    Needs the extra ``deep`` (PyTorch). Source of ``cell="tt-lstm"``: Yu and others, arXiv 1711.00073.

    Parameters
    ----------
    past
        Steps that the network sees.
    horizon
        Steps that it learns to forecast; it can be asked for more.
    cell
        ``"tt-lstm"``, ``"tt-rnn"``, ``"lstm"``, ``"gru"`` or ``"rnn"``.
    hidden_size, num_layers
        Of encoder and decoder.
    lags, order, rank
        Of tensor-train cells: how many of the last states they see, of which degree, and the ranks between the cores.
    residual
        Whether the network says by how much each step differs from the one before; without it, each step anew. Mostly nearer at the
        first steps; far beyond the horizon that it has learnt it may leave the range of the series.
    joint
        Whether all series are the columns of one.
    epochs, batch_size, learning_rate, clip_norm, patience, seed, device, threads
        See `gpupipe.deep.Training`; the learning rate falls in a cosine.
    curriculum, sampling
        See `gpupipe.deep.sequence_network.SequenceObjective`.
    validation
        The share of time, the last one, that tells the best epoch; 0 for none, so that everything is learnt from.
    every
        Steps from one window to the next.
    start
        What the training begins with in the place of weights drawn by chance: a fitted `DeepForecaster`, what `gpupipe.Forecast` fitted or
        ``gp.load`` returned of it, or weights by name as in ``state_dict()``: a mapping of arrays or tensors, or the path of a
        ``.safetensors`` file. They are of the same network, which has seen series scaled by their range as well.

    Examples
    --------
    >>> wave = np.sin(np.arange(120) / 3)[None, :]
    >>> forecaster = DeepForecaster(12, 6, hidden_size=8, epochs=30, learning_rate=0.02, device="cpu").fit(wave)
    >>> made = forecaster.forecast(6, level=(80,))
    >>> bool(abs(made.mean - np.sin(np.arange(120, 126) / 3)).max() < 0.3)
    True
    """

    past: int
    horizon: int
    cell: str = "tt-lstm"
    hidden_size: int = 16
    num_layers: int = 1
    lags: int = 2
    order: int = 2
    rank: int | tuple[int, ...] = 4
    residual: bool = True
    joint: bool = False
    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 5e-3
    clip_norm: float | None = 1.0
    patience: int | None = None
    curriculum: int = 0
    sampling: float = 0.0
    validation: float = 0.1
    every: int = 1
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    start: Any = None

    _learns_together = True

    def __post_init__(self) -> None:
        """Have weights alone of what the training begins with."""
        if self.start is not None:
            self.start = self._weights_of(self.start)

    def _weights_of(self, given: Any) -> Any:
        """Return the weights of what a user gives to begin with."""
        from gpupipe.deep.weights import Weights  # local: PyTorch, which is an extra, is loaded where a network is used

        given = getattr(given, "forecaster", given)
        if isinstance(given, DeepForecaster):
            if not getattr(given, "_names", ()):
                raise UsageError("start is a DeepForecaster that has been fitted, with a network, got one without. Call fit(Y) first.")
            return Weights(given._names, given._weights)
        if isinstance(given, Forecaster):
            raise UsageError(f"start is a DeepForecaster that has been fitted, or weights by name, got a {type(given).__name__}.")
        return Weights.of(given, "DeepForecaster")

    def _check_parameters(self) -> None:
        for name in ("past", "horizon", "hidden_size", "num_layers", "lags", "order", "epochs", "batch_size", "every"):
            whole_number(getattr(self, name), name, 1)
        whole_number(self.curriculum, "curriculum", 0)
        if self.curriculum and (reached := 2 ** min((self.epochs - 1) // self.curriculum, 62)) < self.horizon:
            msg = (
                f"A curriculum of {self.curriculum} doubles the horizon every so many epochs, and {self.epochs} epochs come to {reached} of"
            )
            raise UsageError(f"{msg} {self.horizon} steps: what comes after was never learnt. Take more epochs, or a lower curriculum.")
        self._one_of("cell", CELLS)
        for name in ("sampling", "validation"):
            share = getattr(self, name)
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1 or (name, share) == ("validation", 1):
                raise UsageError(f"{name} is a share, from 0 to {'1' if name == 'sampling' else 'below 1'}, got {share!r}.")
        for one in self.rank if isinstance(self.rank, Sequence) else (self.rank,):
            whole_number(one, "rank", 1)

    @property
    def _options(self) -> dict[str, Any]:
        """Options of the network but for the input's size."""
        return {name: getattr(self, name) for name in ("cell", "hidden_size", "num_layers", "lags", "order", "rank", "residual")}

    def _fit(self, batch: Batch) -> None:
        self._seen_ = self._full((self.n_series_, self.n_times_))
        self._put_rows(self._seen_, batch, batch.xp.where(batch.seen, batch.values, batch.xp.nan))
        self._names: tuple[str, ...] = ()
        self._weights: tuple[Any, ...] = ()
        self._low = self._span = self._spread = np.zeros((0, 0))
        self._figures, self.best_, self.n_windows_ = np.zeros((0, 0)), 0, 0
        self._figure_names: tuple[str, ...] = ("epoch",)
        self._tell_statuses(batch)
        if self.start is not None and not self.joint:  # how many columns there are is known in a plan
            self._require_start(1)
        if not (batch.lengths > 0).any():
            return
        from gpupipe.deep import Training, series  # local: PyTorch, which is an extra, is loaded where a network is fitted

        words = ("epochs", "batch_size", "learning_rate", "clip_norm", "patience", "seed", "device", "threads")
        settings = {name: getattr(self, name) for name in words}
        training = Training(**settings, schedule="cosine")
        goal = (self.horizon, self.curriculum, self.sampling)
        start = None if self.start is None else self._weights_of(self.start)
        made = series.fit_series(self._rows(self._seen_), self._options, self.past, goal, self.validation, self.every, training, start)
        if made is None:
            reason = f"no series is as long as a window of {self.past} and {self.horizon} steps: the last value is forecast"
            self._statuses.put(batch.order[batch.lengths > 0], FALLBACK, reason)
            return
        self._names, self._weights, self._low, self._span, self._spread = made.names, made.weights, made.low, made.span, made.spread
        self._figure_names, self.best_, self.n_windows_ = made.history.names, made.history.best, made.n_windows
        self._figures = np.array([[float(row.get(name, np.nan)) for name in self._figure_names] for row in made.history.epochs])
        self.fitted_ = self._one_ahead()

    def _require_start(self, n_columns: int) -> None:
        """Raise UsageError unless the weights to begin with are those of the network."""
        from gpupipe.deep import series  # local: as above

        self._weights_of(self.start).require(series.network_of(self._options, n_columns).make(self.seed), (), "DeepForecaster")

    def _tell_statuses(self, batch: Batch) -> None:
        """Give series that are constant or short their status."""
        for column, place in enumerate(batch.order):
            values, length = to_host(batch.values[: batch.lengths[column], column]), int(batch.lengths[column])
            seen = to_host(batch.seen[:length, column])
            if length and seen.any() and np.ptp(values[seen]) == 0:
                self._statuses.put(place, CONSTANT_OR_SHORT, "constant")
            elif 0 < length < self.past:
                self._statuses.put(place, FALLBACK, f"shorter than {self.past} steps: its past is filled up with its first value")

    @property
    def history_(self) -> list[Mapping[str, float]]:
        """A row of figures for each epoch of the training."""
        return [dict(zip(self._figure_names, row, strict=True)) for row in self._figures.tolist()]

    def facts(self) -> Mapping[str, Any]:
        """Return what a report says of the network in a few words."""
        n_weights = sum(int(array.size) for array in self._weights)
        return {"cell": self.cell, "weights": n_weights, "windows": self.n_windows_, "epochs": len(self._figures), "best epoch": self.best_}

    def parts(self) -> list[Mapping[str, Any]]:
        """Return the curves of the training as parts of a card."""
        if not self._names:
            return []
        from gpupipe.deep import History  # local: a fitted network has loaded it

        return History([{**row, "epoch": int(row["epoch"])} for row in self.history_], self.best_).parts()

    def _rows(self, values: Any) -> Any:
        """Return series [n_series, n_times] as the network's rows [n_rows, n_times, n_columns]."""
        return values.T[None] if self.joint else values[:, :, None]

    def _go_on(self, past: Any, rows: Any, horizon: int) -> Any:
        """Return what comes after pasts [n, past, n_columns] of some rows [n, horizon, n_columns]."""
        from gpupipe.deep import series  # local: as above

        network = series.network_of(self._options, past.shape[2])
        return series.go_on(network, (self._names, self._weights), (self._low[rows], self._span[rows]), past, horizon, self.device)

    def _before(self, values: Any, ends: Any) -> Any:
        """Return the `past` steps of rows [n_rows, n_times, n_columns] before the steps `ends`; NaN before the first one."""
        xp = self._xp
        padded = xp.concatenate([xp.full((len(values), self.past, values.shape[2]), xp.nan), values], axis=1)
        at = xp.asarray(ends)[:, None] + xp.arange(self.past)[None, :]
        return padded[xp.arange(len(values))[:, None], at]

    def _one_ahead(self) -> Any:
        """Return what the network says of each step from what came before it [n_series, n_times]; NaN before a series' second value."""
        xp, values = self._xp, self._rows(self._seen_)
        n_rows, n_times, n_columns = values.shape
        padded = xp.concatenate([xp.full((n_rows, self.past, n_columns), xp.nan), values], axis=1)
        windows = xp.arange(n_times)[:, None] + xp.arange(self.past)[None, :]
        made = xp.full(values.shape, xp.nan)
        for rows in np.array_split(np.arange(n_rows), max(n_rows * n_times * self.past * n_columns // NUMBERS, 1)):
            past = padded[xp.asarray(rows)][:, windows].reshape(-1, self.past, n_columns)
            said = self._go_on(past, xp.asarray(np.repeat(rows, n_times)), 1).reshape(len(rows), n_times, n_columns)
            known = ~xp.isnan(past).all(axis=1).reshape(said.shape)
            made[xp.asarray(rows)] = xp.where(known, said, xp.nan)
        found = made[0].T if self.joint else made[:, :, 0]
        return xp.where(xp.isnan(self._seen_), xp.nan, found)

    def _ends(self) -> Any:
        """Return [n_series] on the host the step after each series' last value; 0 where it has none."""
        seen = ~np.isnan(to_host(self._seen_))
        return np.where(seen.any(axis=1), seen.shape[1] - np.argmax(seen[:, ::-1], axis=1), 0)

    def _mean(self, horizon: int, future: Any) -> Any:
        xp, ends = self._xp, self._ends()
        there = ends > 0
        if not self._names:
            last = xp.where(xp.asarray(there), self._seen_[xp.arange(self.n_series_), xp.asarray(np.maximum(ends - 1, 0))], xp.nan)
            return xp.repeat(last[:, None], horizon, axis=1)
        values = self._rows(self._seen_)
        if self.past + self.horizon > values.shape[1]:  # of a file: no window of the fit was as long
            raise UsageError(f"Expected windows of at most {values.shape[1]} steps, got {self.past} and {self.horizon}.")
        if not self.joint:
            made = self._go_on(self._before(values, ends), xp.arange(len(values)), horizon)[:, :, 0]
            return xp.where(xp.asarray(there)[:, None], made, xp.nan)
        first = int(ends[there].min())  # what some series have after it is forecast for all
        made = self._go_on(self._before(values, np.array([first])), xp.arange(1), int(ends.max()) - first + horizon)[0].T
        steps = np.where(there, ends - first, 0)[:, None] + np.arange(horizon)
        chosen = xp.take_along_axis(made, xp.asarray(steps), axis=1)
        return xp.where(xp.asarray(there)[:, None], chosen, xp.nan)

    def _deviation(self, horizon: int) -> Any:
        xp = self._xp
        if not self._names:
            return xp.full((self.n_series_, horizon), xp.nan)
        steps = xp.minimum(xp.arange(horizon), len(self._spread) - 1)
        spread = self._spread[steps]  # [horizon, n_columns]
        return (spread * self._span[0]).T if self.joint else self._span[:, :1] * spread[:, 0][None, :]
