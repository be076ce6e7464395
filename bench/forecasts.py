"""The forecasters beside statsmodels, statsforecast and simdkalman: one process, interleaved, processor seconds a series.

    python -m bench.forecasts --out bench/results/NAME.json [--rounds 3] [--only arima,kalman]

Peers that are not installed are left out, and the record says so. Each round fits the whole batch here and a few series with each peer, one
after the other, so that both meet the same machine; a ratio is that of processor seconds a series within a round, and shown are the median
and the extremes. BLAS and OpenMP get one thread.
"""

# ruff: noqa: E402  (threads are told before NumPy is imported)

from __future__ import annotations

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import importlib.util
import json
import statistics
import sys
import time
import warnings
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import describe
from gpupipe.forecasts import ARIMA, HoltWinters, KalmanFilter, coverage

PEERS = ("statsmodels", "statsforecast", "simdkalman")
Record = dict[str, Any]


def seasonal_series(n_series: int, n_times: int, period: int = 12, seed: int = 0) -> np.ndarray:
    """Trend, season, a wandering level, noise; all above zero."""
    chance, times = np.random.default_rng(seed), np.arange(n_times)
    line = 100 + chance.normal(0, 0.2, (n_series, 1)) * times
    wave = chance.uniform(2, 8, (n_series, 1)) * np.sin(2 * np.pi * times / period + chance.uniform(0, 6, (n_series, 1)))
    return line + wave + np.cumsum(chance.normal(0, 0.5, (n_series, n_times)), axis=1) + chance.normal(0, 2, (n_series, n_times))


def arima_series(n_series: int, n_times: int, period: int = 0, seed: int = 0) -> np.ndarray:
    """(1, 1, 1) with coefficients of either sign, each from -.8 to .8; with a period, (1, 1, 1)(1, 1, 1)."""
    chance, spare = np.random.default_rng(seed), 100
    steps = n_times + spare
    values = chance.normal(size=(n_series, steps))
    for lag in (1, period) if period else (1,):
        ar, ma = chance.uniform(-0.8, 0.8, (2, n_series))
        errors = values.copy()
        values[:, lag:] += ma[:, None] * errors[:, :-lag]
        for at in range(lag, steps):
            values[:, at] += ar * values[:, at - lag]
    values = np.cumsum(values[:, spare:], axis=1)
    for at in range(period, n_times if period else 0):
        values[:, at] += values[:, at - period]
    return values


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """The processor seconds of a call, and its result."""
    before = time.process_time()
    made = call()
    return time.process_time() - before, made


def compared(
    rounds: int, ours: Callable[[], Any], n_ours: int, peers: dict[str, tuple[Callable[[], Any], int]]
) -> tuple[Record, dict[str, Any]]:
    """Ratios of processor seconds a series, and the last results."""
    spent: dict[str, list[float]] = {"gpupipe": [], **{name: [] for name in peers}}
    results: dict[str, Any] = {}
    for call in (ours, *(call for call, _ in peers.values())):
        call()  # imports, compilation and first pages are nobody's
    for _ in range(rounds):
        for name, (call, n_series) in {"gpupipe": (ours, n_ours), **peers}.items():
            took, results[name] = seconds(call)
            spent[name].append(took / n_series)
    record: Record = {
        "microseconds_a_series": {name: round(1e6 * statistics.median(each), 2) for name, each in spent.items()},
        "times_as_fast_as": {},
    }
    for name in peers:
        each = [theirs / mine for theirs, mine in zip(spent[name], spent["gpupipe"], strict=True)]
        record["times_as_fast_as"][name] = {
            "median": round(statistics.median(each), 1),
            "min": round(min(each), 1),
            "max": round(max(each), 1),
        }
    return record, results


def quantiles(values: Any) -> dict[str, float]:
    """The quartiles and ends of some numbers."""
    return {str(share): round(float(np.quantile(values, share)), 8) for share in (0, 0.025, 0.25, 0.5, 0.75, 1)}


