"""Labels of any kind as the numbers 0, 1, 2, ... that XGBoost's classifiers take, and back.

scikit-learn's classifiers do that by themselves. Classes are in sorted order, as theirs are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from gpupipe.core.demand import Demand
from gpupipe.core.errors import StageError, listing
from gpupipe.core.schema import Field, Schema
from gpupipe.core.stage import RowStage
from gpupipe.core.want import Want

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.verbs import Verbs


def labels_in(engine: Engine, tables: Sequence[Any], target: str) -> tuple[Any, ...]:
    """Return the classes of the first table in sorted order; none where they are 0, 1, 2, ... already.

    Raises
    ------
    StageError
        A later table has labels that the first has not, or a label is NaN.
    """
    want = Want(lambda _, frame: _text(frame, target).select(target).unique(), "arrow", _united)
    found = [set(table[target].to_pylist()) - {None} for table in engine.compute([Demand("arrow", data, want) for data in tables])]
    if any(isinstance(label, float) and math.isnan(label) for labels in found for label in labels):
        msg = f"Expected a label in every row, got NaN in target {target!r}. Drop those rows or fill them first."
        raise StageError(msg)
    strange = sorted(set().union(*found[1:]) - found[0])
    if strange:
        msg = (
            f"The validation table has labels in {target!r} that the training table has not: {listing(map(str, strange))}. Split otherwise."
        )
        raise StageError(msg)
    classes = tuple(sorted(found[0]))
    counted = all(isinstance(label, int) and not isinstance(label, bool) for label in classes) and classes == tuple(range(len(classes)))
    return () if counted else classes


def is_text(dtype: Any) -> bool:
    """Whether a column of this dtype holds text, be it as categories."""
    return isinstance(dtype, nw.String | nw.Categorical)


def _text(frame: nw.LazyFrame[Any], column: str) -> nw.LazyFrame[Any]:
    """Return the frame with categories in a column as text."""
    return frame.with_columns(nw.col(column).cast(nw.String)) if frame.collect_schema()[column] == nw.Categorical else frame


def lacking_in(engine: Engine, data: Any, columns: Sequence[str]) -> list[str]:
    """Return those of some columns in which values are missing."""
    want = Want(lambda _, frame: frame.select(nw.col(name).is_null().any() for name in columns), "arrow", pa.concat_tables)
    (found,) = engine.compute([Demand("arrow", data, want)])
    return [name for name in columns if any(found[name].to_pylist())]


def _united(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of several tables, each of them once."""
    whole = pa.concat_tables(tables)
    return whole.group_by(whole.column_names).aggregate([])


def coded(engine: Engine, data: Any, schema: Schema, target: str, classes: tuple[Any, ...]) -> Any:
    """Return the engine's data with the positions of the labels among the classes in the target's place."""
    made = Schema(tuple((name, Field(nw.Int32()) if name == target else field) for name, field in schema.items()))
    return engine.run(Coded(target, classes), [data], made)


@dataclass(frozen=True)
class Coded(RowStage):
    """Puts each label's position among the classes in its place."""

    target: str
    classes: tuple[Any, ...]

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with positions."""
        return _replaced(
            _text(frames[0], self.target), self.target, dict(zip(self.classes, range(len(self.classes)), strict=True)), nw.Int32()
        )


def decoded(frame: nw.LazyFrame[Any], column: str, classes: tuple[Any, ...], dtype: Any) -> nw.LazyFrame[Any]:
    """Return the frame with labels in the place of their positions among the classes."""
    return _replaced(frame, column, dict(enumerate(classes)), dtype)


def _replaced(frame: nw.LazyFrame[Any], column: str, values: dict[Any, Any], dtype: Any) -> nw.LazyFrame[Any]:
    """Return the frame with other values in a column, and nothing where none is known."""
    found = [nw.when(nw.col(column) == old).then(nw.lit(new)) for old, new in values.items()]
    return frame.with_columns(nw.coalesce(*found).cast(dtype).alias(column))


def classes_of(model: Any) -> tuple[Any, ...]:
    """Return a classifier's classes, in order, as plain values."""
    classes = getattr(model, "classes_", None)
    return () if classes is None else tuple(np.asarray(classes).tolist())


def probability_names(classes: Sequence[Any]) -> list[str]:
    """Return the names of a classifier's probability columns.

    Examples
    --------
    >>> probability_names([0, 1]), probability_names(["a", "b", "c"])
    (['probability'], ['probability_a', 'probability_b', 'probability_c'])
    """
    return ["probability"] if len(classes) in (0, 2) else [f"probability_{name}" for name in classes]
