"""Fits stages one after the other, each on what those before it make of the training table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, cast

import narwhals.stable.v2 as nw
import pyarrow as pa

from gpupipe.core.barrier import Barrier
from gpupipe.core.columns import Columns
from gpupipe.core.demand import Demand
from gpupipe.core.errors import ColumnError, PlanError, UsageError, WiringError
from gpupipe.core.fit import FitStage
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.options import settle
from gpupipe.core.plain import plain, symbolic
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Apply, Promise, RowStage
from gpupipe.core.want import Want
from gpupipe.stages.chain import Chain

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress
    from gpupipe.core.verbs import Verbs


def Fit(train: Any, *stages: Barrier | RowStage) -> Any:  # noqa: N802  (it stands where the stages would, one after the other)
    """Return the stages fitted in order, each on what those before it make of the training table: applied, saved and loaded as one.

    Parameters
    ----------
    train
        A table of a pipeline, or a plain frame (Polars, pandas, Arrow), of which the fitted chain is made at once.
    stages
        Stages to be fitted, with row stages (`WithColumns`, `Cast`) between them. The last one may be `Learn`.

    Raises
    ------
    UsageError
        Something is neither a stage that is fitted nor a row stage.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import Impute, MinMaxScale
    >>> frame = pl.DataFrame({"x": [0.0, None, 4.0]})
    >>> Fit(frame, Impute("x"), MinMaxScale("x")).apply(frame)["x"].to_list()
    [0.0, 0.5, 1.0]
    """
    whole = FitInOrder(*stages)
    return whole.fit(train) if isinstance(train, Table) else whole.fit_plain(train)


@dataclass(frozen=True, init=False, eq=False)
class FitInOrder(Barrier):
    """Fits stages one after the other; what `Fit` wires.

    Those that look only at columns which no stage between them touches are measured in the same pass over the rows.
    """

    kind: ClassVar[str] = "fit"
    gives: ClassVar[type[Node]] = Fitted

    stages: tuple[Barrier | RowStage, ...]

    def __init__(self, *stages: Barrier | RowStage) -> None:
        for stage in stages:
            is_row = isinstance(stage, RowStage) and stage.kind == "row"
            if not (is_row or (isinstance(stage, Barrier) and stage.gives is Fitted and stage.kind in ("fit", "learner"))):
                kind = "a node; wire it by itself" if isinstance(stage, Node) else getattr(stage, "name", repr(stage))
                msg = f"Fit expects a table, then stages that are fitted, such as gp.Impute('x'), and row stages between them, got {kind}."
                raise UsageError(msg)
        if not any(isinstance(stage, Barrier) for stage in stages):
            msg = "Fit expects at least one stage to be fitted, got none. Row stages alone are put together by gp.Chain."
            raise UsageError(msg)
        if any(stage.kind == "learner" for stage in stages[:-1]):
            msg = "Fit expects a learner to be its last stage. Wire what comes after it by itself."
            raise UsageError(msg)
        settle(self, stages=stages)

    @property
    def name(self) -> str:
        """The names of the stages."""
        return f"Fit({', '.join(stage.name for stage in self.stages)})"

    @property
    def minds_order(self) -> bool:  # type: ignore[override]
        """Whether what is fitted depends on the order of the rows, as a learner's training does."""
        return any(stage.minds_order for stage in self.stages)

    def folds(self) -> bool:
        """Whether one of the stages treats the rows that it was fitted to otherwise than others."""
        return any(isinstance(stage, FitStage) and stage.folds() for stage in self.stages)

    def fit(self, table: Table) -> Fitted:
        """Return what the stages are fitted to the table."""
        return cast(Fitted, self.wire((table,)))

    def fit_plain(self, frame: Any) -> Chain:
        """Return the stages fitted to a plain frame, with no pipeline."""
        return cast(Chain, plain().concluded_plain(self, frame))

    def use(self, fitted: Node, method: str, table: Table) -> Table:
        """Return the node that applies the whole, or a method of the model at its end."""
        last = self.stages[-1]
        if last.kind == "learner":
            last.use(fitted, "apply" if method == "on_training" else method, table)  # which says what it has not
        elif method not in ("apply", "on_training"):
            msg = f"{last.name} is no model and has no {method!r}: call the fitted stages on the table instead."
            raise WiringError(msg)
        if method == "apply" and self.folds() and last.kind != "learner" and table is fitted.inputs[0]:
            method = "on_training"
        return Table(Apply(method, self.name), (fitted, table))

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return the one want: the columns that some stage looks at, held where they are."""
        needed: set[str] = set()
        for stage, fitted, schema in _in_plan(self.stages, specs[0]):
            looked_at, read = _wanted(stage, schema), fitted.reads(schema)
            needed |= set(schema) if looked_at is None or read is None else {*looked_at, *read}
        names = [name for name in specs[0] if name in needed]
        return (Want(lambda _, frame: frame.select(names), "held", columns=frozenset(names)),)

    def plan(self, *specs: Any) -> Chain:
        """Return the stages fitted to nothing."""
        return Chain(*(fitted for _, fitted, _ in _in_plan(self.stages, specs[0])))

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Chain:
        """Return the fitted stages; each pass measures those that can be measured on what the table is by then."""
        data, waiting, fitted = results[0], list(self.stages), list[RowStage]()
        schema = engine.schema(data)
        number = 0
        while waiting:
            ready = waiting[: _n_ready(waiting, schema)]
            waiting = waiting[len(ready) :]
            made = _measured(ready, engine, data, schema, progress)
            fitted += made
            for stage in made if waiting else ():
                tried = _tried(stage.on_training(), schema)
                data, schema = engine.run(tried.stage, [data], tried.schema), tried.schema
            number += 1
            if progress is not None:
                progress(number, None, {})
        return Chain(*fitted)

    def describe(self, result: Any) -> Mapping[str, Any]:
        """Return what the report shows of the stages, of all together."""
        whole: dict[str, Any] = {}
        for stage, fitted in zip(self.stages, result.stages, strict=True):
            for name, facts in (stage.describe(fitted) if isinstance(stage, Barrier) else {}).items():
                whole[name] = {**whole.get(name, {}), **facts} if isinstance(facts, Mapping) else [*whole.get(name, []), *facts]
        return whole


def _in_plan(stages: Sequence[Barrier | RowStage], schema: Schema) -> list[tuple[Barrier | RowStage, RowStage, Schema]]:
    """Return each stage, as it is fitted to nothing, and the columns that reach it."""
    made, promised = list[tuple[Barrier | RowStage, RowStage, Schema]](), list[Promise]()
    for stage in stages:
        while True:
            try:
                fitted = _to_nothing(stage, schema)
                tried = _tried(fitted, schema)
                break
            except ColumnError as error:
                added = _promised(error, schema, promised)
                made.append((added, added, schema))
                schema = _tried(added, schema).schema
        made.append((stage, fitted, schema))
        promised += tried.said.promises
        schema = tried.schema
    return made


@dataclass(frozen=True)
class PromisedColumn(RowStage):
    """Stands in a plan for a column that a stage before promises to make, and that one after it looks at; nothing runs it."""

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True

    column: str
    dtype: Any

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with the column, in which there is nothing."""
        return frames[0].with_columns(nw.lit(None, dtype=self.dtype).alias(self.column))

    def reads(self, *schemas: Schema) -> frozenset[str] | None:
        """Return no column."""
        return frozenset()


