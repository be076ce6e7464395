"""CP (PARAFAC): a tensor as a sum of few rank-one tensors, by alternating least squares.

The tensor is compressed first, several starts are tried on its core, the best one is brought to its end there and then goes on with the
tensor itself. Every sweep over a dense tensor reads it twice.

Source: Kolda and Bader, SIAM Review 51 (2009); Carroll, Pruzansky, Kruskal, Psychometrika 45 (1980) for the compression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from gpupipe.core.errors import UsageError, nearest
from gpupipe.tensors._als import CRITERIA, Measure, Stopping, Sweeper, chosen
from gpupipe.tensors._arrays import array_module, as_tensor, finite_sum_of_squares
from gpupipe.tensors._compress import compress, widths
from gpupipe.tensors._estimator import Estimator
from gpupipe.tensors._masked import fit_masked, masked_parts
from gpupipe.tensors._starts import best_start, random_rows, starts_of
from gpupipe.tensors.cp_tensor import CPTensor, cp_canonical, cp_to_tensor
from gpupipe.tensors.mttkrp import DenseTree
from gpupipe.tensors.project import project
from gpupipe.tensors.rank import Rank, validate_cp_rank
from gpupipe.tensors.sparse import SparseProducts, SparseTensor

_OVERSAMPLING = 10
_START_SWEEPS = 20
_STARTS = 20
_FEW_STARTS = 4  # where no core makes them cheap


def parafac(
    tensor: Any,
    rank: Rank,
    *,
    n_iter_max: int = 1000,
    init: str | tuple[Any, Sequence[Any]] = "svd",
    n_starts: int | None = None,
    compression: bool = True,
    tol: float = 1e-8,
    cvg_criterion: str = "abs_rec_error",
    linesearch: bool = False,
    mask: Any = None,
    random_state: int | None = 0,
    return_errors: bool = False,
) -> Any:
    """Return weights and factors of the CP decomposition of a tensor, in canonical form (`cp_canonical`).

    Parameters
    ----------
    tensor
        Of order 2 or more, dense or a `SparseTensor`. float32 stays float32, everything else is computed in float64.
    rank
        The number of components, or the share of parameters to keep; see `validate_cp_rank`. It may exceed the sizes.
    n_iter_max
        How many sweeps at most, over the core and then over the tensor.
    init
        ``"svd"``: the first start is made of leading singular vectors, the others are random. ``"random"``: all are. Or weights and factors
        to go on from, which are copied.
    n_starts
        How many starts are tried; 20 by default, 4 with a mask or a sparse tensor.
    compression
        Look for the start on a compressed core, where the sizes allow one.
    tol
        Sweeps end when the relative error has changed by less than this, or than the dtype can tell (float32: 1.2e-7).
    cvg_criterion
        ``"abs_rec_error"``: the change's absolute value counts; ``"rec_error"``: the decrease does, so that an increase ends the sweeps.
    linesearch
        Try to go further in the direction of each sweep. Errors are those of the factors that are kept.
    mask
        True (or 1) where a cell of a dense tensor is observed. What is under the others, NaN included, is not looked at, and errors are
        those of observed cells.
    random_state
        The seed; the same one gives the same bits. None draws one.
    return_errors
        Return the relative error after each sweep, those of the best start on the core first.

    Raises
    ------
    UsageError
        The tensor has NaN without a mask, or infinite values, an empty dimension or order 1; the rank is below 1; an option is unknown.

    Examples
    --------
    >>> tensor = np.multiply.outer(np.multiply.outer([1.0, 2.0], [1.0, 1.0, 0.0]), [3.0, 4.0])
    >>> weights, factors = parafac(tensor, 1)
    >>> bool(np.allclose(cp_to_tensor((weights, factors)), tensor))
    True
    """
    stopping = _stopping(tol, n_iter_max, cvg_criterion, linesearch)
    if n_starts is not None and n_starts < 1:
        raise UsageError(f"n_starts must be at least 1, got {n_starts}.")
    seed = np.random.default_rng(random_state)
    if isinstance(tensor, SparseTensor):
        if mask is not None:
            raise UsageError("A sparse tensor takes no mask: what it does not hold is zero. Pass a dense tensor, or leave the mask out.")
        found, errors = _fit_sparse(tensor, validate_cp_rank(tensor.shape, rank), init, n_starts, stopping, seed)
        return (found, errors) if return_errors else found
    tensor = as_tensor(tensor)
    n_columns = validate_cp_rank(tensor.shape, rank)
    if mask is not None:
        observed, weights = masked_parts(tensor, mask)
        rows, errors = fit_masked(observed, weights, n_columns, _given(init, tensor, n_columns), n_starts or _FEW_STARTS, stopping, seed)
    else:
        rows, errors = _fit_dense(
            tensor, n_columns, init, _STARTS if n_starts is None else n_starts, stopping, seed, compression=compression
        )
    found = _as_cp(rows, tensor.dtype)
    return (found, errors) if return_errors else found


def _stopping(tol: float, n_iter_max: int, criterion: str, linesearch: bool) -> Stopping:
    if criterion not in CRITERIA:
        raise UsageError(f"cvg_criterion is {criterion!r}; expected one of {', '.join(CRITERIA)}.{nearest(criterion, CRITERIA)}")
    if n_iter_max < 1:
        raise UsageError(f"n_iter_max must be at least 1, got {n_iter_max}.")
    return Stopping(tol, n_iter_max, criterion, linesearch)


def _given(init: str | tuple[Any, Sequence[Any]], tensor: Any, rank: int) -> list[Any] | None:
    """Return the factors to go on from as rows (1, R, I), a copy; None where starts are to be looked for.

    Raises
    ------
    UsageError
        They do not fit, or `init` is no name of a start.
    """
    if isinstance(init, str):
        if init not in ("svd", "random"):
            raise UsageError(f"init is {init!r}; expected 'svd', 'random', or weights and factors.{nearest(init, ('svd', 'random'))}")
        return None
    weights, factors = init
    shapes = [tuple(factor.shape) for factor in factors]
    if shapes != [(size, rank) for size in tensor.shape]:
        raise UsageError(f"init has factors of shapes {shapes}, which do not fit a tensor of shape {tensor.shape} and rank {rank}.")
    rows = [factor.T.astype(np.float64)[None] for factor in factors]
    if weights is not None:
        rows[-1] = rows[-1] * weights.astype(np.float64)[None, :, None]
    return rows


def _as_cp(rows: Sequence[Any], dtype: Any) -> CPTensor:
    weights, factors = cp_canonical((None, [one[0].T for one in rows]))
    return CPTensor(weights.astype(dtype), [factor.astype(dtype) for factor in factors])


def _fit_dense(
    tensor: Any, rank: int, init: Any, n_starts: int, stopping: Stopping, seed: np.random.Generator, *, compression: bool
) -> tuple[list[Any], list[float]]:
    """Return the factors as rows and the errors of the sweeps."""
    norm_squared = finite_sum_of_squares(tensor)
    xp = array_module(tensor)
    if norm_squared == 0:
        return [xp.zeros((1, rank, size)) for size in tensor.shape], [0.0]
    measure = Measure(norm_squared, step=float(np.finfo(tensor.dtype).eps))
    stopping = replace(stopping, tol=max(stopping.tol, measure.step))  # a smaller change is rounding
    errors: list[float] = []
    rows = _given(init, tensor, rank)
    if rows is None:
        rows = _from_core(tensor, rank, n_starts, stopping, seed, norm_squared, errors, leading=init == "svd", compression=compression)
    sweeper = Sweeper(DenseTree(tensor, rows), measure)
    sweeper.run(stopping, errors)
    return sweeper.products.rows, errors


def _from_core(
    tensor: Any,
    rank: int,
    n_starts: int,
    stopping: Stopping,
    seed: np.random.Generator,
    norm_squared: float,
    errors: list[float],
    *,
    leading: bool,
    compression: bool,
) -> list[Any]:
    """Return the best start's factors, brought to their end on the core where there is one."""
    sizes = widths(tensor.shape, [rank + _OVERSAMPLING] * tensor.ndim) if compression else tensor.shape
    compressed = compress(tensor, sizes, seed, power=1, norm_squared=norm_squared)
    smaller = compressed.core is not tensor
    core = compressed.core.astype(np.float64) if smaller else tensor
    measure = Measure(norm_squared - compressed.lost, compressed.lost, float(np.finfo(core.dtype).eps))
    rows = best_start(core, measure, starts_of(core, rank, n_starts, seed, leading=leading), tol=stopping.tol)
    if not smaller:
        return rows
    sweeper = Sweeper(DenseTree(core, rows), measure)
    sweeper.run(stopping, errors)
    return [compressed.lift(mode, one) for mode, one in enumerate(sweeper.products.rows)]


