"""Reduces a table to a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, cast

from gpupipe.core.aggregates import EmptySum, with_empty_sum
from gpupipe.core.barrier import Barrier
from gpupipe.core.decimals import exact
from gpupipe.core.errors import PlanError, UsageError
from gpupipe.core.expressions import Named, columns_of, values_in
from gpupipe.core.literal import Literal
from gpupipe.core.node import Node, Table, Value
from gpupipe.core.options import settle
from gpupipe.core.plain import symbolic
from gpupipe.core.schema import Schema
from gpupipe.core.want import Want
from gpupipe.stages._named import expressions, named

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress
    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False, eq=False)
class Scalar(Barrier):
    """Reduces a table to one number, or to several named ones: ``Scalar(nw.len())``, ``Scalar(low=nw.col("x").min(), ...)``.

    One expression by position gives the bare value; expressions by keyword give a mapping.

    Parameters
    ----------
    empty_sum
        What ``sum()`` makes of no value at all: ``"zero"``, or ``"null"`` as in SQL.
    """

    kind: ClassVar[str] = "value"
    gives: ClassVar[type[Node]] = Value

    columns: Named

    def __init__(self, expression: Any = None, *, empty_sum: EmptySum = "zero", **expressions: Any) -> None:
        if (expression is None) == (not expressions):
            msg = "Scalar expects either one expression, or several by keyword."
            raise UsageError(msg)
        given = named([] if expression is None else [expression], expressions, "Scalar")
        settle(self, columns=with_empty_sum(given, empty_sum, "Scalar"))

    def __call__(self, table: Table) -> Value:
        """Return the node of the number."""
        return cast(Value, self.wire((table,)))

    def results(self) -> Sequence[Value]:
        """Return the results of other stages that stand in the expressions, which a scalar does not take."""
        return values_in(self.columns)

    def measure(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the one row of numbers."""
        return frame.select(expressions(exact(self.columns, frame)))

    def wants(self, *schemas: Schema) -> tuple[Want, ...]:
        """Return the one want: the numbers."""
        return (Want(self.measure, "arrow", aggregates=self.columns, columns=columns_of(self.columns)),)

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Any:
        """Return the number, or the named ones."""
        return self._value(results[0])

    def _value(self, table: Any) -> Any:
        """Return the number, or the named ones, of the one row."""
        if table.num_rows != 1:
            msg = (
                f"Scalar expects expressions that reduce all rows to one value, got {table.num_rows} rows. Use .sum(), .max() and the like."
            )
            raise PlanError(msg)
        values = table.to_pylist()[0]
        return next(iter(values.values())) if self.columns[0][0] is None else values

    def plan(self, *schemas: Schema) -> Literal:
        """Return the value of an empty table, which must be one."""
        results = symbolic().wanted_of_nothing(self, schemas)
        return Literal.of(self._value(results[0]), results)
