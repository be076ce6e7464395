"""Training on blocks of cuDF by cuml.dask, on all workers' devices; `gpupipe.engines.dask_cuda.choice` says of what."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import dask

from gpupipe.core.errors import StageError
from gpupipe.core.ledger import Ledger
from gpupipe.core.task import Training
from gpupipe.engines._block_engine import PACKED, TARGET, WEIGHT
from gpupipe.engines.cudf.frames import Crossing
from gpupipe.engines.cudf.models import OnDevice, facts_of, made_on_device
from gpupipe.engines.dask.blocks import Blocks, Site, mapped
from gpupipe.engines.dask.boosting import CountNumbers, numbers_of
from gpupipe.engines.dask.waiting import Waiter, connection_errors
from gpupipe.engines.dask_cuda.choice import ARRAYS, DISTRIBUTED, WEIGHTED

_NOT_PASSED = ("output_type", "verbose")  # which cuml.dask sets by itself


def train_on_devices(recipe: Training, train: Blocks, waiter: Waiter, site: Site, ledger: Ledger) -> OnDevice:
    """Return the estimator fitted by cuml.dask on all workers.

    Raises
    ------
    UnsupportedError
        A parameter is not honoured by cuML.
    StageError
        There are no rows, a label is missing, or the estimator refuses the data.
    """
    name = type(recipe.estimator).__name__
    parameters = {key: value for key, value in made_on_device(recipe.estimator).get_params().items() if key not in _NOT_PASSED}
    (held,) = waiter.held([numbers_of(recipe, train, site)])
    (counted,) = waiter.brought([mapped(CountNumbers(), "count", PACKED, held)])
    filled = [number for number, n_rows in enumerate(counted["table"]) if n_rows]
    if not filled:
        msg = "Expected rows to train on, got an empty table. Look at the filters and splits before it."
        raise StageError(msg)
    given_rows = fit_arguments(name, recipe, held.partitions[filled])
    with connection_errors(waiter.client), waiter.client.as_current():
        estimator = distributed_class(name)(client=waiter.client, **parameters)
        try:
            estimator.fit(*given_rows)
        except (ValueError, TypeError, RuntimeError) as error:
            msg = f"{name} could not be trained on {sum(counted['table'])} rows: {error}"
            raise StageError(msg) from error
        fitted = estimator.get_combined_model()
    return OnDevice(fitted, facts_of(fitted, Crossing(ledger)))


def distributed_class(name: str) -> Any:
    """Return cuml.dask's estimator of a name; importing it leaves Dask's configuration as it is."""
    module, _, member = DISTRIBUTED[name].partition(":")
    method = "dataframe.shuffle.method"  # which cuml.dask sets for the whole process
    with dask.config.set({method: dask.config.get(method, None)}):
        return getattr(import_module(module), member)


def fit_arguments(name: str, recipe: Training, numbers: Any) -> list[Any]:
    """Return what an estimator of cuml.dask's is fitted to: frames and columns of dask_cudf, or for some arrays of CuPy."""
    features = numbers[list(recipe.features)]
    arguments = [features] if recipe.target is None else [features, numbers[TARGET]]
    if name in ARRAYS:
        return [features.values, numbers[TARGET].astype("int64").values]
    if recipe.weight is not None and name in WEIGHTED:
        return [features, numbers[WEIGHT]]
    return arguments
