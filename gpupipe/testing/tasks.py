"""The law that task stages keep: one answer on every engine, whatever the order of the rows, and after it was kept or saved.

::

    def test_law():
        check_task(lambda edges: PageRank()(ToGraph("a", "b", directed=True)(edges)), pa.table({"a": [0, 1], "b": [1, 0]}))
"""

from __future__ import annotations

import dataclasses
import pickle
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.artefact import load, save
from gpupipe.core.arrow import schema_of
from gpupipe.core.holding import Holding
from gpupipe.core.node import Node
from gpupipe.core.schema import Schema
from gpupipe.pipeline import Pipeline
from gpupipe.sources.from_frame import FromFrame
from gpupipe.testing.compare import as_arrow, assert_same_rows
from gpupipe.testing.laws import ENGINES


def check_task(
    build: Callable[..., Node], *tables: Any, engines: Sequence[str] = ENGINES, rtol: float = 1e-12, any_order: bool = True
) -> Any:
    """Return what the node that `build` makes of the tables gives: a frame, a number, a graph, a tensor.

    Parameters
    ----------
    build
        From nodes of the tables to the node that is held to the law.
    any_order
        Whether the rows' order must not matter.

    Raises
    ------
    AssertionError
        Engines differ, or rows in another order do; the columns are not the planned ones; what was computed once and taken from its
        checkpoint, or saved and loaded, is not what it was; the stage does not pickle.
    """
    given = [as_arrow(table) for table in tables]
    first = _run(build, given, engines[0])
    _hold(first)
    for name in engines[1:]:
        _same(first, _run(build, given, name), f"on engine {engines[0]!r} (left) and on {name!r} (right)", rtol)
    if any_order:
        turned = [table.take(pa.array(range(table.num_rows - 1, -1, -1), pa.int64())) for table in given]
        _same(first, _run(build, turned, engines[0]), "with its rows in order (left) and from the last to the first (right)", rtol)
    return first


def _run(build: Callable[..., Node], tables: Sequence[pa.Table], engine: str) -> Any:
    """Return the result on an engine, computed, which must be as it is taken from its checkpoint."""
    node = build(*(FromFrame(table).node() for table in tables))
    pickle.loads(pickle.dumps(node.stage))  # noqa: S301  (our own bytes)
    pipeline = Pipeline("law", made=node)
    with tempfile.TemporaryDirectory() as folder:
        made = pipeline.run(engine, checkpoints=folder)["made"]
        again = pipeline.run(engine, checkpoints=folder, resume=True)
        if not again.report["checkpoints"]["taken"]:
            raise AssertionError(f"{node.title} is not kept in checkpoints: {again.report['checkpoints']['remarks']}")
        _same(made, again["made"], f"on engine {engine!r} as computed (left) and from its checkpoint (right)", 0)
    planned = pipeline.plan().steps[-1].schema
    if planned is not None:
        _hold_to(planned, made, node.title)
    return made


def _hold_to(planned: Schema, made: nw.DataFrame[Any], title: str) -> None:
    """Raise AssertionError unless a table has the planned columns."""
    table = as_arrow(made)
    found = schema_of(table.schema)
    if found.dtypes != planned.dtypes:
        raise AssertionError(f"{title} makes {found.dtypes}, and {planned.dtypes} in the plan.")
    lacking = [name for name in planned.not_null if table[name].null_count]
    if lacking:
        raise AssertionError(f"{title} has missing values in {lacking}, and none of them in the plan.")


def _hold(made: Any) -> None:
    """Raise AssertionError unless what is no table is the same after it was saved and loaded."""
    if isinstance(made, Holding):
        with tempfile.TemporaryDirectory() as folder:
            _same(made, load(save(made, f"{folder}/saved")), "as computed (left) and after it was saved and loaded (right)", 0)


def _same(left: Any, right: Any, what: str, rtol: float) -> None:
    """Raise AssertionError where two results differ."""
    if isinstance(left, nw.DataFrame):
        try:
            assert_same_rows(as_arrow(left), as_arrow(right), rtol=rtol)
        except AssertionError as error:
            raise AssertionError(f"Results differ {what}: {error}") from error
    elif isinstance(left, Holding):
        for field in dataclasses.fields(left):  # type: ignore[arg-type]
            _same_field(getattr(left, field.name), getattr(right, field.name), f"in {field.name!r} {what}", rtol)
    else:
        _same_field(left, right, what, rtol)


def _same_field(left: Any, right: Any, what: str, rtol: float) -> None:
    """Raise AssertionError where two fields differ."""
    if isinstance(left, tuple) and isinstance(right, tuple) and len(left) == len(right):
        for one, other in zip(left, right, strict=True):
            _same_field(one, other, what, rtol)
    elif isinstance(left, nw.DataFrame | Holding):
        _same(left, right, what, rtol)
    elif hasattr(left, "dtype"):
        one, other = (np.asarray(array.get() if hasattr(array, "get") else array) for array in (left, right))
        np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol, err_msg=f"Results differ {what}.")
        if one.dtype != other.dtype:
            raise AssertionError(f"Results differ {what}: {one.dtype} and {other.dtype}.")
    elif isinstance(left, float) and isinstance(right, float):
        np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol, err_msg=f"Results differ {what}.")
    elif left != right:
        raise AssertionError(f"Results differ {what}: {left!r} and {right!r}.")
