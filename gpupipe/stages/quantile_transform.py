"""Puts numbers to their share of smaller ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
import numpy as np

from gpupipe.core.columns import Columns, given_columns
from gpupipe.core.errors import UsageError
from gpupipe.core.options import settle
from gpupipe.core.verbs import ArrayMap
from gpupipe.stages._fits import ByColumn
from gpupipe.stages._quantiles import QuantilesFit

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class QuantileTransform(QuantilesFit):
    """Puts each number to the share of values, where it is fitted, that are smaller: from 0 to 1, or as a normal variable's; as Float64.

    Between quantiles it is linear, from both sides, as in scikit-learn's QuantileTransformer, which takes 10 000 rows at random unless told
    otherwise; here all rows count. Missing values stay missing.

    Parameters
    ----------
    columns
        Names, or `gpupipe.columns`.
    n_quantiles
        How many quantiles are kept, at equal distances; no more than there are values are of use.
    output
        ``"uniform"`` or ``"normal"``, which ends at 5.2 standard deviations.
    exact
        Whether the quantiles are exact, by a second pass that brings together about every distinct value; else less than
        ``n_values / 4096 + n_blocks`` ranks off.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"x": [1, 10, 100]})
    >>> QuantileTransform("x", n_quantiles=3).fit_plain(frame).apply(frame)["x"].to_list()
    [0.0, 0.5, 1.0]
    """

    columns: tuple[str, ...] | Columns
    n_quantiles: int
    output: Literal["uniform", "normal"]
    exact: bool

    def __init__(
        self,
        columns: str | Sequence[str] | Columns,
        *,
        n_quantiles: int = 1000,
        output: Literal["uniform", "normal"] = "uniform",
        exact: bool = False,
    ) -> None:
        if n_quantiles < 2 or output not in ("uniform", "normal"):
            msg = f"QuantileTransform expects n_quantiles >= 2 and output 'uniform' or 'normal', got {n_quantiles!r} and {output!r}."
            raise UsageError(msg)
        settle(self, columns=given_columns(columns, "QuantileTransform's columns"), n_quantiles=n_quantiles, output=output, exact=exact)

    @property
    def levels(self) -> tuple[float, ...]:
        """Shares at equal distances."""
        return tuple(float(level) for level in np.linspace(0, 1, self.n_quantiles))

    def made(self, names: tuple[str, ...], values: Sequence[Any]) -> QuantileTransformed:
        """Return the transformation; quantiles never fall, whatever rounding does."""
        kept = (() if np.isnan(of_column).any() else np.maximum.accumulate(of_column) for of_column in values)
        return QuantileTransformed(names, tuple(tuple(map(float, of_column)) for of_column in kept), self.output == "normal")


@dataclass(frozen=True)
class QuantileTransformed(ByColumn):
    """Puts the numbers of columns to their places among `quantiles`; where there are none, there is nothing."""

    columns: tuple[str, ...]
    quantiles: tuple[tuple[float, ...], ...]
    normal: bool

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the columns transformed, where they stood."""
        names = frames[0].collect_schema().names()
        outputs = tuple((name, nw.Float64()) for name in self.columns)
        function = partial(_placed, self.quantiles, self.normal)
        return verbs.map_arrays(frames[0], ArrayMap(self.columns, outputs, function, self.columns, nan_as_null=True)).select(names)


_LEAST = 1e-7
_ENDS = np.array([NormalDist().inv_cdf(_LEAST - np.spacing(1)), NormalDist().inv_cdf(1 - (_LEAST - np.spacing(1)))])


def _placed(quantiles: tuple[tuple[float, ...], ...], normal: bool, array: Any) -> list[Any]:
    """Return each column's shares, interpolated from below and from above, whose mean it is where several quantiles are equal."""
    array = np.asarray(array, dtype=np.float64)
    made = []
    for number, known in enumerate(quantiles):
        values, edges = array[:, number], np.asarray(known)
        if not known:
            made.append(np.full(len(values), np.nan))
            continue
        levels = np.linspace(0, 1, len(edges))
        share = 0.5 * (np.interp(values, edges, levels) - np.interp(-values, -edges[::-1], -levels[::-1]))
        inside = ~np.isnan(values)
        share = np.where(inside & (values + _LEAST > edges[-1]) if normal else inside & (values == edges[-1]), 1.0, share)
        share = np.where(inside & (values - _LEAST < edges[0]) if normal else inside & (values == edges[0]), 0.0, share)
        made.append(np.clip(_normal(share), *_ENDS) if normal else share)
    return made


def _normal(share: Any) -> Any:
    """Return the standard normal variable below which a share lies (Wichura, Algorithm AS 241, 1988, as in the standard library)."""
    flat = np.unique(share[~np.isnan(share)])
    known = np.array([NormalDist().inv_cdf(value) if 0 < value < 1 else (-np.inf if value <= 0 else np.inf) for value in flat])
    found = np.full(len(share), np.nan)
    found[~np.isnan(share)] = known[np.searchsorted(flat, share[~np.isnan(share)])]
    return found
