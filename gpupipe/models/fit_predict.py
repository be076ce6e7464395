"""Labels the rows that an estimator is fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.models._fit_rows import FitRows


@dataclass(frozen=True, init=False, eq=False)
class FitPredict(FitRows):
    """Appends ``cluster``, the label that an estimator gives each row that it is fitted to; for those that cannot place other rows.

    DBSCAN, HDBSCAN and hierarchical clustering are such. Noise is -1. The estimator sees all rows at once: on many machines they are
    gathered for it. Where others can be placed, `Learn` is what fits.

    Parameters
    ----------
    estimator
        Unfitted, with scikit-learn's ``fit_predict``; it is never changed.
    features
        The columns it sees; all of them unless given.

    Examples
    --------
    >>> import polars as pl
    >>> from sklearn.cluster import DBSCAN
    >>> frame = pl.DataFrame({"x": [0.0, 0.1, 5.0, 5.1, 9.0]})
    >>> FitPredict(DBSCAN(eps=0.5, min_samples=2)).apply(frame)["cluster"].to_list()
    [0, 0, 1, 1, -1]
    """

    method: ClassVar[str] = "fit_predict"
    example: ClassVar[str] = "DBSCAN()"

    def outputs(self) -> tuple[tuple[str, Any], ...]:
        """Return the label's column."""
        return (("cluster", nw.Int32()),)

    def columns_of(self, made: Any) -> Sequence[Any]:
        """Return the labels."""
        return [made]
