"""What `FitPredict` and `FitTransform` share: an estimator that answers for the rows it is fitted to, and for no others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from gpupipe.core.engine import ArrayMap
from gpupipe.core.errors import UsageError
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage, as_columns

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.engine import Verbs


@dataclass(frozen=True, init=False, eq=False)
class FitRows(TableStage):
    """Fits a copy of an estimator to all rows of a table, and gives each row what the estimator says of it."""

    method: ClassVar[str]
    example: ClassVar[str]

    estimator: Any
    features: tuple[str, ...] | None

    def __init__(self, estimator: Any, *, features: str | Sequence[str] | None = None) -> None:
        stage = type(self).__name__
        if isinstance(estimator, type) or not hasattr(estimator, self.method) or not hasattr(estimator, "get_params"):
            msg = f"{stage} expects an unfitted estimator with {self.method}, such as {self.example}, got {estimator!r}."
            raise UsageError(msg)
        object.__setattr__(self, "estimator", estimator)
        object.__setattr__(self, "features", None if features is None else as_columns(features, f"{stage}'s features"))

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

    def chosen(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the features among a table's columns."""
        return tuple(names) if self.features is None else self.features

    def check(self, *schemas: Schema) -> None:
        """Raise ColumnError for a feature that is not there, DtypeError for one that is no number."""
        schemas[0].require_numeric(self.chosen(list(schemas[0])), self.name)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame with what the estimator says of each row."""
        features = self.chosen(frames[0].collect_schema().names())
        estimator = verbs.unfitted(self.estimator)

        def fitted(array: Any) -> Sequence[Any]:
            return self.columns_of(getattr(estimator, self.method)(array))

        return verbs.map_arrays(frames[0], ArrayMap(features, self.outputs(), fitted, self.dropped(features), whole=True))

    def same_rows(self) -> bool:
        """Whether as many rows come out: they do."""
        return True

    def not_null(self, names: Sequence[str], *schemas: Schema) -> frozenset[str]:
        """Return the columns that had no missing value, and those made."""
        made = {name for name, _ in self.outputs()}
        return (schemas[0].not_null - set(self.dropped(self.chosen(list(schemas[0]))))) | made
