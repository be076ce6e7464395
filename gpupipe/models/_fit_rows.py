"""What `FitPredict` and `FitTransform` share: an estimator that answers for the rows it is fitted to, and for no others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from gpupipe.core.columns import Columns, chosen, given_columns
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, TableStage
from gpupipe.core.verbs import ArrayMap
from gpupipe.models._estimator import require_estimator
from gpupipe.models._made import require_new

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False, eq=False)
class FitRows(TableStage):
    """Fits a copy of an estimator to all rows of a table, and gives each row what the estimator says of it."""

    keeps_rows: ClassVar[bool] = True

    minds_order: ClassVar[bool] = True
    method: ClassVar[str]
    example: ClassVar[str]

    estimator: Any
    features: tuple[str, ...] | Columns | None

    def __init__(self, estimator: Any, *, features: str | Sequence[str] | Columns | None = None) -> None:
        stage = type(self).__name__
        require_estimator(estimator, stage, self.method, self.example)
        settle(self, estimator=estimator, features=None if features is None else given_columns(features, f"{stage}'s features"))

    @property
    def name(self) -> str:
        """The stage's name with the estimator's."""
        return f"{type(self).__name__}({type(self.estimator).__name__})"

    @abstractmethod
    def outputs(self) -> tuple[tuple[str, Any], ...]:
        """Return the names and dtypes of the columns made."""

    @abstractmethod
    def columns_of(self, made: Any) -> Sequence[Any]:
        """Return the columns of what the estimator answered."""

    def dropped(self, features: tuple[str, ...]) -> tuple[str, ...]:
        """Return the columns that do not come out again."""
        return ()

    def chosen(self, schema: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the features among a table's columns."""
        return tuple(schema) if self.features is None else chosen(self.features, schema)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return the columns that had no missing value, and those made.

        Raise ColumnError for a feature that is not there or a result that is, DtypeError for a feature that is no number.
        """
        features = self.chosen(schemas[0])
        schemas[0].require_numeric(features, self.name)
        require_new(self._mapped(features, self.columns_of), schemas[0], self.name)
        made = {name for name, _ in self.outputs()}
        return Outcome(not_null=(schemas[0].not_null - set(self.dropped(features))) | made)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with what the estimator says of each row."""
        features = self.chosen(frames[0].collect_schema())
        estimator = verbs.unfitted(self.estimator)

        def fitted(array: Any) -> Sequence[Any]:
            return self.columns_of(getattr(estimator, self.method)(array))

        return verbs.map_arrays(frames[0], self._mapped(features, fitted))

    def _mapped(self, features: tuple[str, ...], function: Callable[[Any], Sequence[Any]]) -> ArrayMap:
        """Return the function from features to columns that the stage is."""
        return ArrayMap(features, self.outputs(), function, self.dropped(features), whole=True)
