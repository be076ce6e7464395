"""Fitted forecasters as arrays and a text that says where each belongs, so that they can be saved without pickle and moved to a device.

The text is JSON. Of gpupipe's own classes it names those that may be made, and no others; what follows from the series (the batch, the
residuals) is not kept, but made again from them.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from gpupipe.core.errors import ArtefactError, UsageError
from gpupipe.forecasts._arrays import array_library, to_host
from gpupipe.forecasts._batch import Batch, aligned
from gpupipe.forecasts._forecaster import Forecaster

MADE_AGAIN = ("_batch", "residuals_", "status_", "reasons_")
BEGUN_WITH = ("start",)  # what a training began with, which what was fitted has no need of
HOME = "gpupipe.forecasts."


def to_arrays(forecaster: Forecaster) -> tuple[str, tuple[Any, ...]]:
    """Return what a fitted forecaster holds beside its series: a text and arrays.

    Examples
    --------
    >>> from gpupipe.forecasts import Naive
    >>> Y = np.array([[1.0, 2.0, 4.0]])
    >>> text, arrays = to_arrays(Naive().fit(Y))
    >>> from_arrays(text, arrays, Y).forecast(2).mean
    array([[4., 4.]])
    """
    arrays: list[Any] = []
    places: dict[int, int] = {}

    def kept(value: Any) -> Any:
        if hasattr(value, "dtype") and hasattr(value, "shape") and value.shape != ():
            place = places.setdefault(id(value), len(arrays))  # models of one batch share some
            if place == len(arrays):
                arrays.append(value)
            return {"array": place}
        if hasattr(value, "dtype"):
            return kept(value.item())
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, tuple):
            return {"tuple": [kept(part) for part in value]}
        if isinstance(value, list):
            return [kept(part) for part in value]
        if isinstance(value, dict):
            return {"dict": [[name, kept(part)] for name, part in value.items()]}
        kind = type(value)
        if not (dataclasses.is_dataclass(kind) and kind.__module__.startswith(HOME)):
            msg = f"A fitted {type(forecaster).__name__} holds a {kind.__name__}, which cannot be kept. Take a forecaster of gpupipe's own."
            raise ArtefactError(msg)
        held = {name: kept(part) for name, part in vars(value).items() if name not in (*MADE_AGAIN, *BEGUN_WITH)}
        return {"made": f"{kind.__module__.removeprefix(HOME)}:{kind.__name__}", "of": held}

    return json.dumps(kept(forecaster)), tuple(arrays)


def from_arrays(text: str, arrays: Sequence[Any], values: Any, regressors: Any = None) -> Forecaster:
    """Return the forecaster that `to_arrays` took apart.

    Parameters
    ----------
    values, regressors
        The series and the exogenous columns that it was fitted to.

    Raises
    ------
    ArtefactError
        The text is not what `to_arrays` wrote, or does not fit the arrays.
    """
    batch, _ = aligned(values, regressors)
    try:
        made = _Maker(arrays, batch, values).value(json.loads(text))
        future = None if regressors is None else batch.xp.zeros((len(values), 1, regressors.shape[-1]))
        sound = isinstance(made, Forecaster) and made.n_series_ == len(values) and made.forecast(1, future).mean.shape == (len(values), 1)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, UsageError) as error:
        msg = f"What was kept of a forecaster is damaged: {type(error).__name__}: {error}. Save it again, or fit it again."
        raise ArtefactError(msg) from error
    if not sound:
        msg = f"Expected a forecaster of {len(values)} series, got {type(made).__name__}. Save it again, or fit it again."
        raise ArtefactError(msg)
    forecaster: Forecaster = made
    return forecaster


class _Maker:
    """Makes values again."""

    def __init__(self, arrays: Sequence[Any], batch: Batch, values: Any) -> None:
        self.arrays, self.batch, self.values, self.xp = arrays, batch, values, array_library(values)

    def value(self, kept: Any) -> Any:
        """Return a value."""
        if isinstance(kept, list):
            return [self.value(part) for part in kept]
        if not isinstance(kept, dict):
            return kept
        if "array" in kept:
            array = self.arrays[kept["array"]]
            return to_host(array) if array.dtype.kind in "iu" else array  # places of series are looked up on the host
        if "tuple" in kept:
            return tuple(self.value(part) for part in kept["tuple"])
        if "dict" in kept:
            return {name: self.value(part) for name, part in kept["dict"]}
        return self._made(kept["made"], {name: self.value(part) for name, part in kept["of"].items()})

    def _made(self, words: str, held: dict[str, Any]) -> Any:
        """Return an object of one of the classes of this folder."""
        module, _, name = words.partition(":")
        kind = getattr(sys.modules[HOME + module], name)  # all of the folder's modules are there by now: nothing is imported for a file
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind) and kind.__module__ == HOME + module):
            msg = f"{words} is no class of a forecaster"
            raise ValueError(msg)
        made = object.__new__(kind)
        made.__dict__.update(held)
        if isinstance(made, Forecaster):
            self._complete(made)
        return made

    def _complete(self, made: Forecaster) -> None:
        """Give a forecaster what follows from its series."""
        made._check_parameters()
        made._batch = self.batch
        made.reasons_, made.status_ = made._statuses.reasons, self.xp.asarray(made._statuses.codes)
        with np.errstate(over="ignore"):  # of giants
            if made.fitted_.shape != self.values.shape:
                msg = "its fitted values are not as many as those it was fitted to"
                raise ValueError(msg)
            made.residuals_ = self.xp.where(self.xp.isinf(self.values).any(axis=1)[:, None], self.xp.nan, self.values) - made.fitted_
