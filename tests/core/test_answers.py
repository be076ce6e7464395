"""Answers of fitted things: declared once, asked for in a pipeline by name, with options and nodes of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.answers import answers, answers_of
from gpupipe.core.errors import WiringError
from gpupipe.core.holding import Holding
from gpupipe.core.node import Fitted, Node, Table
from gpupipe.core.schema import Schema
from gpupipe.core.stage import RowStage
from gpupipe.core.task_stage import TaskStage
from gpupipe.core.tools import Tools
from gpupipe.forecasts import ARIMA
from gpupipe.kinds.tensor import Tensor, TensorData, TensorSpec


@dataclass(frozen=True)
class Line(TaskStage):
    """Fits a line through one column over another."""

    gives: ClassVar[type[Node]] = Fitted

    def plan(self, *specs: Any) -> FittedLine:
        return FittedLine(np.zeros(2))

    def solve(self, tools: Tools, *inputs: Any) -> FittedLine:
        return FittedLine(np.polyfit(tools.array(inputs[0], "x"), tools.array(inputs[0], "y"), 1))


@dataclass(frozen=True, eq=False)
class FittedLine(Holding):
    """A line."""

    word: ClassVar[str] = "line"

    coefficients: Any

    @answers()
    def points(self, n: int = 3) -> Points:
        """Return points on the line."""
        return Points(self, n)

    @answers(Table, by_row=True)
    def place(self, name: str = "line") -> Placed:
        """Return the table with the line's value."""
        return Placed(float(self.coefficients[0]), float(self.coefficients[1]), name)

    @answers(gives=Tensor)
    def tensor(self) -> AsTensor:
        """Return the coefficients as a tensor."""
        return AsTensor(self)

    def describe(self) -> Mapping[str, Any]:
        return {"facts": {"slope": round(float(self.coefficients[0]), 6)}}


Line.fitted = FittedLine


@dataclass(frozen=True)
class Points(TaskStage):
    """Points on a line."""

    takes: ClassVar[tuple[type[Node], ...]] = ()

    line: FittedLine
    n: int

    def plan(self, *specs: Any) -> Schema:
        return Schema.of_names({"x": nw.Int64(), "y": nw.Float64()})

    def solve(self, tools: Tools, *inputs: Any) -> Any:
        x = tools.xp.arange(self.n)
        return tools.frame({"x": x, "y": self.line.coefficients[0] * x + self.line.coefficients[1]})


@dataclass(frozen=True)
class Placed(RowStage):
    """Appends the line's value."""

    slope: float
    start: float
    column: str

    def run(self, verbs: Any, *frames: Any) -> Any:
        return frames[0].with_columns((nw.col("x") * self.slope + self.start).alias(self.column))


@dataclass(frozen=True)
class AsTensor(TaskStage):
    """The coefficients as a tensor."""

    takes: ClassVar[tuple[type[Node], ...]] = ()
    gives: ClassVar[type[Node]] = Tensor

    line: FittedLine

    def plan(self, *specs: Any) -> TensorSpec:
        return TensorSpec((("degree", nw.Int64()),), ("value", nw.Float64()))

    def solve(self, tools: Tools, *inputs: Any) -> TensorData:
        return TensorData(self.line.coefficients, None, None, (tools.frame({"degree": tools.xp.arange(2)}),), "value")


ROWS = pl.DataFrame({"x": [0.0, 1.0, 2.0], "y": [1.0, 3.0, 5.0]})


def test_every_kind_of_answer(engine: str) -> None:
    table = gp.FromFrame(ROWS).node()
    line = Line()(table)
    nodes: dict[str, Any] = {"points": line.points(n=2), "placed": line.place(table, name="z"), "tensor": line.tensor(), "line": line}
    nodes["cells"] = gp.FromTensor()(nodes["tensor"])
    made = gp.Pipeline("line", nodes).run(engine)
    np.testing.assert_allclose(made["line"].coefficients, np.polyfit(ROWS["x"], ROWS["y"], 1))
    assert made["points"]["y"].to_list() == pytest.approx([1.0, 3.0])
    assert made["placed"]["z"].to_list() == pytest.approx([1.0, 3.0, 5.0])
    assert made["tensor"].shape == (2,)
    assert made["cells"]["value"].to_list() == pytest.approx([2.0, 1.0])
    assert made.report["stages"][1]["facts"] == {"slope": 2.0}


def test_a_node_may_be_left_out() -> None:
    """An answer whose last node is optional is asked for with it and without it."""
    rows = pl.DataFrame({"day": range(6), "sales": [5.0, 1.0, 6.0, 2.0, 7.0, 3.0], "price": [1.0, 2.0, 1.0, 3.0, 1.0, 2.5]})
    model = ARIMA((0, 0, 0), include_constant=True)
    table, later = gp.FromFrame(rows).node(), gp.FromFrame(pl.DataFrame({"day": [6], "price": [1.5]})).node()
    without = gp.Forecast(model, time="day", target="sales")(table).forecast(horizon=1, level=None)
    beside = gp.Forecast(model, time="day", target="sales", exogenous="price")(table).forecast(later, horizon=1, level=None)
    made = gp.Pipeline("ahead", without=without, beside=beside).run("cpu")
    assert made["without"]["forecast"].to_list() == pytest.approx([4.0])
    slope, start = np.polyfit(rows["price"], rows["sales"], 1)
    assert made["beside"]["forecast"].to_list() == pytest.approx([start + 1.5 * slope], rel=1e-6)
    with pytest.raises(WiringError, match=r"takes 'Table' \(the last 1 may be left out\), got 'Fitted'"):
        gp.Forecast(model, time="day", target="sales")(table).forecast(gp.Forecast(model, time="day", target="sales")(table), horizon=1)


def test_what_there_is_can_be_listed() -> None:
    assert {name: answer.gives for name, answer in answers_of(FittedLine).items()} == {"points": Table, "place": Table, "tensor": Tensor}


def test_misspelled_answers_options_and_nodes_are_told() -> None:
    table = gp.FromFrame(ROWS).node()
    line = Line()(table)
    with pytest.raises(WiringError, match=r"Line has no answer 'point'\. Did you mean 'points'\? It has"):
        line.point()
    with pytest.raises(WiringError, match=r"Line.points cannot be asked so: .*'m'\. It is points\(self, n"):
        line.points(m=3)
    with pytest.raises(WiringError, match=r"Line.place takes 'Table', got none; options go by keyword"):
        line.place()
    with pytest.raises(WiringError, match="What Scalar fits has no answer|no answer 'means'"):
        gp.Standardize("x").fit(table).means()
    assert not hasattr(line, "__dataclass_fields__")  # what tools ask of any object is no answer
