"""Regression of a number on a tensor, with weights in CP form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import gpupipe.tensors as gt
from gpupipe.stages.tensors._fit import require_counts
from gpupipe.stages.tensors._regression import FittedTensorRegression, TensorRegression


@dataclass(frozen=True, eq=False, repr=False)
class FittedCPRegression(FittedTensorRegression):
    """An intercept and weights in CP form, with the labels of a sample's dimensions."""


@dataclass(frozen=True)
class CPRegression(TensorRegression):
    """Fits a number for each sample of a tensor: an intercept, and a weight for each cell.

    The weights are a sum of `weight_rank` components.
    ``CPRegression(2, samples="patient", target="age").fit(tensor, table)`` takes a tensor with the
    dimension ``patient`` and a table with a row for each patient whose age is known; samples without one are left out. What is fitted
    answers ``predict(tensor)`` and ``weights()``.

    Parameters
    ----------
    weight_rank
        The number of components.
    samples
        The dimension of the samples, and the table's column of their labels.
    target
        The table's column of numbers.
    tol, reg_W, n_iter_max, random_state, fit_intercept
        As `gpupipe.tensors.CPRegressor` takes them.

    Examples
    --------
    >>> import numpy as np, polars as pl
    >>> from gpupipe import ToTensor
    >>> places = np.indices((9, 2, 2)).reshape(3, -1)
    >>> x = np.random.default_rng(0).normal(size=(9, 2, 2))
    >>> tensor = ToTensor(["s", "a", "b"], "x").apply(pl.DataFrame({**dict(zip("sab", places)), "x": x.ravel()}))
    >>> y = pl.DataFrame({"s": np.arange(9), "y": x[:, 1, 0] + 5})
    >>> fitted = CPRegression(1, samples="s", target="y", reg_W=0.0).apply(tensor, y)
    >>> round(fitted.intercept, 3)
    5.0
    """

    fitted: ClassVar[type] = FittedCPRegression
    estimator: ClassVar[Any] = gt.CPRegressor

    weight_rank: int
    samples: str
    target: str
    tol: float = 1e-6
    reg_W: float = 1.0  # noqa: N815  (TensorLy's name)
    n_iter_max: int = 100
    random_state: int | None = 0
    fit_intercept: bool = True

    def __post_init__(self) -> None:
        gt.validate_cp_rank((1, 1), self.weight_rank)  # raises for what is no rank
        require_counts(self.name, n_iter_max=self.n_iter_max)
