"""Places the rows that an estimator is fitted to in few dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.errors import StageError, UsageError
from gpupipe.models._fit_rows import FitRows


@dataclass(frozen=True, init=False, eq=False)
class FitTransform(FitRows):
    """Puts an estimator's coordinates of each row that it is fitted to in place of the features, as ``tsne0``, ``tsne1``, ....

    For estimators that cannot place other rows, such as TSNE and MDS. The estimator sees all rows at once: on many machines they are
    gathered for it. Where others can be placed, as PCA and UMAP do, `Learn` is what fits.

    Parameters
    ----------
    estimator
        Unfitted, with scikit-learn's ``fit_transform`` and a number of components; it is never changed.
    features
        The columns it sees; all of them unless given.

    Examples
    --------
    >>> import polars as pl
    >>> from sklearn.manifold import TSNE
    >>> frame = pl.DataFrame({"id": [1, 2, 3, 4], "x": [0.0, 0.0, 4.0, 2.0], "y": [0.0, 3.0, 0.0, 1.0]})
    >>> placed = FitTransform(TSNE(1, perplexity=2, random_state=0), features=["x", "y"]).apply(frame)
    >>> placed.schema
    Schema([('id', Int64), ('tsne0', Float64)])
    """

    method: ClassVar[str] = "fit_transform"
    example: ClassVar[str] = "TSNE()"

    def __init__(self, estimator: Any, *, features: str | Sequence[str] | None = None) -> None:
        FitRows.__init__(self, estimator, features=features)
        n_components = estimator.get_params(deep=False).get("n_components")
        if not isinstance(n_components, int):
            msg = (
                f"FitTransform expects an estimator whose number of components is known beforehand, got {type(estimator).__name__} with "
                f"n_components={n_components!r}. Set n_components, or use Learn({type(estimator).__name__}()).fit(table).transform(table)."
            )
            raise UsageError(msg)

    def outputs(self) -> tuple[tuple[str, Any], ...]:
        """Return the coordinates' columns."""
        word = type(self.estimator).__name__.lower()
        return tuple((f"{word}{number}", nw.Float64()) for number in range(self.estimator.get_params(deep=False)["n_components"]))

    def dropped(self, features: tuple[str, ...]) -> tuple[str, ...]:
        """Return the features."""
        return features

    def columns_of(self, made: Any) -> Sequence[Any]:
        """Return the coordinates, a column each."""
        n_wanted = len(self.outputs())
        if made.shape[1] != n_wanted:
            msg = f"{type(self.estimator).__name__} was asked for {n_wanted} components and made {made.shape[1]} of so few rows or columns."
            raise StageError(msg)
        return [made[:, number] for number in range(n_wanted)]
