"""Expressions under names, as `WithColumns`, `GroupBy` and `Scalar` take them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.columns import Columns
from gpupipe.core.decimals import exact
from gpupipe.core.errors import UsageError, WiringError
from gpupipe.core.expressions import Named, filled, slotted, taken_plain, values_in
from gpupipe.core.node import Value
from gpupipe.core.plain import symbolic
from gpupipe.core.schema import Schema


class OfExpressions:
    """A stage whose field `expressions_in` holds expressions, in which results of other stages may stand."""

    expressions_in: ClassVar[str]

    def expressions(self) -> Named:
        """Return the expressions."""
        made: Named = getattr(self, self.expressions_in)
        return made

    def results(self) -> Sequence[Value]:
        """Return the results of other stages that stand in the expressions."""
        return values_in(getattr(self, self.expressions_in))

    def with_slots(self, results: Sequence[Value]) -> Any:
        """Return the stage with numbered slots in place of those results."""
        return self._with(slotted(getattr(self, self.expressions_in), results))

    def with_literals(self, literals: Sequence[nw.Expr]) -> Any:
        """Return the stage with literals in its slots."""
        return self._with(filled(getattr(self, self.expressions_in), literals))

    def exact(self, schema: Schema) -> Any:
        """Return the stage with exact arithmetic of decimals, as it is run on a table of the schema."""
        given = getattr(self, self.expressions_in)
        made = exact(given, symbolic().empty_frame(schema))
        return self if made is given else self._with(made)

    def _with(self, expressions: Named) -> Any:
        made = copy(self)
        object.__setattr__(made, self.expressions_in, expressions)
        return made


def named(positional: Sequence[Any], keyword: Mapping[str, Any], stage: str) -> Named:
    """Return the expressions with their new names; those given by position keep their own.

    Raises
    ------
    UsageError
        Where something is neither a narwhals expression nor, by keyword, a plain value.
    WiringError
        Where an operation that takes plain values alone is given a result of another stage.
    """
    for given in positional:
        if isinstance(given, Columns):
            msg = f"{stage} expects names and expressions, got gp.columns of {given}. Narwhals' selectors are such: nw.selectors.numeric()."
            raise UsageError(msg)
        if not isinstance(given, nw.Expr | str):
            msg = f"{stage} expects narwhals expressions (nw.col('a') + 1), got {foreign(given)}"
            raise UsageError(msg)
    for name, given in keyword.items():
        if given is None:
            msg = f"{stage} expects an expression or a value for {name!r}, got None, which has no dtype. Use nw.lit(None, dtype=...)."
            raise UsageError(msg)
        if not isinstance(given, nw.Expr | Value) and not isinstance(given, bool | int | float | str):
            msg = f"{stage} expects a narwhals expression for {name!r}, got {foreign(given)} Use nw.lit(...) for a constant."
            raise UsageError(msg)
    plain = [(None, given) for given in positional]
    made = (*plain, *((name, given if isinstance(given, nw.Expr) else nw.lit(given)) for name, given in keyword.items()))
    for _, given in made:
        if (operation := taken_plain(given)) is not None:
            instead = "Compare with each: (nw.col('x') == value) | nw.col('x').is_in([1, 2])" if operation == "is_in" else _RUN_FIRST
            msg = f"{stage}: {operation}() takes plain values, got a result of another stage, which is known once the pipeline runs."
            raise WiringError(f"{msg} {instead}.")
    return made


_RUN_FIRST = "Run a pipeline of that result first, and give the number itself"
_OTHERS = {"narwhals": "another of narwhals' interfaces", "polars": "Polars", "pandas": "pandas", "pyspark": "Spark", "ibis": "Ibis"}


def foreign(given: Any) -> str:
    """Return what stands where an expression should, and how to write one.

    Examples
    --------
    >>> import polars as pl
    >>> foreign(pl.lit(1))
    'Expr of Polars: dyn int: 1. Write it with what every engine understands: import narwhals.stable.v2 as nw.'
    """
    kind = type(given)
    library = _OTHERS.get(kind.__module__.partition(".")[0])
    if library is None:
        return f"{kind.__name__}: {given!r}."
    return f"{kind.__name__} of {library}: {given!s:.80}. Write it with what every engine understands: import narwhals.stable.v2 as nw."


def expressions(columns: Named) -> list[Any]:
    """Return the expressions, named."""
    return [given if name is None else given.alias(name) for name, given in columns]


def text(columns: Named) -> str:
    """Return the expressions as a person reads them.

    Examples
    --------
    >>> text([(None, nw.col("a") > nw.col("b").sum()), ("c", nw.col("a") + 1)])
    'col(a) > col(b).sum(), c=col(a) + 1'
    """
    return ", ".join(_written(given) if name is None else f"{name}={_written(given)}" for name, given in columns)


def _written(given: Any) -> str:
    """Return an expression with its operators as they were written, where they stand in no brackets."""
    told = f"{given}"
    while (plain := _OPERATION.sub(lambda found: f" {_OPERATORS[found[1]]} {found[2]}", told)) != told:
        told = plain
    return told


_OPERATORS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!=", "add": "+", "sub": "-", "mul": "*", "truediv": "/"}
_OPERATION = re.compile(rf"\.__({'|'.join(_OPERATORS)})__\(((?:[^()]|\([^()]*\))*)\)$")
