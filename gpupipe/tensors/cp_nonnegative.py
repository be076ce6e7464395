"""CP without negative entries, by HALS: compressed first, then on the tensor itself; also masked, and of sparse tensors.

Source: Cichocki and Phan, IEICE Transactions (2009) for the updates; Cohen, Comon, Gillis, "Some theory on non-negative Tucker
decomposition" (2017) and Carroll, Pruzansky, Kruskal (1980) on working with a compressed tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gpupipe.core.errors import UsageError
from gpupipe.tensors._als import Measure, Products, Stopping, Sweeper, relative_error
from gpupipe.tensors._arrays import array_module, as_tensor, finite_sum_of_squares
from gpupipe.tensors._compress import CompressedTree, compress, widths
from gpupipe.tensors._estimator import Estimator
from gpupipe.tensors._hals import hals_rows, revived
from gpupipe.tensors._masked import Filled, masked_parts
from gpupipe.tensors._starts import best_start
from gpupipe.tensors.cp_tensor import CPTensor, cp_canonical, cp_to_tensor
from gpupipe.tensors.mttkrp import DenseTree, grams_of, hadamard
from gpupipe.tensors.project import project
from gpupipe.tensors.rank import Rank, validate_cp_rank
from gpupipe.tensors.sparse import SparseProducts, SparseTensor

_OVERSAMPLING = 10
_STARTS = 6
_MOST_REVIVALS = 20
_FAR = 1e-4  # relative errors on the compressed tensor that differ by less than this of it are the same while starts race


def non_negative_parafac_hals(
    tensor: Any,
    rank: Rank,
    *,
    n_iter_max: int = 1000,
    init: str | tuple[Any, Sequence[Any]] = "random",
    n_starts: int | None = None,
    compression: bool = True,
    tol: float = 1e-7,
    mask: Any = None,
    random_state: int | None = 0,
    return_errors: bool = False,
) -> Any:
    """Return weights and factors of a CP decomposition without negative entries, components in the order of their weights.

    Parameters
    ----------
    tensor
        Of order 2 or more, dense or a `SparseTensor`; negative values in it are allowed, and met as well as can be.
    rank, n_iter_max, tol, mask, random_state, return_errors
        As in `gpupipe.tensors.parafac`.
    init
        ``"random"``, or weights and factors to go on from, which are copied.
    n_starts
        How many random starts are tried; 6 by default, 1 with a mask or a sparse tensor.
    compression
        Sweep over a compressed tensor first, where the sizes allow one. The factors have their full length all the while.

    Raises
    ------
    UsageError
        As in `gpupipe.tensors.parafac`; and `init` has a negative entry.

    Examples
    --------
    >>> weights, factors = non_negative_parafac_hals(np.array([[2.0, 0.0], [0.0, -1.0]]), 1)
    >>> cp_to_tensor((weights, factors)).round(6).tolist()
    [[2.0, 0.0], [0.0, 0.0]]
    """
    if n_iter_max < 1 or (n_starts is not None and n_starts < 1):
        raise UsageError(f"n_iter_max and n_starts must be at least 1, got {n_iter_max} and {n_starts}.")
    seed, stopping = np.random.default_rng(random_state), Stopping(tol, n_iter_max)
    sparse = isinstance(tensor, SparseTensor)
    if sparse and mask is not None:
        raise UsageError("A sparse tensor takes no mask: what it does not hold is zero. Pass a dense tensor, or leave the mask out.")
    tensor = tensor if sparse else as_tensor(tensor)
    observed, weights = masked_parts(tensor, mask) if mask is not None else (tensor, None)
    values = tensor.values if sparse else observed
    xp, dtype, n_columns = array_module(values), values.dtype, validate_cp_rank(tensor.shape, rank)
    norm_squared = finite_sum_of_squares(values)
    rows, errors = _given(init, tensor, n_columns), [0.0]
    if norm_squared == 0:
        rows = [xp.zeros((1, n_columns, size)) for size in tensor.shape]
    elif weights is not None or sparse:
        rows = rows or _drawn(xp, tensor.shape, n_columns, 1, seed, norm_squared)
        if weights is not None:
            rows, errors = _fit_masked(observed, weights, rows, norm_squared, stopping)
        else:
            rows, errors = _run(SparseProducts(tensor, rows), Measure(norm_squared), stopping, seed)
    else:
        rows, errors = _fit_dense(tensor, n_columns, rows, n_starts or _STARTS, norm_squared, stopping, seed, compression=compression)
    scale, factors = cp_canonical((None, [one[0].T for one in rows]))
    found = CPTensor(scale.astype(dtype), [factor.astype(dtype) for factor in factors])
    return (found, errors) if return_errors else found


def _given(init: str | tuple[Any, Sequence[Any]], tensor: Any, rank: int) -> list[Any] | None:
    if isinstance(init, str):
        if init != "random":
            raise UsageError(f"init is {init!r}; expected 'random', or weights and factors.")
        return None
    weights, factors = init
    shapes = [tuple(factor.shape) for factor in factors]
    if shapes != [(size, rank) for size in tensor.shape]:
        raise UsageError(f"init has factors of shapes {shapes}, which do not fit a tensor of shape {tensor.shape} and rank {rank}.")
    rows = [factor.T.astype(np.float64)[None] for factor in factors]
    if weights is not None:
        rows[-1] = rows[-1] * weights.astype(np.float64)[None, :, None]
    if any(bool((one < 0).any()) for one in rows):
        raise UsageError("init has a negative entry; a decomposition without negative entries cannot begin there. Clip it at 0.")
    return rows


def _drawn(xp: Any, shape: Sequence[int], rank: int, n_starts: int, seed: np.random.Generator, norm_squared: float) -> list[Any]:
    """Return random factors without negative entries, of the tensor's norm: so a scaled tensor is decomposed as it would be otherwise."""
    rows = [xp.asarray(seed.uniform(size=(n_starts, rank, size))) for size in shape]
    rows[-1] = rows[-1] * xp.sqrt(norm_squared / hadamard(grams_of(rows)).sum((-2, -1)))[:, None, None]
    return rows


