"""Fit stages: blocks are measured, what was measured is merged, and the result is something fitted.

There is one contract, whether a fit passes over the rows once or several times: `start`, then for each pass `measure` every block by
itself, `merge` what was measured, in any grouping, and `advance` on the total, until it says that it is done; then `finish`. One pass is
the simple case: such a stage has `measure`, `merge` and `finish` alone, and its measurement runs inside the query of all others.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from gpupipe.core.answers import ask
from gpupipe.core.barrier import Barrier
from gpupipe.core.demand import Demand
from gpupipe.core.errors import WiringError
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.plain import plain
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Apply, RowStage
from gpupipe.core.want import Want

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pyarrow as pa

    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress
    from gpupipe.core.verbs import Verbs


class FitStage(Barrier):
    """Measures blocks, merges what it measured, and finishes into a row stage.

    Measuring two halves and merging must give what measuring the whole gives; measuring an empty table must work.
    """

    kind: ClassVar[str] = "fit"
    gives: ClassVar[type[Node]] = Fitted
    fitted: ClassVar[type] = RowStage  # the class of what fitting gives, whose answers a pipeline may ask for

    def folds(self) -> bool:
        """Whether the rows that it is fitted to are treated otherwise than others, lest they tell what only they know."""
        return False

    def __call__(self, *tables: Table) -> Table:
        """Raise WiringError: a fit stage is fitted first."""
        msg = f"{self.name} must be fitted before it is applied: fitted = {self.name}(...).fit(train); fitted(table)."
        raise WiringError(msg)

    def fit(self, table: Table) -> Fitted:
        """Return what the stage measures on the table; calling that on a table applies it."""
        return cast(Fitted, self.wire((table,)))

    def use(self, fitted: Node, method: str, table: Table) -> Table:
        """Return the table that the fitted stage makes; of the table that it was fitted to, what it makes of training rows."""
        if method not in ("apply", "on_training"):
            msg = f"{self.name} has no {method!r}: call the fitted stage on the table instead."
            raise WiringError(msg)
        if not isinstance(table, Table):
            msg = f"A fitted stage is applied to a table, got {type(table).__name__}."
            raise WiringError(msg)
        method = "on_training" if self.folds() and (method == "on_training" or table is fitted.inputs[0]) else "apply"
        return Table(Apply(method, f"{self.name}.apply"), (fitted, table))

    def ask(self, fitted: Node, name: str, nodes: Sequence[Any], options: Mapping[str, Any]) -> Node:
        """Return the node of an answer of what is fitted."""
        return ask(self.fitted, fitted, name, nodes, options)

    @abstractmethod
    def measure(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the statistics of some rows as a small frame."""

    @abstractmethod
    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return the statistics of all rows from those of parts of them."""

    @abstractmethod
    def finish(self, statistics: Any) -> Any:
        """Return the row stage that the statistics make."""

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return the one want: the statistics, as Arrow."""
        return (Want(self.measure, "arrow", self.merge, columns=self.measured_columns()),)

    def measured_columns(self) -> frozenset[str] | None:
        """Return the columns that are measured, where the stage tells without being run."""
        return None

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Any:
        """Return the fitted row stage."""
        return self.finish(results[0])

    def sketch(self, results: Sequence[Any], *specs: Any) -> Any:
        """Return the stage fitted to nothing, which has the right columns."""
        return self.finish(results[0])

    def fit_plain(self, frame: Any) -> Any:
        """Return the stage fitted to a plain frame, with no pipeline."""
        return plain().fit_plain(self, frame)


class PassesStage(FitStage):
    """A fit stage that passes over the rows several times.

    The state is a plain value that pickles; what blocks need of it is sent to them with every pass.
    """

    @abstractmethod
    def start(self, schema: Schema) -> Any:
        """Return the state before the first pass."""

    @abstractmethod
    def measured(self, state: Any, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return what this pass measures of some rows, as a small frame."""

    @abstractmethod
    def advance(self, state: Any, total: pa.Table) -> tuple[Any, bool]:
        """Return the state after a pass, and whether it was the last."""

    @abstractmethod
    def needed(self, schema: Schema) -> Sequence[str]:
        """Return the columns that all passes need."""

    def measure(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the rows that the passes measure."""
        return frame.select(list(self.needed(Schema.of_names(frame.collect_schema()))))

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return the one want: the needed columns, held where they are."""
        return (Want(self.measure, "held", columns=frozenset(self.needed(specs[0]))),)

    @abstractmethod
    def plan(self, *specs: Any) -> Any:
        """Return what stands for the fitted thing in the plan."""

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Any:
        """Return what the passes come to."""
        state, done, number = self.start(Schema.of_names(results[0].collect_schema())), False, 0
        while not done:
            (total,) = engine.compute([Demand("arrow", results[0], Want(partial(self.measured, state), "arrow", self.merge))])
            state, done = self.advance(state, total)
            number += 1
            if progress is not None:
                progress(number, None, {})
        return self.finish(state)
