"""Spaces of parameters, and the ways to choose trials in them: all of a grid, at random, or as Optuna proposes.

What a parameter may be is a list of choices; or numbers from low to high, ``(2, 10)`` for whole ones, ``(0.0, 1.0)`` for others,
``(1e-3, 0.3, "log")`` where orders of magnitude count alike; or anything with scipy's ``rvs``.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gpupipe.core.errors import MissingExtraError, UsageError

Trial = Mapping[str, Any]


def checked_space(space: Any, method: str) -> tuple[tuple[str, Any], ...]:
    """Return a space as a frozen value, or raise UsageError where it is none."""
    if not isinstance(space, Mapping) or not space:
        msg = f"Search expects a mapping from parameters to what they may be, {{'max_depth': [3, 6]}}, got {space!r}."
        raise UsageError(msg)
    for name, values in space.items():
        if not isinstance(name, str) or not (_is_choice(values) or _is_range(values) or _draws(values)):
            msg = f"Search expects for {name!r} a list of choices, or (low, high) or (low, high, 'log') of numbers, got {values!r}."
            raise UsageError(msg)
        if method == "grid" and not _is_choice(values):
            msg = f"A grid has lists of choices, got {values!r} for {name!r}. List the values, or search with method='random'."
            raise UsageError(msg)
        if method == "optuna" and _draws(values):
            msg = f"Optuna takes lists of choices and (low, high), got {type(values).__name__} for {name!r}. Write the range itself."
            raise UsageError(msg)
    return tuple((name, tuple(values) if isinstance(values, tuple) else values) for name, values in space.items())


def _is_choice(values: Any) -> bool:
    return isinstance(values, list) and len(values) > 0


def _is_range(values: Any) -> bool:
    if not isinstance(values, tuple) or len(values) not in (2, 3) or (len(values) == 3 and values[2] != "log"):
        return False
    numbers = all(isinstance(end, int | float) and not isinstance(end, bool) and math.isfinite(end) for end in values[:2])
    return numbers and values[0] < values[1] and (len(values) == 2 or values[0] > 0)


def _draws(values: Any) -> bool:
    return callable(getattr(values, "rvs", None))


class Chooser(ABC):
    """Chooses trials, one after the other, and is told how each went."""

    @abstractmethod
    def trials(self) -> Iterator[Trial]:
        """Yield the parameters of each trial."""

    def told(self, score: float) -> None:
        """Take the score of the trial that came last, greater being better."""
        return None


class Grid(Chooser):
    """Every combination, the last parameter (in alphabetical order) changing fastest, as scikit-learn's ``ParameterGrid``.

    Examples
    --------
    >>> list(Grid({"b": [1, 2], "a": ["x"]}).trials())
    [{'a': 'x', 'b': 1}, {'a': 'x', 'b': 2}]
    """

    def __init__(self, space: Mapping[str, Any]) -> None:
        self.space = dict(sorted(space.items()))

    def trials(self) -> Iterator[Trial]:
        """Yield every combination."""
        for values in itertools.product(*self.space.values()):
            yield dict(zip(self.space, values, strict=True))


class Random(Chooser):
    """Independent draws, the same for the same seed."""

    def __init__(self, space: Mapping[str, Any], n_trials: int, seed: int) -> None:
        self.space, self.n_trials, self.seed = dict(sorted(space.items())), n_trials, seed

    def trials(self) -> Iterator[Trial]:
        """Yield as many draws as there are trials."""
        chance = np.random.default_rng(self.seed)
        for _ in range(self.n_trials):
            yield {name: _drawn(chance, values) for name, values in self.space.items()}


def _drawn(chance: np.random.Generator, values: Any) -> Any:
    """Return one draw of what a parameter may be."""
    if _draws(values):
        made = values.rvs(random_state=np.random.RandomState(int(chance.integers(2**31))))
        return made.item() if isinstance(made, np.generic) else made
    if isinstance(values, list):
        return values[int(chance.integers(len(values)))]
    low, high = values[:2]
    whole = isinstance(low, int) and isinstance(high, int)
    if len(values) == 3:
        drawn = math.exp(chance.uniform(math.log(low), math.log(high + 1 if whole else high)))
        return min(int(drawn), high) if whole else drawn
    return int(chance.integers(low, high, endpoint=True)) if whole else float(chance.uniform(low, high))


class Optuna(Chooser):
    """What Optuna's sampler (a tree of Parzen estimators) proposes, after it was told how the trials before went."""

    def __init__(self, space: Mapping[str, Any], n_trials: int, seed: int) -> None:
        try:
            import optuna  # local: only who searches with it needs it
        except ImportError as error:
            raise MissingExtraError.of("Search(method='optuna') needs Optuna", "tune") from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space, self.n_trials = dict(sorted(space.items())), n_trials
        self.study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        self.latest: Any = None

    def trials(self) -> Iterator[Trial]:
        """Yield what is proposed."""
        for _ in range(self.n_trials):
            self.latest = self.study.ask()
            yield {name: self._suggested(name, values) for name, values in self.space.items()}

    def _suggested(self, name: str, values: Any) -> Any:
        """Return the value that is proposed for a parameter; choices go by position, since Optuna keeps plain values alone."""
        if isinstance(values, list):
            return values[self.latest.suggest_categorical(name, range(len(values)))]
        low, high = values[:2]
        suggest = self.latest.suggest_int if isinstance(low, int) and isinstance(high, int) else self.latest.suggest_float
        return suggest(name, low, high, log=len(values) == 3)

    def told(self, score: float) -> None:
        """Tell Optuna how the trial went."""
        self.study.tell(self.latest, score)


def chooser(method: str, space: tuple[tuple[str, Any], ...], n_trials: int, seed: int) -> Chooser:
    """Return what chooses trials."""
    if method == "grid":
        return Grid(dict(space))
    return (Random if method == "random" else Optuna)(dict(space), n_trials, seed)