def _update(products: Products, mode: int, product: Any, gram: Any) -> Any:
    return hals_rows(products.rows[mode], product, gram)


def _fit_dense(
    tensor: Any,
    rank: int,
    rows: list[Any] | None,
    n_starts: int,
    norm_squared: float,
    stopping: Stopping,
    seed: np.random.Generator,
    *,
    compression: bool,
) -> tuple[list[Any], list[float]]:
    """Return the factors as rows and the errors of the sweeps, those over the compressed tensor first."""
    sizes = widths(tensor.shape, [rank + _OVERSAMPLING] * tensor.ndim) if compression else tensor.shape
    compressed = compress(tensor, sizes, seed, power=1, norm_squared=norm_squared)
    smaller = compressed.core is not tensor
    measure = Measure(norm_squared - compressed.lost, compressed.lost, float(np.finfo(tensor.dtype).eps))

    def products(starts: list[Any]) -> Products:
        return CompressedTree(compressed, starts) if smaller else DenseTree(tensor, starts)

    if rows is None:
        drawn = _drawn(array_module(tensor), tensor.shape, rank, n_starts, seed, norm_squared)
        rows = best_start(tensor, measure, drawn, tol=_FAR, update=_update, products=products)
    errors: list[float] = []
    if smaller:
        rows, errors = _run(products(rows), measure, stopping, seed)
    rows, more = _run(DenseTree(tensor, rows), Measure(norm_squared, step=measure.step), stopping, seed)
    return rows, errors + more


def _run(products: Products, measure: Measure, stopping: Stopping, seed: np.random.Generator) -> tuple[list[Any], list[float]]:
    """Return factors and errors of sweeps until it is enough. Components that become zero are begun anew, some times."""
    sweeper = Sweeper(products, measure, _update)
    errors: list[float] = []
    n_revivals = 0
    while len(errors) < stopping.n_iter_max and not stopping.met(errors):
        errors.append(float(sweeper.errors(sweeper.sweep())[0]))
        fresh = revived(products.rows, seed) if n_revivals < _MOST_REVIVALS else None
        if fresh is not None:
            n_revivals += 1
            for mode, rows in enumerate(fresh):
                sweeper.replace(mode, rows)
            last = len(fresh) - 1
            others = hadamard(sweeper.grams, skip=last)
            sweeper.replace(last, hals_rows(products.rows[last], products.mttkrp(last), others))
    return products.rows, errors


def _fit_masked(observed: Any, weights: Any, rows: list[Any], norm_squared: float, stopping: Stopping) -> tuple[list[Any], list[float]]:
    """Return factors and errors on the observed cells; missing ones are filled before each sweep."""
    fit = Filled(observed, weights, rows, _update)
    errors: list[float] = []
    while len(errors) < stopping.n_iter_max and not stopping.met(errors):
        errors.append(relative_error(fit.sweep(), norm_squared))
    return fit.rows, errors


@dataclass
class NonNegativeCP(Estimator):
    """CP without negative entries as an estimator; its parameters are those of `non_negative_parafac_hals`.

    After ``fit`` it has `weights_`, `factors_`, `decomposition_` (both) and `errors_`. TensorLy's name is ``CP_NN_HALS``.

    Examples
    --------
    >>> model = NonNegativeCP(1).fit(np.array([[2.0, 4.0], [1.0, 2.0]]))
    >>> model.transform(np.array([[4.0, 8.0]])).round(6) / model.transform(np.array([[2.0, 4.0]])).round(6)
    array([[2.]])
    """

    rank: Rank
    n_iter_max: int = 1000
    init: Any = "random"
    n_starts: int | None = None
    compression: bool = True
    tol: float = 1e-7
    random_state: int | None = 0

    def fit(self, tensor: Any, y: Any = None, *, mask: Any = None) -> Self:
        """Decompose a tensor."""
        self.decomposition_, self.errors_ = non_negative_parafac_hals(tensor, **self.get_params(), mask=mask, return_errors=True)
        self.weights_, self.factors_ = self.decomposition_
        return self

    def fit_transform(self, tensor: Any, y: Any = None, *, mask: Any = None) -> CPTensor:
        """Decompose a tensor, and return weights and factors, as TensorLy's estimator does."""
        decomposition: CPTensor = self.fit(tensor, y, mask=mask).decomposition_
        return decomposition

    def transform(self, tensor: Any) -> Any:
        """Return the rows (I, R), without negative entries, that new slices along mode 0 have with all other factors as fitted.

        Raises
        ------
        UsageError
            The other modes have other sizes than in the fit, or the values are not finite numbers.
        """
        return project(tensor, self._fitted("decomposition_"), non_negative=True)

    def reconstruct(self) -> Any:
        """Return the dense tensor that weights and factors stand for."""
        return cp_to_tensor(self._fitted("decomposition_"))
