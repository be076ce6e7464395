"""Puts row stages one after the other, as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw

from gpupipe.core.barrier import Barrier
from gpupipe.core.errors import UsageError, WiringError, listing
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.options import settle
from gpupipe.core.plain import symbolic
from gpupipe.core.schema import Schema
from gpupipe.core.stage import Apply, Outcome, RowStage, Stage, WithResults, stage_of

if TYPE_CHECKING:
    from gpupipe.core.engine import Engine
    from gpupipe.core.progress import Progress
    from gpupipe.core.verbs import Verbs
    from gpupipe.core.want import Want


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

    @staticmethod
    def between(rows: Table, made: Table) -> Fitted:
        """Return what a pipeline does from one of its tables to another, as one fitted stage: encoders, row functions and model.

        It is an output to be saved, so that what scores new rows is what was evaluated, and ``gpupipe predict`` applies it to files.

        Parameters
        ----------
        rows
            Where it begins: rows as new ones will come.
        made
            Where it ends: what is made of them by fitted stages and row stages alone.

        Raises
        ------
        WiringError
            The one table is not made of the other, or by something else than stages that work on each row by itself.

        Examples
        --------
        >>> import polars as pl, gpupipe as gp
        >>> rows = gp.FromFrame(pl.DataFrame({"x": [1.0, 3.0]})).node()
        >>> made = gp.Rename(x="z")(gp.Standardize("x").fit(rows)(rows))
        >>> chain = gp.Pipeline("p", chain=gp.Chain.between(rows, made)).run()["chain"]
        >>> chain.apply(pl.DataFrame({"x": [2.0]}))["z"].to_list()
        [0.0]
        """
        return _between(rows, made)

    @property
    def name(self) -> str:
        """The names of the stages."""
        return " >> ".join(stage.name for stage in self.stages)

    def plan(self, *schemas: Schema) -> Outcome:
        """Return what the stages say, each of what the one before makes."""
        schema, tried = schemas[0], []
        for stage in self.stages:
            tried.append(symbolic().try_stage(stage, [schema], strict=False))
            schema = tried[-1].schema
        return Outcome(
            not_null=schema.not_null,
            promises=tuple(promise for each in tried for promise in each.said.promises),
            keeps_rows=all(each.keeps_rows for each in tried),
            seeks_missing=any(each.said.seeks_missing for each in tried),
            stage=Chain(*(each.stage for each in tried)),
        )

    def run(self, verbs: Verbs, *frames: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Return what the last stage makes."""
        return reduce(lambda frame, stage: stage.run(verbs, frame), self.stages, frames[0])

    def using(self, method: str) -> RowStage:
        """Return the chain behind a method of its last stage: ``predict`` of a model."""
        if method in ("apply", "on_training"):
            return RowStage.using(self, method)
        return Chain(*self.stages[:-1], self.stages[-1].using(method))

    def on_training(self) -> Chain:
        """Return the chain as it is applied to the rows that its stages were fitted to."""
        return Chain(*(stage.on_training() for stage in self.stages))

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


def _between(rows: Any, made: Any) -> Fitted:
    """Return the node of the chain from one table to another."""
    if not isinstance(rows, Table) or not isinstance(made, Table):
        msg = f"Chain.between expects two tables of a pipeline, got {type(rows).__name__} and {type(made).__name__}."
        raise WiringError(msg)
    stages: list[Stage] = []
    inputs: list[Node] = []
    taken: list[int] = []
    at: Node = made
    while at is not rows:
        stage = stage_of(at)
        inner = stage.stage if isinstance(stage, WithResults) else stage
        before = stage.tables(at.inputs)
        if len(before) != 1 or not isinstance(inner, Apply | RowStage) or inner.kind == "table":
            end = "and begins a pipeline" if not before else "and does not work on each row by itself"
            msg = f"Chain.between goes back from {made.title} to {rows.title}, and came to {at.title}, wired at {at.where}, {end}."
            raise WiringError(f"{msg} Begin behind it: Chain.between(what_it_makes, {made.title}).")
        if inner.name == "Split":
            msg = f"Chain.between came to a part of a Split, wired at {at.where}: new rows are not split. Begin behind it, with the part."
            raise WiringError(msg)
        others = [given for given in at.inputs if given is not before[0]]
        stages.insert(0, stage)
        inputs[:0] = others
        taken.insert(0, len(others))
        at = before[0]
    if not stages:
        msg = f"Chain.between expects two tables, of which one is made of the other, got {rows.title} twice."
        raise WiringError(msg)
    return Fitted(Between(tuple(stages), tuple(taken)), tuple(inputs))


@dataclass(frozen=True)
class Between(Barrier):
    """Makes one fitted stage of several stages; its inputs are what was fitted, and the numbers in expressions, in the stages' order.

    Parameters
    ----------
    taken
        How many of the inputs each stage takes.
    """

    kind: ClassVar[str] = "fit"
    gives: ClassVar[type[Node]] = Fitted

    stages: tuple[Stage, ...]
    taken: tuple[int, ...]

    @property
    def name(self) -> str:
        """What it makes."""
        return "Chain"

    @property
    def trusted(self) -> tuple[Any, ...]:
        """The functions of the user's among the stages, which a checkpoint may be loaded with."""
        return tuple(stage.function for stage in self.stages if hasattr(stage, "function"))

    def wants(self, *specs: Any) -> tuple[Want | None, ...]:
        """Return that nothing is wanted of tables."""
        return (None,) * len(specs)

    def plan(self, *specs: Any) -> Chain:
        """Return the chain of what is fitted to nothing."""
        return self._chain(specs)

    def conclude(self, engine: Engine, results: Sequence[Any], progress: Progress | None, planned: Any = None) -> Chain:
        """Return the chain of what was fitted."""
        return self._chain(results)

    def use(self, fitted: Node, method: str, table: Table) -> Table:
        """Return the table that the chain makes of another one."""
        if method != "apply" or not isinstance(table, Table):
            msg = f"A chain is called on a table, got .{method} of {type(table).__name__}: what its last stage does is part of it."
            raise WiringError(msg)
        return Table(Apply(method, "Chain"), (fitted, table))

    def describe(self, result: Any) -> Mapping[str, Any]:
        """Return the names of its stages."""
        return {"facts": {"stages": ", ".join(stage.name for stage in result.stages)}}

    def _chain(self, given: Sequence[Any]) -> Chain:
        """Return the chain of the stages, each with what it takes of the inputs."""
        left, made = list(given), list[Any]()
        for stage, n_taken in zip(self.stages, self.taken, strict=True):
            own, left = left[:n_taken], left[n_taken:]
            if isinstance(stage, Apply):  # what training rows are made of is no way for new ones
                made.append(stage.stage(own[0]) if stage.method != "on_training" else own[0].using("apply"))
            elif isinstance(stage, WithResults):
                made.append(stage.stage.with_literals([_literal(number) for number in own]))
            else:
                made.append(stage)
        return Chain(*made)


def _literal(number: Any) -> nw.Expr:
    """Return a number as an expression: as the plan knows it, or as the run found it."""
    made: nw.Expr = number.expression() if hasattr(number, "expression") else nw.lit(number)
    return made
