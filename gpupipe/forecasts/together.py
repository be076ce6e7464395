"""Forecasters that were fitted to parts of a batch, put together to that of the whole; as `kept` takes them apart, a text and arrays.

Nothing is fitted again, and no number is changed: what is of each series goes to its place, and groups of series stand side by side.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.forecasts._arrays import array_library

GROUPS = "_groups"  # of a forecaster: each with the places of its series, and arrays whose last axis they are
STATUSES = "_forecaster:Statuses"


@dataclass(frozen=True, eq=False)
class Part:
    """A forecaster that was fitted to some series of a batch.

    Parameters
    ----------
    text, arrays
        As `kept.to_arrays` gives them.
    places
        [n] on the host, where its series stand among all.
    """

    text: str
    arrays: tuple[Any, ...]
    places: Any


def together(parts: Sequence[Part], n_times: int) -> tuple[str, tuple[Any, ...]]:
    """Return the forecaster of all series: a text and arrays, of which `kept.from_arrays` makes it.

    Parameters
    ----------
    parts
        Of one forecaster with the same parameters; their places are those from 0 on, each once.
    n_times
        Steps of the longest series.

    Examples
    --------
    >>> from gpupipe.forecasts import Naive
    >>> from gpupipe.forecasts.kept import from_arrays, to_arrays
    >>> Y = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 7.0]])
    >>> parts = [Part(*to_arrays(Naive().fit(Y[places])), np.array(places)) for places in ([0, 2], [1])]
    >>> from_arrays(*together(parts, 2), Y).forecast(1).mean.tolist()
    [[2.0], [4.0], [7.0]]
    """
    joiner = _Joiner(parts, n_times)
    joined = joiner.forecaster([json.loads(part.text) for part in parts])
    return json.dumps(joined), tuple(joiner.arrays)


class _Joiner:
    """Puts trees of parts together, and collects the arrays of the result."""

    def __init__(self, parts: Sequence[Part], n_times: int) -> None:
        self.parts, self.n_times = parts, n_times
        self.n_series = sum(len(part.places) for part in parts)
        self.arrays: list[Any] = []
        self._copied: dict[tuple[int, int], int] = {}

    def forecaster(self, trees: Sequence[Any]) -> Any:
        """Return a forecaster of all series."""
        made: dict[str, Any] = {}
        for name, first in trees[0]["of"].items():
            several = [tree["of"][name] for tree in trees]
            if name == GROUPS:
                made[name] = [group for number, groups in enumerate(several) for group in self._groups(number, groups)]
            else:
                made[name] = {"n_series_": self.n_series, "n_times_": self.n_times}.get(name) or self._value(first, several)
        return {"made": trees[0]["made"], "of": made}

    def _value(self, first: Any, several: Sequence[Any]) -> Any:
        """Return one value of all parts: arrays and lists are of the series, all else is the same in each."""
        if isinstance(first, dict) and "array" in first:
            return self._scattered([part.arrays[one["array"]] for part, one in zip(self.parts, several, strict=True)])
        if isinstance(first, dict) and "dict" in first:
            pairs = zip(*(one["dict"] for one in several), strict=True)
            return {"dict": [[same[0][0], self._value(same[0][1], [value for _, value in same])] for same in pairs]}
        if isinstance(first, dict) and first.get("made") == STATUSES:
            return {
                "made": STATUSES,
                "of": {name: self._value(value, [one["of"][name] for one in several]) for name, value in first["of"].items()},
            }
        if isinstance(first, list) and first and isinstance(first[0], dict) and "made" in first[0]:  # forecasters that one chooses from
            return [self.forecaster([one[at] for one in several]) for at in range(len(first))]
        if isinstance(first, list):
            made = [None] * self.n_series
            for part, one in zip(self.parts, several, strict=True):
                for place, value in zip(part.places, one, strict=True):
                    made[int(place)] = value
            return made
        if any(one != first for one in several):
            msg = f"Expected forecasters with the same parameters, got {first!r} and others. Fit all parts with one forecaster."
            raise UsageError(msg)
        return first

    def _scattered(self, rows: Sequence[Any]) -> Any:
        """Return the reference of an array whose first axis is the series; a matrix of steps is filled up with NaN."""
        xp = array_library(rows[0])
        widest = tuple(max(sizes) for sizes in zip(*(one.shape[1:] for one in rows), strict=True))
        made = xp.full((self.n_series, *widest), np.nan if rows[0].dtype.kind == "f" else 0, dtype=rows[0].dtype)
        for part, one in zip(self.parts, rows, strict=True):
            made[(xp.asarray(part.places), *(slice(size) for size in one.shape[1:]))] = one
        return self._put(made)

    def _groups(self, number: int, groups: Any) -> list[Any]:
        """Return a part's groups, with their places among all series."""
        made: list[dict[str, Any]] = []
        for group in groups:
            if "tuple" in group:  # of form, places and states
                form, order, states = group["tuple"]
                made.append({"tuple": [form, self._moved(number, order), self._copy(number, states)]})
            else:
                named = group["of"].items()
                parts = {name: self._moved(number, one) if name == "order" else self._copy(number, one) for name, one in named}
                made.append({"made": group["made"], "of": parts})
        return made

    def _moved(self, number: int, order: Any) -> Any:
        """Return the places of a group's series among all."""
        part = self.parts[number]
        return self._put(np.asarray(part.places)[np.asarray(part.arrays[order["array"]])])

    def _copy(self, number: int, tree: Any) -> Any:
        """Return a tree of one part; an array that stands in it twice is kept once."""
        if isinstance(tree, list):
            return [self._copy(number, one) for one in tree]
        if not isinstance(tree, dict):
            return tree
        if "array" in tree:
            at = (number, tree["array"])
            if at not in self._copied:
                self._copied[at] = self._put(self.parts[number].arrays[tree["array"]])["array"]
            return {"array": self._copied[at]}
        return {name: self._copy(number, one) for name, one in tree.items()}

    def _put(self, array: Any) -> dict[str, int]:
        self.arrays.append(array)
        return {"array": len(self.arrays) - 1}
