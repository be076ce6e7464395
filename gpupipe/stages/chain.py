"""Puts row stages one after the other, as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from gpupipe.core.errors import UsageError, listing
from gpupipe.core.options import settle
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

    from gpupipe.core.verbs import Verbs


@dataclass(frozen=True, init=False)
class Chain(RowStage):
    """Puts row stages, fitted ones among them, one after the other, so that they are applied, saved and loaded as one.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import Rename, Select
    >>> Chain(Rename(a="b"), Select("b")).apply(pl.DataFrame({"a": [1], "c": [2]})).to_dicts()
    [{'b': 1}]
    """

    stages: tuple[RowStage, ...]

    def __init__(self, *stages: RowStage) -> None:
        if not stages or not all(isinstance(stage, RowStage) for stage in stages):
            msg = f"Chain expects row stages (fit stages after they are fitted), got {[type(stage).__name__ for stage in stages]}."
            raise UsageError(msg)
        together = [stage.name for stage in stages if stage.kind != "row"]
        if together:
            msg = f"Chain expects stages that work on each row by itself, got {listing(together)}, whose expressions look at several rows."
            raise UsageError(f"{msg} Wire it by itself.")
        settle(self, stages=stages)

    @property
    def name(self) -> str:
        """The names of the stages."""
        return " >> ".join(stage.name for stage in self.stages)

    def check(self, *schemas: Schema) -> None:
        """Raise where the first stage cannot take the table; the others are tried in the symbolic run."""
        self.stages[0].check(*schemas)

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return what the last stage makes."""
        return reduce(lambda frame, stage: stage.run(verbs, frame), self.stages, frames[0])

    def predict(self, frame: Any) -> Any:
        """Return what the model at the end predicts, as an array; see `Learned.predict`."""
        return self._answer("predict", frame)

    def predict_proba(self, frame: Any) -> Any:
        """Return the probabilities that the model at the end gives, as an array; see `Learned.predict_proba`."""
        return self._answer("predict_proba", frame)

    def transform(self, frame: Any) -> Any:
        """Return what the transformer at the end makes, as an array; see `Learned.transform`."""
        return self._answer("transform", frame)

    def _answer(self, method: str, frame: Any) -> Any:
        """Return the bare answer of the last stage to what the others make of a plain frame."""
        *before, last = self.stages
        if not hasattr(last, method):
            msg = f"{last.name} has no {method!r}: it is no trained model. Use .apply(frame)."
            raise UsageError(msg)
        return getattr(last, method)(Chain(*before).apply(frame) if before else frame)

    def same_rows(self) -> bool:
        """Whether every stage keeps the number of rows."""
        return all(stage.same_rows() for stage in self.stages)

    def not_null(self, names: Sequence[str], *schemas: Schema) -> frozenset[str]:
        """Return nothing: the schemas between the stages are not known here."""
        return frozenset()