def _promised(error: ColumnError, schema: Schema, promises: Sequence[Promise]) -> PromisedColumn:
    """Return what stands for a column that is missed and that a stage before promises to make; else raise the error."""
    for promise in promises:
        if error.missing is not None and error.missing not in schema and fnmatchcase(error.missing, promise.pattern):
            return PromisedColumn(error.missing, promise.dtype)
    raise error


def _to_nothing(stage: Barrier | RowStage, schema: Schema) -> RowStage:
    """Return what stands for a fitted stage in the plan."""
    return stage if isinstance(stage, RowStage) else cast(RowStage, symbolic().planned_spec(stage, [schema]))


def _tried(stage: RowStage, schema: Schema) -> Any:
    """Return what comes of a stage on an empty table of the schema."""
    return symbolic().try_stage(stage, [schema], strict=False)


def _wanted(stage: Barrier | RowStage, schema: Schema) -> frozenset[str] | None:
    """Return the columns that a stage is fitted to; None where that is not known, and of a row stage none."""
    if isinstance(stage, RowStage):
        return frozenset()
    (want,) = stage.wants(schema)
    return None if want is None else want.columns


def _n_ready(stages: Sequence[Barrier | RowStage], schema: Schema) -> int:
    """Return how many of the first stages can be fitted to the same table: no stage touches what one after it looks at."""
    untouched, after = set(schema), schema
    for number, (stage, following) in enumerate(pairwise(stages), start=1):
        fitted = _to_nothing(stage, after)
        read, tried = fitted.reads(after), _tried(fitted, after)
        if read is None or (tried.said.promises and isinstance(getattr(following, "columns", None), Columns)):
            return number
        after = tried.schema
        untouched &= set(after) - read
        try:
            following.plan(schema)
            looked_at = _wanted(following, schema)
        except PlanError:  # it looks at what a stage before it makes
            return number
        if isinstance(following, RowStage) or looked_at is None or not looked_at <= untouched or looked_at != _wanted(following, after):
            return number
    return len(stages)


def _measured(stages: Sequence[Barrier | RowStage], engine: Engine, data: Any, schema: Schema, progress: Progress | None) -> list[RowStage]:
    """Return the stages fitted to a table, in one pass of all; a learner's rounds and further passes come after it."""
    fits = [stage for stage in stages if isinstance(stage, Barrier)]
    wants: list[Want | None] = []
    for fit in fits:
        fit.plan(schema)
        wants += fit.wants(schema)
    results = iter(engine.compute([Demand(want.form, data, want) for want in wants if want is not None]) if wants else [])
    made: list[RowStage] = []
    for stage in stages:
        if isinstance(stage, RowStage):
            made.append(stage)
            continue
        found = next(results)
        found = stage.merge([found]) if isinstance(stage, FitStage) and isinstance(found, pa.Table) else found
        made.append(stage.conclude(engine, [found], progress))
    return made