def holt_winters(rounds: int, installed: set[str], initial: str) -> Record:
    """Additive trend and season of 12, 120 steps."""
    n_ours, n_statsmodels, n_statsforecast = 10_000, 20, 200
    series = seasonal_series(n_ours, 120)
    peers: dict[str, tuple[Callable[[], Any], int]] = {}
    if "statsmodels" in installed:
        from statsmodels.tsa.holtwinters import ExponentialSmoothing  # local: a peer

        def by_statsmodels() -> list[float]:
            options = {"trend": "add", "seasonal": "add", "seasonal_periods": 12, "initialization_method": initial}
            return [ExponentialSmoothing(row, **options).fit().sse for row in series[:n_statsmodels]]

        peers["statsmodels"] = (by_statsmodels, n_statsmodels)
    if "statsforecast" in installed:
        from statsforecast.models import HoltWinters as Theirs  # local: a peer

        def by_statsforecast() -> list[float]:
            fits = [Theirs(season_length=12, error_type="A").fit(row) for row in series[:n_statsforecast]]
            return [float(np.sum((row - one.model_["fitted"]) ** 2)) for one, row in zip(fits, series, strict=False)]

        peers["statsforecast"] = (by_statsforecast, n_statsforecast)
    model = HoltWinters(12, initial=initial, errors="ignore")
    record, results = compared(rounds, lambda: model.fit(series).sse_, n_ours, peers)
    record["sum_of_squares_as_a_share_of"] = {
        name: {
            **quantiles(ratio := results["gpupipe"][: len(results[name])] / np.array(results[name])),
            "worse_by_1_percent": float((ratio > 1.01).mean()),
        }
        for name in peers
    }
    return {**record, "series": n_ours, "steps": 120, "statuses": np.bincount(model.status_, minlength=5).tolist()}


def arima(rounds: int, installed: set[str], period: int) -> Record:
    """(1, 1, 1), with a period (1, 1, 1)(1, 1, 1), 120 steps, exact maximum likelihood."""
    n_ours, n_peers = (2_000, 12) if period else (10_000, 80)
    series = arima_series(n_ours, 120, period)
    model = ARIMA((1, 1, 1), (1, 1, 1) if period else (0, 0, 0), period or 1, errors="ignore")
    peers: dict[str, tuple[Callable[[], Any], int]] = {}
    if "statsmodels" in installed:
        from statsmodels.tsa.statespace.sarimax import SARIMAX  # local: a peer

        def by_statsmodels() -> list[float]:
            seasonal = (1, 1, 1, period) if period else (0, 0, 0, 0)
            return [
                SARIMAX(row, order=(1, 1, 1), seasonal_order=seasonal, simple_differencing=True).fit(disp=0).llf for row in series[:n_peers]
            ]

        peers["statsmodels"] = (by_statsmodels, n_peers)
    if "statsforecast" in installed and not period:
        from statsforecast.models import ARIMA as Theirs  # noqa: N811  (local: a peer)

        peers["statsforecast"] = (lambda: [Theirs(order=(1, 1, 1), method="CSS-ML").fit(row) for row in series[:n_peers]], n_peers)
    record, results = compared(rounds, lambda: model.fit(series).loglik_, n_ours, peers)
    if "statsmodels" in installed:
        gains = results["gpupipe"][:n_peers] - np.array(results["statsmodels"])
        record["log_likelihood_above_statsmodels"] = {
            **quantiles(gains),
            "share_not_lower_by_1e-6": float((gains >= -1e-6).mean()),
            "series": n_peers,
        }
    return {**record, "series": n_ours, "steps": 120, "statuses": np.bincount(model.status_, minlength=5).tolist()}


def long_series(rounds: int, installed: set[str]) -> dict[str, Record]:
    """One series of 10,000 hours, which no batch hides: with Numba where that is installed."""
    row = seasonal_series(1, 10_000, 24)
    records = {}
    for name, model in {"holt-winters": HoltWinters(24, errors="ignore"), "arima": ARIMA((1, 0, 1), include_constant=True)}.items():
        peers: dict[str, tuple[Callable[[], Any], int]] = {}
        if "statsmodels" in installed:
            from statsmodels.tsa.holtwinters import ExponentialSmoothing  # local: a peer
            from statsmodels.tsa.statespace.sarimax import SARIMAX  # local: a peer

            theirs: dict[str, Callable[[], Any]] = {
                "holt-winters": lambda: (
                    ExponentialSmoothing(row[0], trend="add", seasonal="add", seasonal_periods=24, initialization_method="heuristic")
                    .fit()
                    .sse
                ),
                "arima": lambda: SARIMAX(row[0], order=(1, 0, 1), trend="c").fit(disp=0).llf,
            }
            peers["statsmodels"] = (theirs[name], 1)
        record, results = compared(rounds, lambda model=model: model.fit(row), 1, peers)
        records[name] = {**record, "series": 1, "steps": 10_000, "numba": importlib.util.find_spec("numba") is not None}
        if peers:
            ours = results["gpupipe"].sse_ if name == "holt-winters" else results["gpupipe"].loglik_
            records[name]["ours_and_theirs"] = [float(ours[0]), float(results["statsmodels"])]
    return records


