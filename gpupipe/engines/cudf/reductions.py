"""Reductions of whole cuDF columns as Polars has them: NaN is a number, and nothing is missing.

Each function gets narwhals' own method and what it is called on; `gpupipe.engines.cudf.narwhals_patches` puts it in the method's place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gpupipe.engines.cudf.missing import has_nan, is_missing, n_missing, n_there


class _Missing(float):
    """What a reduction of nothing gives: cuDF would give NaN, which is a number here."""


NOTHING = _Missing("nan")


def _sum(original: Any, self: Any) -> Any:
    """Return the sum: NaN where a value is, and 0 of nothing."""
    return float("nan") if has_nan(self.native) else original(self)


def _moment(original: Any, self: Any, **options: Any) -> Any:
    """Return a mean or a spread: NaN where a value is, and missing of too few values."""
    if n_there(self.native) <= options.get("ddof", 0):
        return NOTHING
    return float("nan") if has_nan(self.native) else original(self, **options)


def _extreme(original: Any, self: Any) -> Any:
    """Return the least or largest value; NaN only where there is nothing else, and missing where there is nothing."""
    if self.native.dtype.kind in "iuf" and not n_there(self.native):
        return NOTHING
    if has_nan(self.native) and not n_there(self.native.nans_to_nulls()):
        return float("nan")
    return original(self)


def _quantile(original: Any, self: Any, *args: Any, **options: Any) -> Any:
    """Return a median or quantile, missing of nothing."""
    return original(self, *args, **options) if n_there(self.native) else NOTHING


def _row(place: int) -> Callable[..., Any]:
    """Return the method of the first or last value, which may be missing; of floats and text cuDF would say NaN."""

    def method(original: Any, self: Any, **options: Any) -> Any:
        native = self.native
        is_asked = len(native) and native.dtype.kind not in "iubMm" and n_missing(native)
        if is_asked and not options.get("ignore_nulls") and bool(is_missing(native).iloc[place]):
            return NOTHING
        return original(self, **options)

    return method


REDUCTIONS: dict[str, Callable[..., Any]] = {
    "any_value": _row(0),
    "first": _row(0),
    "last": _row(-1),
    "max": _extreme,
    "mean": _moment,
    "median": _quantile,
    "min": _extreme,
    "quantile": _quantile,
    "std": _moment,
    "sum": _sum,
    "var": _moment,
}
