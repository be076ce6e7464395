from __future__ import annotations

from datetime import date, datetime
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest

import gpupipe as gp
from gpupipe.core.engine import EngineOptions
from gpupipe.core.errors import PlanError, StageError, UsageError
from gpupipe.pipeline import Pipeline
from gpupipe.stages.scalar import Scalar
from gpupipe.testing.trial import HeldTable

c = nw.col


def reduced(stage: Scalar, table: pa.Table, engine: str) -> Any:
    """Return the value that a pipeline makes."""
    return Pipeline("tried", value=stage(HeldTable(table).node())).run(engine)["value"]


@pytest.mark.parametrize(
    ("expression", "wanted", "of_nothing"),
    [
        (nw.len(), 6, 0),
        (c("i").sum(), 6, 0),
        (c("i").max(), 5, None),
        (c("i").mean(), 1.2, None),
        (c("s").n_unique(), 5, 0),
        (c("b").any(), True, False),
    ],
    ids=str,
)
def test_one_number(expression: Any, wanted: Any, of_nothing: Any, engine: str, awkward: pa.Table) -> None:
    assert reduced(Scalar(expression), awkward, engine) == pytest.approx(wanted)
    assert reduced(Scalar(expression), awkward.slice(0, 0), engine) == of_nothing


def test_named_numbers(engine: str, awkward: pa.Table) -> None:
    made = reduced(Scalar(low=c("i").min(), high=c("i").max(), n=nw.len()), awkward, engine)
    assert made == {"low": -6, "high": 5, "n": 6}


def test_nan_is_a_number(engine: str, awkward: pa.Table) -> None:
    assert str(reduced(Scalar(c("x").sum()), awkward, engine)) == "nan"


def test_comparing_a_missing_aggregate(engine: str, awkward: pa.Table) -> None:
    assert reduced(Scalar(c("i").max() > 2), awkward.slice(0, 0), engine) is None


def test_options() -> None:
    for arguments in ({}, {"expression": nw.len(), "n": nw.len()}):
        with pytest.raises(UsageError, match=r"^Scalar expects either one expression, or several by keyword\.$"):
            Scalar(**arguments)
    with pytest.raises(UsageError, match=r"^Scalar expects narwhals expressions \(nw\.col\('a'\) \+ 1\), got int: 3\.$"):
        Scalar(3)


def test_expression_that_reduces_nothing() -> None:
    message = r"^Scalar expects expressions that reduce all rows to one value, got 0 rows\. Use \.sum\(\), .max\(\) and the like\."
    with pytest.raises(PlanError, match=message):
        Pipeline("tried", value=Scalar(c("a"))(HeldTable(pa.table({"a": [1]})).node())).check()


REDUCED = {
    "mean of nothing": (gp.Filter(nw.col("k") < 0), nw.col("x").mean(), None),
    "mean of missing values": (gp.Filter(nw.col("x").is_null()), nw.col("x").mean(), None),
    "rows of a column that nobody reads": (gp.Filter(nw.col("k") > 0), nw.col("x").len(), 5),
    "mean of dates": (gp.Filter(nw.col("k") >= 0), nw.col("d").mean(), datetime(2020, 1, 1)),
    "quantile of whole numbers": (gp.Filter(nw.col("k") >= 0), nw.col("k").quantile(0.5, interpolation="lower"), 1.0),
    "a branch without values": (gp.Filter(nw.col("k") >= 0), nw.when(nw.col("x").count() > 99).then(nw.col("x").sum()), None),
}


@pytest.mark.parametrize("how", REDUCED)
def test_one_answer_on_every_engine(how: str, engine: str) -> None:
    rows = pl.DataFrame({"k": [0, 1, 1, 1, 2, 2], "x": [1.5, None, 2.0, 3.0, None, None], "d": [date(2020, 1, 1)] * 6})
    before, expression, wanted = REDUCED[how]
    options = EngineOptions(allow_differences=True)  # a mean of dates is rounded down in groups, not of the whole table
    found = gp.Pipeline("p", out=gp.Scalar(expression)(before(gp.FromFrame(rows).node()))).run(engine, options=options)["out"]
    assert (type(found), found) == (type(wanted), wanted)


def test_what_pandas_cannot_reduce_is_told_with_its_stage() -> None:
    table = gp.FromFrame(pl.DataFrame({"b": [True, False]})).node()
    with pytest.raises(StageError, match=r"does not support operation 'std'[\s\S]*In stage Scalar on engine 'pandas', wired at"):
        gp.Pipeline("p", out=gp.Scalar(nw.col("b").std())(table)).run("pandas")
