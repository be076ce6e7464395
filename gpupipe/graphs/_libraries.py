"""The libraries that graphs stand on, loaded when a function needs them: SciPy and NetworKit; on a device CuPy's matrices and cuGraph."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from gpupipe.core.errors import MissingExtraError, UnsupportedError


def _missing(error: ImportError) -> MissingExtraError:
    return MissingExtraError.of(f"Graphs need {error.name}", "graph")


def sparse(xp: Any) -> Any:
    """Return the module of sparse matrices that goes with an array library.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    if xp is not np:
        return import_module("cupyx.scipy.sparse")
    try:
        import scipy.sparse  # type: ignore[import-untyped]  # local: gpupipe works without SciPy
    except ImportError as error:
        raise _missing(error) from error
    return scipy.sparse


def csgraph() -> Any:
    """Return SciPy's module of graph algorithms.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        import scipy.sparse.csgraph  # type: ignore[import-untyped]  # local: gpupipe works without SciPy
    except ImportError as error:
        raise _missing(error) from error
    return scipy.sparse.csgraph


def networkit() -> Any:
    """Return NetworKit.

    Raises
    ------
    MissingExtraError
        It is not installed.
    """
    try:
        import networkit  # local: gpupipe works without NetworKit
    except ImportError as error:
        raise _missing(error) from error
    return networkit


def cugraph() -> Any:
    """Return cuGraph; importing it leaves Dask's way of shuffling as it is, which cuGraph sets for the whole process.

    Raises
    ------
    UnsupportedError
        It is not installed.
    """
    method = "dataframe.shuffle.method"
    try:
        config = import_module("dask.config")
        with config.set({method: config.get(method, None)}):
            return import_module("cugraph")
    except ImportError as error:
        raise UnsupportedError(
            f"On a device cuGraph does this, and {error.name} is not installed. Copy the graph's arrays to the host, or install it as "
            "docs/install-gpu.md says."
        ) from error


def cudf() -> Any:
    """Return cuDF, whose frames cuGraph takes."""
    return import_module("cudf")