def kalman(rounds: int, installed: set[str], *, shared: bool) -> Record:
    """A local linear trend over 200 steps: states, covariances, likelihood; one model for all, or one per series and 5 % missing."""
    n_series = 10_000
    chance = np.random.default_rng(0)
    values = np.cumsum(chance.normal(size=(n_series, 200)), axis=1)
    transition, noise, design, error = np.array([[1.0, 1.0], [0.0, 1.0]]), np.diag([0.1, 0.02]), np.array([[1.0, 0.0]]), np.array([[1.0]])
    if not shared:
        noise, error = noise * chance.uniform(0.5, 2, (n_series, 1, 1)), error * chance.uniform(0.5, 2, (n_series, 1, 1))
        values[chance.uniform(size=values.shape) < 0.05] = np.nan
    mean, covariance = np.array([0.0, 0.0]), np.diag([10.0, 1.0])
    model = KalmanFilter(transition, noise, design, error, mean, covariance)
    n_peers = 2_000
    peers: dict[str, tuple[Callable[[], Any], int]] = {}
    if "simdkalman" in installed:
        import simdkalman  # local: a peer

        def some(matrix: np.ndarray) -> np.ndarray:
            return matrix if matrix.ndim == 2 else matrix[:n_peers]

        theirs = simdkalman.KalmanFilter(transition, some(noise), design, some(error))
        options = {"initial_value": mean, "initial_covariance": covariance, "filtered": True, "smoothed": False, "log_likelihood": True}
        peers["simdkalman"] = (lambda: theirs.compute(values[:n_peers], 0, **options), n_peers)
    record, results = compared(rounds, lambda: model.filter(values), n_series, peers)
    if "simdkalman" in installed:
        apart = np.abs(results["gpupipe"].mean[:n_peers] - results["simdkalman"].filtered.states.mean)
        record["largest_difference_of_states"] = float(apart.max())
    if "statsmodels" in installed:
        record["largest_difference_from_statsmodels"] = _apart(model, values[:20], results["gpupipe"])
    return {**record, "series": n_series, "steps": 200}


def _apart(model: KalmanFilter, values: np.ndarray, found: Any) -> float:
    from statsmodels.tsa.statespace.kalman_filter import KalmanFilter as Theirs  # local: a peer

    largest = 0.0
    for place, row in enumerate(values):
        theirs = Theirs(k_endog=1, k_states=2, k_posdef=2)
        theirs.bind(row[None, :].copy(order="F"))
        theirs["selection"], theirs.tolerance = np.eye(2), 0
        for name, matrix in (("transition", model.A), ("state_cov", model.Q), ("design", model.H), ("obs_cov", model.R)):
            theirs[name] = matrix if matrix.ndim == 2 else matrix[place]
        theirs.initialize_known(model.initial_mean, model.initial_covariance)
        known = theirs.filter()
        differences = known.filtered_state.T - found.mean[place], (known.llf - found.loglike[place]) / known.llf
        largest = max(largest, *(float(np.abs(one).max()) for one in differences))
    return largest


