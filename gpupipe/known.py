"""What is known of a node before what follows it is run: numbers as literals, and the stage that makes a table once they are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

from gpupipe.core.arrow import schema_of
from gpupipe.core.errors import WiringError, listing
from gpupipe.core.stage import Apply, Stage, TableStage, WithResults


@dataclass(frozen=True)
class Literal:
    """A number that a stage concluded, with the dtype that it has in expressions."""

    value: Any
    dtype: Any

    @classmethod
    def of(cls, value: Any, results: Sequence[Any]) -> Literal:
        """Return the number; where it is one column of what was measured, in that column's dtype."""
        (table,) = results if len(results) == 1 else (None,)
        fields = list(schema_of(table.schema).dtypes.values()) if table is not None and table.num_rows == 1 else []
        return cls(value, fields[0] if len(fields) == 1 else nw.Float64())

    def expression(self) -> nw.Expr:
        """Return it as an expression."""
        value = self.value
        if isinstance(value, Mapping) and len(value) == 1:
            (value,) = value.values()
        if isinstance(value, Mapping):
            msg = f"Expected one number in an expression, got several: {listing(self.value)}. Make one Scalar for each number."
            raise WiringError(msg)
        return nw.lit(value, dtype=self.dtype)


def table_stage_of(stage: Stage, given: Sequence[Any]) -> TableStage:
    """Return the stage that makes the table: itself, for an applied one what was fitted, else with the numbers in its expressions.

    Parameters
    ----------
    given
        What is known of the stage's inputs: fitted stages and numbers (as `Literal`) count.
    """
    if isinstance(stage, Apply):
        return stage.stage(given[0])
    if isinstance(stage, WithResults):
        return stage.stage.with_literals([literal.expression() for literal in given[stage.n_tables :]])
    assert isinstance(stage, TableStage)
    return stage
