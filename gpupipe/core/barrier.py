"""Barriers: stages whose result must be known before anything after them can start. What they want of their inputs is measured first."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from gpupipe.core.errors import WiringError
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Apply, RowStage, Stage

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import pyarrow as pa

    from gpupipe.core.engine import Engine, Progress, Verbs
    from gpupipe.core.expressions import Named


@dataclass(frozen=True)
class Want:
    """What a barrier needs of one input before it can conclude.

    Parameters
    ----------
    prepare
        Makes the wanted frame of the input; on several blocks it is called on each.
    form
        ``"arrow"``: a small Arrow table on the host. ``"held"``: rows that stay where the engine keeps them.
    merge
        Makes one Arrow table of those of several blocks.
    aggregates
        The aggregates of the whole input that the wanted frame is, where it is nothing else; blocks are then aggregated in parts.
    columns
        The columns that `prepare` looks at; found by running it on an empty table unless given.
    """

    prepare: Callable[[Verbs, nw.LazyFrame[Any]], nw.LazyFrame[Any]]
    form: Literal["arrow", "held"]
    merge: Callable[[Sequence[pa.Table]], pa.Table] | None = None
    aggregates: Named | None = None
    columns: frozenset[str] | None = None


class Barrier(Stage):
    """Must see results before anything after it can start."""

    @abstractmethod
    def wants(self, *schemas: Schema) -> tuple[Want, ...]:
        """Return what is needed of each input, one entry an input."""

    @abstractmethod
    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None) -> Any:
        """Return the node's result, made of what was wanted."""

    def sketch(self, results: Sequence[Any], *schemas: Schema) -> Any:
        """Return what stands for the result in the plan, made of the wanted parts of empty tables."""
        return None

    def sketch_alone(self) -> Any:
        """Return what stands for the result in the plan where the stage alone tells; None where the wanted parts must be made."""
        return None

    def describe(self, result: Any) -> Mapping[str, Any]:
        """Return what the report shows of a result beyond its value: entries for ``models``, ``curves``, ``cards`` (`report/cards.py`)."""
        return {}


class FitStage(Barrier):
    """Measures blocks, merges what it measured, and finishes into a row stage.

    Measuring two halves and merging must give what measuring the whole gives; measuring an empty table must work.
    """

    kind: ClassVar[str] = "fit"

    def __call__(self, *tables: Table) -> Table:
        """Raise WiringError: a fit stage is fitted first."""
        msg = f"{self.name} must be fitted before it is applied: fitted = {self.name}(...).fit(train); fitted(table)."
        raise WiringError(msg)

    def fit(self, table: Table) -> Fitted:
        """Return what the stage measures on the table; calling that on a table applies it."""
        return cast(Fitted, self.wire(Fitted, (table,)))

    def use(self, fitted: Node, method: str, table: Table) -> Table:
        """Return the table that the fitted stage makes."""
        if method != "apply":
            msg = f"{self.name} has no {method!r}: call the fitted stage on the table instead."
            raise WiringError(msg)
        if not isinstance(table, Table):
            msg = f"A fitted stage is applied to a table, got {type(table).__name__}."
            raise WiringError(msg)
        return Table(Apply(method, f"{self.name}.apply"), (fitted, table))

    @abstractmethod
    def measure(self, verbs: Verbs, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the statistics of some rows as a small frame."""

    @abstractmethod
    def merge(self, measured: Sequence[pa.Table]) -> pa.Table:
        """Return the statistics of all rows from those of parts of them."""

    @abstractmethod
    def finish(self, statistics: pa.Table) -> RowStage:
        """Return the row stage that the statistics make."""

    def wants(self, *schemas: Schema) -> tuple[Want, ...]:
        """Return the one want: the statistics, as Arrow."""
        return (Want(self.measure, "arrow", self.merge, columns=self.measured_columns()),)

    def measured_columns(self) -> frozenset[str] | None:
        """Return the columns that are measured, where the stage tells without being run."""
        return None

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None) -> RowStage:
        """Return the fitted row stage."""
        return self.finish(results[0])

    def sketch(self, results: Sequence[Any], *schemas: Schema) -> RowStage:
        """Return the stage fitted to nothing, which has the right columns."""
        return self.finish(results[0])

    def fit_plain(self, frame: Any) -> RowStage:
        """Return the stage fitted to a plain frame, with no pipeline."""
        from gpupipe.engines.load import measure_plain  # local: see TableStage.apply

        return self.finish(measure_plain(self, frame))
