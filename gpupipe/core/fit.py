"""Fits: blocks are measured, what was measured is merged, and the result is something fitted.

There is one contract (`Fit`), for stages and for estimators, whether they pass over the rows once or several times: `start`; for each pass
`measuring` gives what measures a block, `merge` puts together what was measured, in any grouping, and `advance` looks at the total and says
whether it is done; then `finish`. One pass is the simple case: such a fit has `measure`, `merge` and `finish` alone, and a stage's
measurement runs inside the query of all others.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
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
    import pyarrow as pa

    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress


class Fit(ABC):
    """How something is fitted to rows in blocks: pass by pass, each block by itself.

    Measuring two halves and merging must give what measuring the whole gives; measuring a block without rows must work. States are plain
    values that pickle.
    """

    def start(self, *known: Any, **more: Any) -> Any:
        """Return the state before the first pass."""
        return None

    def measuring(self, state: Any) -> Callable[..., Any]:
        """Return what measures a block in this pass, as it is sent to the blocks, with what they must know of the state."""
        return self.measure

    @abstractmethod
    def measure(self, *block: Any, **more: Any) -> Any:
        """Return what a pass measures of some rows; of a stage, a small frame of statistics made of verbs and a frame."""

    @abstractmethod
    def merge(self, measured: Sequence[Any]) -> Any:
        """Return what was measured of all rows from what was of parts of them."""

    def advance(self, state: Any, total: Any) -> tuple[Any, bool]:
        """Return the state after a pass over all rows, and whether it was the last."""
        return total, True

    @abstractmethod
    def finish(self, state: Any) -> Any:
        """Return what is fitted, once `advance` has said that the last pass is over."""


def fitted_in_passes(fit: Fit, state: Any, total_of: Callable[[Callable[..., Any]], Any], progress: Progress | None = None) -> Any:
    """Return what is fitted, from the state before the first pass.

    Parameters
    ----------
    total_of
        Measures all blocks by what it is given, and returns what was measured, merged.
    """
    done, number = False, 0
    while not done:
        state, done = fit.advance(state, total_of(fit.measuring(state)))
        number += 1
        if progress is not None:
            progress(number, None, {})
    return fit.finish(state)


class FitStage(Barrier, Fit):
    """A stage that is fitted to a table."""

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

    def needed(self, schema: Schema) -> Sequence[str] | None:
        """Return the columns that are measured; None where that is found by measuring an empty table, which only one pass can do."""
        return None

    def passes_again(self) -> bool:
        """Whether there may be several passes: the rows are then held, and else are measured inside the query of all others."""
        return type(self).advance is not Fit.advance

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return the one want: the statistics as Arrow, or for several passes the rows, held where they are."""
        names = self.needed(specs[0])
        columns = None if names is None else frozenset(names)
        if self.passes_again() and names is not None:
            return (Want(lambda _, frame: frame.select(list(names)), "held", columns=columns),)
        return (Want(self.measure, "arrow", self.merge, columns=columns),)

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Any:
        """Return what is fitted."""
        if not self.passes_again():
            return self.finish(results[0])

        def total_of(measure: Callable[..., Any]) -> pa.Table:
            (made,) = engine.compute([Demand("arrow", results[0], Want(measure, "arrow", self.merge))])
            return self.merge([made])

        return fitted_in_passes(self, self.start(engine.schema(results[0])), total_of, progress)

    def fit_plain(self, frame: Any) -> Any:
        """Return the stage fitted to a plain frame, with no pipeline."""
        return plain().concluded_plain(self, frame)
