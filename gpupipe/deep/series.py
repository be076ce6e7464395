"""Networks that learn to go on with series: arrays in, arrays out, for `gpupipe.forecasts.DeepForecaster`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gpupipe.core.errors import UsageError
from gpupipe.deep.data.windows import Windows, filled, parts_in_time
from gpupipe.deep.history import History
from gpupipe.deep.network import Network, as_array, as_torch, weights_of
from gpupipe.deep.sequence_network import SequenceNetwork, SequenceObjective
from gpupipe.deep.training import train
from gpupipe.deep.training_settings import Training
from gpupipe.deep.weights import Weights

BATCH = 4096  # windows that go through a network together when it forecasts


@dataclass(frozen=True)
class SeriesNetwork:
    """A network that was fitted to rows of series, as arrays.

    Parameters
    ----------
    names, weights
        Of its weights.
    low, span
        [n_rows, n_columns] what is taken off a value, and what it is divided by then: the range of what was learnt from.
    spread
        [horizon, n_columns] the root of the mean squared error at each step of windows that were not learnt from (of all where there are
        none), in ranges.
    n_windows
        How many windows it learnt from.
    """

    names: tuple[str, ...]
    weights: tuple[Any, ...]
    low: Any
    span: Any
    spread: Any
    history: History
    n_windows: int


def network_of(options: dict[str, Any], n_columns: int) -> Network:
    """Return what makes the network."""
    return Network(SequenceNetwork, input_size=n_columns, **options)


def fit_series(
    values: Any,
    options: dict[str, Any],
    past: int,
    objective: tuple[int, int, float],
    validation: float,
    every: int,
    training: Training,
    start: Weights | None = None,
) -> SeriesNetwork | None:
    """Return a network that was fitted to rows of series; None where no window of past and horizon lies in any.

    Parameters
    ----------
    values
        [n_rows, n_times, n_columns], NaN where a value is missing.
    options
        Of `SequenceNetwork`, but for the input's size.
    past
        Steps that the network sees.
    objective
        Horizon, curriculum and sampling, see `SequenceObjective`.
    validation
        The share of time, the last one, whose windows tell the best epoch; a gap of past and horizon is left before it.
    every
        Steps from one window to the next.
    start
        The weights that the network begins with.
    """
    given = as_torch(values)
    seen = torch.nonzero((~torch.isnan(given)).any(2).any(0)).flatten()
    given = given[:, int(seen[0]) : int(seen[-1]) + 1]  # steps before all series, and after them, count nowhere
    horizon, n_times = objective[0], given.shape[1]
    end, begin = n_times, n_times
    if validation:
        try:
            (_, end), (begin, _) = parts_in_time(n_times, past + horizon, (1 - validation, validation))
        except UsageError:  # too short to be parted: all of it is learnt from
            end, begin = n_times, n_times
    low, span = _range(given[:, :end], given)
    scaled = ((given - low[:, None]) / span[:, None]).float()
    learnt = Windows.over(scaled, past, horizon, end=end, every=every)
    checked = Windows.over(scaled, past, horizon, begin=begin)
    if not len(learnt):
        return None
    network = network_of(options, given.shape[2]).make(training.seed)
    if start is not None:
        start.load(network, (), "DeepForecaster")
    goal = SequenceObjective(*objective)
    patience = training if len(checked) else _without_patience(training)
    history = train(network, goal, learnt, checked if len(checked) else None, training=patience)
    spread = _spread(network, checked if len(checked) else learnt, training.on_device())
    low, span, spread = (as_array(held, _library(values)) for held in (low, span, spread))
    return SeriesNetwork(*weights_of(network), low, span, spread, history, len(learnt))


def go_on(network: Network, weights: tuple[Any, Any], scale: tuple[Any, Any], past: Any, horizon: int, device: str) -> Any:
    """Return what comes after pasts [n, horizon, n_columns], as float64 of the array's library.

    Parameters
    ----------
    weights
        Names and arrays, as `weights_of` gives them.
    scale
        Low and span of each past's row, [n, n_columns] each.
    past
        [n, n_past, n_columns], NaN where a value is missing.
    """
    made, to = network.made_of(*weights), Training(device=device).on_device()
    made = made.to(to)
    low, span = (as_torch(part)[:, None] for part in scale)
    given = filled((as_torch(past) - low) / span).float()
    with torch.no_grad():
        said = torch.cat([made(part.to(to), horizon).to(low.device).double() for part in torch.split(given, BATCH)])
    return as_array(said * span + low, _library(past))


def _library(array: Any) -> Any:
    """Return the module of an array: NumPy, or CuPy."""
    return sys.modules[type(array).__module__.partition(".")[0]]


def _range(learnt: Tensor, whole: Tensor) -> tuple[Tensor, Tensor]:
    """Return the least value and the range of each row and column; of those without a value in the part, over all steps."""
    low, high = (torch.where(torch.isnan(part).all(1), edge(whole), edge(part)) for part, edge in ((learnt, _least), (learnt, _greatest)))
    span = torch.where(high > low, high - low, 1.0)
    return torch.nan_to_num(low), torch.nan_to_num(span, nan=1.0)


def _least(part: Tensor) -> Tensor:
    """Return the least value over time; NaN where there is none."""
    found = torch.where(torch.isnan(part), torch.inf, part).amin(1)
    return torch.where(torch.isinf(found), torch.nan, found)


def _greatest(part: Tensor) -> Tensor:
    """Return the greatest value over time; NaN where there is none."""
    return -_least(-part)


def _spread(network: torch.nn.Module, windows: Windows, device: torch.device) -> Tensor:
    """Return the root of the mean squared error at each step and column."""
    total = count = torch.zeros(1, dtype=torch.float64)
    with torch.no_grad():
        for numbers in torch.split(torch.arange(len(windows)), BATCH):
            past, future, known = windows[numbers]
            errors = torch.where(known, network(past.to(device), windows.horizon).cpu() - future.cpu(), 0.0).double()
            total, count = total + errors.square().sum(0), count + known.cpu().sum(0)
    return (total / count.clamp(min=1)).sqrt()


def _without_patience(training: Training) -> Training:
    """Return settings for a training that nothing can stop early."""
    given = {name: getattr(training, name) for name in training.__dataclass_fields__ if name != "patience"}
    pairs = {name: dict(given[name]) for name in ("optimizer_options", "schedule_options")}
    return Training(**{**given, **pairs})
