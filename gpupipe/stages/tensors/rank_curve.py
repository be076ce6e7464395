"""How many components a tensor has: the error and the core consistency of CP decompositions of several ranks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw

import gpupipe.tensors as gt
from gpupipe.core.answers import answers
from gpupipe.core.errors import ArtefactError, PlanError, UsageError
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node
from gpupipe.core.options import settle
from gpupipe.core.schema import Field, Schema
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec
from gpupipe.stages._lines import curve_part
from gpupipe.stages.tensors._fit import as_rank


@dataclass(frozen=True, eq=False, repr=False)
class FittedRankCurve(Holding):
    """The error and the core consistency of each rank that was tried.

    Parameters
    ----------
    consistencies
        0 to 100, or below; None for a tensor with missing cells, of whose core they would say nothing.
    """

    word: ClassVar[str] = "rank curve"

    ranks: tuple[int, ...]
    errors: tuple[float, ...]
    consistencies: tuple[float | None, ...]

    @answers()
    def curve(self) -> Curve:
        """Return a row for each rank, with the columns ``rank``, ``error`` and ``core_consistency``."""
        return Curve(self)

    def check(self) -> None:
        """Raise ArtefactError unless there is an error and a consistency for each rank."""
        if not len(self.ranks) == len(self.errors) == len(self.consistencies):
            msg = f"Expected errors and consistencies of {len(self.ranks)} ranks, got others. Save the curve again."
            raise ArtefactError(msg)

    def describe(self) -> Mapping[str, Any]:
        """Return both curves."""
        parts = [curve_part("Relative error of each rank", "rank", "relative error", self.ranks, {"error": self.errors})]
        known = [(rank, told) for rank, told in zip(self.ranks, self.consistencies, strict=True) if told is not None]
        if known:
            places, told = zip(*known, strict=True)
            parts.append(curve_part("Core consistency of each rank", "rank", "core consistency", places, {"core consistency": told}))
        facts = {f"error at rank {rank}": float(f"{error:.6g}") for rank, error in zip(self.ranks, self.errors, strict=True)}
        return {"facts": facts, "cards": [{"title": "How many components", "parts": parts}]}


@dataclass(frozen=True)
class Curve(TaskStage):
    """Gives a row for each rank that was tried."""

    takes: ClassVar[tuple[type[Node], ...]] = ()

    found: FittedRankCurve

    def plan(self, *specs: Any) -> Schema:
        """Return the columns; a consistency may be missing."""
        columns = (("rank", nw.Int64(), False), ("error", nw.Float64(), False), ("core_consistency", nw.Float64(), True))
        return Schema(tuple((name, Field(dtype, nullable=nullable)) for name, dtype, nullable in columns))

    def solve(self, tools: Tools, *inputs: Any) -> nw.DataFrame[Any]:
        """Return the curve."""
        xp, told = tools.xp, self.found.consistencies
        numbers, missing = xp.asarray([0.0 if one is None else one for one in told]), xp.asarray([one is None for one in told])
        columns = {"rank": xp.asarray(self.found.ranks), "error": xp.asarray(self.found.errors)}
        return tools.frame({**columns, "core_consistency": tools.masked(numbers, missing)})


@dataclass(frozen=True)
class RankCurve(TaskStage):
    """Fits CP decompositions of several ranks, and keeps what each comes to: where the error stops falling, and consistency falls off.

    What is fitted answers ``curve()``: a table with the columns ``rank``, ``error`` and ``core_consistency``. The report shows both.

    Parameters
    ----------
    ranks
        The ranks to try, such as ``range(1, 6)``.
    n_iter_max, n_starts, compression, tol, random_state
        As `gpupipe.tensors.parafac` takes them.

    Examples
    --------
    >>> import polars as pl
    >>> from gpupipe import ToTensor
    >>> rows = pl.DataFrame({"place": ["a", "a", "b", "b"], "hour": [0, 1, 0, 1], "x": [1.0, 2.0, 3.0, 6.0]})
    >>> fitted = RankCurve([1]).apply(ToTensor(["place", "hour"], "x").apply(rows))
    >>> fitted.curve().apply()["error"].round(6).to_list()
    [0.0]
    """

    takes: ClassVar[tuple[type[Node], ...]] = (Tensor,)
    gives: ClassVar[type[Node]] = Fitted
    fitted: ClassVar[type] = FittedRankCurve

    ranks: Iterable[int]
    n_iter_max: int = 1000
    n_starts: int | None = None
    compression: bool = True
    tol: float = 1e-8
    random_state: int | None = 0

    def __post_init__(self) -> None:
        ranks = as_rank(tuple(self.ranks))
        if not ranks or not all(isinstance(rank, int) and rank >= 1 for rank in ranks) or len(set(ranks)) < len(ranks):
            msg = f"RankCurve expects different whole numbers from 1 on, such as range(1, 6), got {list(ranks)}."
            raise UsageError(msg)
        settle(self, ranks=tuple(sorted(ranks)))

    def plan(self, *specs: TensorSpec) -> FittedRankCurve:
        """Return a curve without ranks."""
        if specs[0].sparse or len(specs[0].dims) < 2:
            msg = f"RankCurve expects a dense tensor of two dimensions or more, got {'a sparse one' if specs[0].sparse else 'one of one'}."
            raise PlanError(msg)
        return FittedRankCurve((), (), ())

    def solve(self, tools: Tools, *inputs: TensorData) -> FittedRankCurve:
        """Return the curve."""
        values, mask = inputs[0].observed(self.name)
        options = {name: getattr(self, name) for name in ("n_iter_max", "n_starts", "compression", "tol", "random_state")}
        points = []
        ranks = tuple(self.ranks)
        for number, rank in enumerate(ranks, start=1):
            points += gt.rank_curve(values, [rank], mask=mask, **options)
            if tools.progress is not None:
                tools.progress(number, len(ranks), {"error": points[-1].error})
        return FittedRankCurve(
            tuple(point.rank for point in points),
            tuple(float(point.error) for point in points),
            tuple(point.core_consistency for point in points),
        )
