"""What of a pipeline an engine cannot do, or does otherwise than engine ``cpu``: told, and by default refused, before a row is read."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
from narwhals import Expr as AnyExpr  # see `core/expressions.py`

from gpupipe.core.barrier import Barrier
from gpupipe.core.errors import PlanError
from gpupipe.core.expressions import nodes_of
from gpupipe.core.limits import Limit, Use
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage, WithResults
from gpupipe.engines._symbolic import VERBS, empty_frame
from gpupipe.engines._tried import wanted_tables
from gpupipe.engines._watching import watched
from gpupipe.plan import Plan, Step, note

# The engines whose limits hold for an engine, in the order in which they are told.
_LIMITS_OF = {
    "cpu": ("polars",),
    "pandas": ("pandas",),
    "dask": ("dask", "polars"),
    "gpu": ("cudf",),
    "dask-cuda": ("dask_cuda", "dask", "cudf"),
}
ENGINES = tuple(_LIMITS_OF)


@dataclass(frozen=True)
class Finding:
    """A limit of an engine that a step of a plan meets, and the operation by which it does."""

    step: Step
    limit: Limit
    operation: str

    def __str__(self) -> str:
        how = "cannot be done" if self.limit.effect == "refused" else "comes out otherwise"
        return f"{self.operation.strip('_')}() {how} ({self.limit.what}): {self.limit.why}"


def limits_of(engine: str) -> tuple[Limit, ...]:
    """Return the limits of an engine; its libraries need not be installed."""
    return tuple(limit for name in _LIMITS_OF[engine] for limit in importlib.import_module(f"gpupipe.engines.{name}.limits").LIMITS)


def findings(plan: Plan, engine: str) -> list[Finding]:
    """Return the limits of an engine that a plan meets, in the order of its steps."""
    limits = [limit for limit in limits_of(engine) if limit.uses]
    made: list[Finding] = []
    for step in plan.steps if limits else ():
        schemas = [schema for given in step.tables if (schema := plan.steps[given].schema) is not None]
        for expression, frame in _expressions(plan, step, schemas):
            made += [Finding(step, limit, operation) for limit in limits for operation in uses_met(limit, expression, frame)]
    distinct = {(found.step.id, found.limit.what): found for found in reversed(made)}
    return sorted(distinct.values(), key=lambda found: found.step.id)


def require_portable(plan: Plan, engine: str, *, allow_differences: bool = False) -> None:
    """Raise PlanError where an engine cannot do what a plan asks for or, unless that is allowed, would answer otherwise."""
    met = [found for found in findings(plan, engine) if found.limit.effect == "refused" or not allow_differences]
    if not met:
        return
    first = met[0]
    more = f" {len(met) - 1} more: gpupipe check --engine {engine} tells all." if len(met) > 1 else ""
    allowed = "" if first.limit.effect == "refused" else " Or take what comes: --allow-differences, EngineOptions(allow_differences=True)."
    error = PlanError(f"On engine {engine!r}, {first}{allowed}{more}")
    error.add_note(note(first.step.node))
    raise error


def _expressions(plan: Plan, step: Step, schemas: Sequence[Schema]) -> Iterator[tuple[Any, nw.LazyFrame[Any]]]:
    """Yield the expressions of a step, each with an empty table that it is of."""
    stage = step.stage
    if isinstance(stage, WithResults):
        numbers = step.inputs[stage.n_tables :]
        stage = stage.stage.with_literals([nw.lit(None, dtype=plan.steps[number].dtype) for number in numbers])
    if isinstance(stage, Barrier):
        for want, schema in wanted_tables(stage, step.specs):
            for _, given in want.aggregates or ():
                yield given, empty_frame(schema)
    elif isinstance(stage, TableStage) and stage.is_users:
        yield from _watched(stage, schemas)
    elif isinstance(stage, TableStage):
        for _, given in stage.expressions():
            if isinstance(given, AnyExpr):
                yield given, empty_frame(schemas[0])


def _watched(stage: TableStage, schemas: Sequence[Schema]) -> list[tuple[Any, nw.LazyFrame[Any]]]:
    """Return the expressions that a user's function gives to its frames' methods."""
    seen: list[tuple[Any, nw.LazyFrame[Any]]] = []

    def tell(_: str, frame: nw.LazyFrame[Any], arguments: list[Any]) -> None:
        seen.extend((given, frame) for given in arguments if isinstance(given, AnyExpr))

    try:
        stage.run(VERBS, *(watched(empty_frame(schema), tell) for schema in schemas))
    except Exception:  # noqa: BLE001  (it has run on plain frames in the plan; what it does with watched ones up to here counts)
        return seen
    return seen


def kind_of_dtype(dtype: Any) -> str:
    """Return what a dtype is to a limit.

    Examples
    --------
    >>> kind_of_dtype(nw.Int8()), kind_of_dtype(nw.Float32()), kind_of_dtype(nw.Datetime("us"))
    ('integer', 'float32', 'datetime')
    """
    if dtype.is_integer():
        return "integer"
    if dtype.is_decimal():
        return "decimal"
    if isinstance(dtype, nw.List | nw.Array | nw.Struct):
        return "nested"
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is not None:
        return "zoned"
    return type(dtype).__name__.lower()


def uses_met(limit: Limit, expression: Any, frame: nw.LazyFrame[Any]) -> Iterator[str]:
    """Yield the operations of an expression by which a limit is met.

    Parameters
    ----------
    frame
        An empty table of the columns that the expression is of.
    """
    nodes = nodes_of(expression)
    for number, node in enumerate(nodes):
        for use in limit.uses:
            if node.name in use.operations and _is_met(use, nodes[:number], node, nodes[number + 1 :], frame):
                yield str(node.name)
        for given in node.exprs:
            if isinstance(given, AnyExpr):
                yield from uses_met(limit, given, frame)


def _is_met(use: Use, before: Any, node: Any, after: Any, frame: nw.LazyFrame[Any]) -> bool:
    """Whether an operation is the use."""
    if use.windowed and not any(following.name == "over" for following in after):
        return False
    if use.of and not (before and _kind(nw.Expr(*before), frame) in use.of):
        return False
    if use.beside and not (node.exprs and _kind(node.exprs[0], frame) in use.beside):
        return False
    if use.to and kind_of_dtype(_instance(node.kwargs["dtype"])) not in use.to:
        return False
    texts = [given for given in (*node.kwargs.values(), *node.exprs) if isinstance(given, str)]
    return not use.where or (node.kwargs.get("literal") is not True and any(part in text for part in use.where for text in texts))


def _instance(dtype: Any) -> Any:
    """Return the instance of a dtype."""
    return dtype() if isinstance(dtype, type) else dtype


def _kind(given: Any, frame: nw.LazyFrame[Any]) -> str:
    """Return the kind of what an expression makes; several columns count as the first."""
    made = given if isinstance(given, AnyExpr) else nw.lit(given)
    return kind_of_dtype(frame.select(made).collect_schema().dtypes()[0])


def differences_table() -> str:
    """Return the limits of all engines as a table in Markdown, for docs/engines.md."""
    lines = ["| engine | what | effect | whose | why, and what to do |", "|---|---|---|---|---|"]
    for engine in ENGINES:
        for limit in importlib.import_module(f"gpupipe.engines.{_LIMITS_OF[engine][0]}.limits").LIMITS:
            cells = [f"`{engine}`", limit.what, limit.effect, limit.whose, limit.why]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(differences_table(), end="")  # noqa: T201  (this is what the call is for)
