"""Columns that are left out, or change their dtypes, once it is known what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.schema import Schema
from gpupipe.core.stage import Outcome, Promise, RowStage

if TYPE_CHECKING:
    from gpupipe.core.verbs import Verbs

# No column has this name: what is promised is that the columns are known only once the stage is fitted.
OPEN = (Promise("", nw.Int8()),)


class LeftOut(RowStage):
    """Leaves out `columns`."""

    keeps_rows: ClassVar[bool] = True
    keeps_values: ClassVar[bool] = True
    columns: tuple[str, ...]
    is_open: bool

    def plan(self, *schemas: Schema) -> Outcome:
        """Return that the columns are not known yet, where they are not; raise ColumnError for a column that is not there."""
        schemas[0].require(self.columns)
        return Outcome(promises=OPEN if self.is_open else ())

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return the frame without the columns; the first one stays where all would go, since rows of no columns cannot be counted."""
        names = frames[0].collect_schema().names()
        return frames[0].select([name for name in names if name not in self.columns] or names[:1])