def _fit_sparse(
    tensor: SparseTensor, rank: int, init: Any, n_starts: int | None, stopping: Stopping, seed: np.random.Generator
) -> tuple[CPTensor, list[float]]:
    """Return weights and factors, and the errors of the sweeps; starts are random."""
    xp = array_module(tensor.values)
    rows = _given(init, tensor, rank)
    norm_squared = finite_sum_of_squares(tensor.values)
    if norm_squared == 0:
        return _as_cp([xp.zeros((1, rank, size)) for size in tensor.shape], tensor.values.dtype), [0.0]
    measure, errors = Measure(norm_squared), list[float]()
    if rows is None:
        batch = n_starts or _FEW_STARTS
        several = Sweeper(SparseProducts(tensor, random_rows(xp, tensor.shape, rank, batch, seed)), measure)
        for _ in range(_START_SWEEPS if batch > 1 else 1):
            product = several.sweep()
        rows = chosen(several.products.rows, int(several.squares(product).argmin()))
    sweeper = Sweeper(SparseProducts(tensor, rows), measure)
    sweeper.run(stopping, errors)
    return _as_cp(sweeper.products.rows, tensor.values.dtype), errors


@dataclass
class CP(Estimator):
    """CP decomposition as an estimator; its parameters are those of `parafac`.

    After ``fit`` it has `weights_`, `factors_`, `decomposition_` (both) and `errors_`.

    Examples
    --------
    >>> tensor = np.multiply.outer(np.multiply.outer([1.0, 2.0], [1.0, 1.0, 0.0]), [3.0, 4.0])
    >>> model = CP(1).fit(tensor)
    >>> bool(np.allclose(model.transform(tensor), model.factors_[0] * model.weights_))
    True
    """

    rank: Rank
    n_iter_max: int = 1000
    init: Any = "svd"
    n_starts: int | None = None
    compression: bool = True
    tol: float = 1e-8
    cvg_criterion: str = "abs_rec_error"
    linesearch: bool = False
    random_state: int | None = 0

    def fit(self, tensor: Any, y: Any = None, *, mask: Any = None) -> Self:
        """Decompose a tensor."""
        self.decomposition_, self.errors_ = parafac(tensor, **self.get_params(), mask=mask, return_errors=True)
        self.weights_, self.factors_ = self.decomposition_
        return self

    def fit_transform(self, tensor: Any, y: Any = None, *, mask: Any = None) -> CPTensor:
        """Decompose a tensor, and return weights and factors, as TensorLy's estimator does."""
        decomposition: CPTensor = self.fit(tensor, y, mask=mask).decomposition_
        return decomposition

    def transform(self, tensor: Any, *, mask: Any = None) -> Any:
        """Return the rows (I, R), times the weights, that new slices along mode 0 have: the best ones with all other factors as fitted.

        Raises
        ------
        UsageError
            The other modes have other sizes than in the fit, or the values are not finite numbers.
        """
        return project(tensor, self._fitted("decomposition_"), mask=mask)

    def reconstruct(self) -> Any:
        """Return the dense tensor that weights and factors stand for."""
        return cp_to_tensor(self._fitted("decomposition_"))