def intervals() -> Record:
    """How many values the intervals hold, 12 steps ahead, on data of the model: with the true parameters, and with estimated ones."""
    chance, n_series, n_times, record = np.random.default_rng(1), 10_000, 120, {}
    errors = chance.normal(size=(n_series, n_times + 112))
    differences = np.zeros_like(errors)
    for at in range(1, errors.shape[1]):
        differences[:, at] = 0.5 * differences[:, at - 1] + errors[:, at] + 0.3 * errors[:, at - 1]
    walks = np.cumsum(differences[:, 100:], axis=1)
    level, slope, season = np.full(n_series, 50.0), np.full(n_series, 0.2), np.tile([[-3.0], [0.0], [4.0], [-1.0]], n_series)
    smooth, noise = np.empty((n_series, n_times + 12)), chance.normal(size=(n_series, n_times + 12))
    for at in range(n_times + 12):
        error, summed = noise[:, at], level + slope
        smooth[:, at] = summed + season[at % 4] + error
        level, slope = summed + 0.3 * error, slope + 0.03 * error
        season[at % 4] += 0.2 * error
    true = {"alpha": 0.3, "beta_star": 0.1, "gamma": 0.2, "level": 50.0, "trend": 0.2, "season": [-3.0, 0.0, 4.0, -1.0]}
    cases = {
        "arima, true parameters": (ARIMA((1, 1, 1), parameters={"ar": 0.5, "ma": 0.3}), walks),
        "arima, estimated": (ARIMA((1, 1, 1)), walks),
        "holt-winters, true parameters": (HoltWinters(4, parameters=true), smooth),
        "holt-winters, estimated": (HoltWinters(4), smooth),
    }
    for name, (model, values) in cases.items():
        ahead = model.set_params(errors="ignore").fit(values[:, :n_times]).forecast(12, level=(80, 95))
        record[name] = {
            f"{one} %": round(float(coverage(values[:, n_times:], ahead.lower[one], ahead.upper[one], None)), 4) for one in (80, 95)
        }
    return record


def bad_series() -> Record:
    """10,000 series, 500 of them constant, missing, infinite, short or giant: no exception, and the others bit by bit as without them."""
    values = seasonal_series(10_000, 120)
    bad = np.arange(0, 10_000, 20)
    for place, which in enumerate(bad):
        row = values[which]
        kind = place % 6
        if kind < 3:
            row[:] = (5.0, np.nan, np.inf)[kind]
        elif kind < 5:
            row[: -(2, 9)[kind - 3]] = np.nan
        else:
            row *= 1e300
    good = np.setdiff1d(np.arange(10_000), bad)
    record = {}
    for name, model in {"holt-winters": HoltWinters(12), "arima": ARIMA((1, 1, 1))}.items():
        model.set_params(errors="ignore")
        mixed = model.fit(values)
        found, statuses = mixed.forecast(12).mean[good], np.bincount(mixed.status_, minlength=5).tolist()
        alone = model.fit(values[good]).forecast(12).mean
        record[name] = {"statuses": statuses, "good_ones_equal_bit_by_bit": bool(np.array_equal(found, alone))}
    return record


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for, and write and print it."""
    parser = ArgumentParser(prog="python -m bench.forecasts", description="The forecasters beside others.")
    parser.add_argument("--out", type=Path, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=lambda text: text.split(","), default=None, metavar="NAME,NAME", help="parts of names of questions")
    options = parser.parse_args(arguments)
    installed = {name for name in PEERS if importlib.util.find_spec(name)}
    warnings.simplefilter("ignore")  # peers warn about what they do not reach
    questions: dict[str, Callable[[], Record]] = {
        "holt-winters": lambda: holt_winters(options.rounds, installed, "heuristic"),
        "holt-winters-estimated": lambda: holt_winters(options.rounds, installed, "estimated"),
        "arima": lambda: arima(options.rounds, installed, 0),
        "seasonal-arima": lambda: arima(options.rounds, installed, 12),
        "kalman-shared": lambda: kalman(options.rounds, installed, shared=True),
        "kalman-each": lambda: kalman(options.rounds, installed, shared=False),
        "long-series": lambda: long_series(options.rounds, installed),
        "intervals": intervals,
        "bad-series": bad_series,
    }
    chosen = {name: ask for name, ask in questions.items() if options.only is None or any(part in name for part in options.only)}
    record = {
        "benchmark": "forecasts",
        "rounds": options.rounds,
        "machine": describe(),
        "peers": {name: version(name) for name in sorted(installed)},
    }
    record["missing_peers"] = sorted(set(PEERS) - installed)
    if options.out and options.out.exists():
        record = {**json.loads(options.out.read_text()), **record}
    for name, ask in chosen.items():
        record[name] = ask()
        print(name, json.dumps(record[name]), flush=True)
        if options.out:
            options.out.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
