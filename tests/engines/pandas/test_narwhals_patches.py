"""narwhals' words on engine `pandas`, held to engine `cpu`."""

from __future__ import annotations

import math
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal

import narwhals.stable.v2 as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from narwhals._pandas_like.namespace import PandasLikeNamespace

import gpupipe as gp
from gpupipe.core.errors import GpupipeError
from gpupipe.engines._query import CASTS_ROUND
from gpupipe.engines.pandas.narwhals_patches import polars_semantics

C = nw.col
ROWS = pl.DataFrame(
    {
        "b": [True, False, None],
        "k": [True, True, False],
        "s": ["x", "y", None],
        "x": [1.5, math.nan, None],
        "i": [1, 2, None],
        "u": [250, 3, None],
        "big": [2**53 + 1, -(2**62), None],
        "p": [Decimal("1.99"), Decimal("-2.25"), None],
        "q": [Decimal("0.123"), Decimal("7.001"), None],
        "t": [datetime(2020, 1, 2, 3, 4, 5, 678_000), datetime(1969, 12, 31, 23, 59, 59, 1), None],
    },
    schema_overrides={"u": pl.UInt8, "p": pl.Decimal(12, 2), "q": pl.Decimal(38, 3)},
)
WORDS = {
    "no text": nw.when(C("b")).then(C("s")).otherwise(nw.lit(None)),
    "no number": nw.when(C("b")).then(C("i")).otherwise(nw.lit(None)),
    "no float": nw.when(C("k")).then(C("x")).otherwise(nw.lit(None)),
    "no truth": nw.when(~C("k")).then(C("b")).otherwise(nw.lit(None)),
    "no time": nw.when(C("b")).then(C("t")).otherwise(nw.lit(None)),
    "nothing, else text": nw.when(C("b")).then(None).otherwise(C("s")),
    "nothing, else a number": nw.when(C("b")).then(None).otherwise(C("i")),
    "a typed nothing": nw.lit(None, dtype=nw.Int16),
    "a typed nothing, or text": nw.when(C("k")).then(nw.lit(None, dtype=nw.String)).otherwise(nw.lit("q")),
    "NaN": nw.lit(math.nan),
    "NaN or a number": nw.when(C("k")).then(math.nan).otherwise(1.0),
    "NaN and nothing": nw.when(C("k")).then(math.nan),
    "whole or not": nw.when(C("k")).then(C("i")).otherwise(C("x")),
    "whole or a literal": nw.when(C("k")).then(C("i")).otherwise(2.5),
    "small or less": nw.when(C("k")).then(C("u")).otherwise(-1),
    "two literals": nw.when(C("k")).then(1).otherwise(2.5),
    "text or a literal": nw.when(C("k")).then(C("s")).otherwise(nw.lit("q")),
    "coalesced": nw.coalesce("i", "x"),
    "filled by a float": C("i").fill_null(2.5),
    "filled by a whole number": C("i").fill_null(7),
    "filled by one that is too large": C("u").fill_null(300),
    "filled by one that is too small": C("u").fill_null(-1),
    "filled by a column": C("i").fill_null(C("x")),
    "as a float": C("big").cast(nw.Float64),
    "as a small float": C("i").cast(nw.Float32),
    "a float as a whole number": (C("i") * -1.5).cast(nw.Int64),
    "a decimal as a whole number": C("p").cast(nw.Int32),
    "a decimal or one of more places": nw.when(C("k")).then(C("p")).otherwise(C("q")),
    "a decimal or a whole number": nw.when(C("k")).then(C("p")).otherwise(0),
    "decimals compared": (C("p") * C("i")).sum() > C("q"),
    "seconds": C("t").dt.to_string("%Y-%m-%dT%H:%M:%S"),
    "parts": C("s").str.split("x"),
}


def made(expression: nw.Expr, engine: str, rows: pl.DataFrame = ROWS) -> pa.Array:
    """Return the column that an engine makes of the rows."""
    pipeline = gp.Pipeline("p", out=gp.FromFrame(rows, nan_as_null=False).node() >> gp.WithColumns(made=expression))
    return pipeline.run(engine)["out"]["made"].to_arrow()


@pytest.mark.parametrize("word", WORDS)
def test_words_are_those_of_cpu(word: str) -> None:
    if CASTS_ROUND and word == "a decimal as a whole number":
        pytest.skip("Polars before 2.1 rounds it, so it is refused (tests/engines/test_promises.py)")
    for rows in (ROWS, ROWS.head(0), ROWS.tail(1)):
        wanted, found = made(WORDS[word], "cpu", rows), made(WORDS[word], "pandas", rows)
        assert repr(found.to_pylist()) == repr(wanted.to_pylist())
        assert pa.types.is_floating(found.type) == pa.types.is_floating(wanted.type)


@gp.by_key("k")
def spans(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.group_by("k").agg((C(name).max() - C(name).min()).alias(name) for name in ("i", "big"))


def test_aggregates_come_by_a_generator_too() -> None:
    rows = gp.FromFrame(ROWS.select("k", "i", "big")).node()
    assert sorted(gp.Pipeline("p", out=spans(rows)).run("pandas")["out"].to_polars().rows())[1][:2] == (True, 1)


def test_sums_go_on_after_an_infinite_number() -> None:
    infinite, number = math.inf, math.nan
    rows = {"k": [1] * 8 + [2] * 3 + [3], "o": list(range(12))}
    rows["x"] = [1.0, infinite, 2.0, None, -infinite, 3.0, number, 1.0, -infinite, 1.0, -infinite, 2.5]
    made = C("x").cum_sum().over("k", order_by="o")
    made_back = C("x").cum_sum(reverse=True).over("k", order_by="o")
    table = gp.FromFrame(pl.DataFrame(rows, strict=False), nan_as_null=False).node() >> gp.WithColumns(made=made, back=made_back)
    wanted, found = (gp.Pipeline("p", out=gp.ToMemory()(table)).run(engine)["out"].select(["made", "back"]) for engine in ("cpu", "pandas"))
    assert repr(found.to_pydict()) == repr(wanted.to_pydict())
    assert wanted["made"].to_pylist()[:4] == [1.0, infinite, infinite, None]


@pytest.mark.parametrize("value", [math.inf, math.nan])
@pytest.mark.parametrize("over", [True, False])
def test_a_moving_window_refuses_what_pandas_takes_for_missing(value: float, over: bool) -> None:
    moved = C("x").rolling_sum(2, min_samples=1)
    rows = pl.DataFrame({"k": [1, 1, 1, 1], "o": [0, 1, 2, 3], "x": [1.0, value, None, 2.0]})
    stage = gp.WithColumns(sum=moved.over("k", order_by="o") if over else moved.over(order_by="o"))
    for given, wanted in (rows.filter(pl.col("o") != 1), [1.0, 1.0, 2.0]), (rows, None):
        pipeline = gp.Pipeline("p", out=gp.ToMemory()(gp.FromFrame(given, nan_as_null=False).node() >> stage))
        if wanted is not None:
            assert pipeline.run("pandas")["out"]["sum"].to_pylist() == pipeline.run("cpu")["out"]["sum"].to_pylist() == wanted
            continue
        with pytest.raises(GpupipeError, match=r"gp\.Rolling"):
            pipeline.run("pandas")


def test_a_text_is_not_split_at_nothing() -> None:
    with pytest.raises(GpupipeError, match="Expected a separator to split at, got an empty text"):
        made(C("s").str.split(""), "pandas")


def test_the_words_are_narwhals_own_outside() -> None:
    before = PandasLikeNamespace.lit
    with polars_semantics():
        assert PandasLikeNamespace.lit is not before
    assert PandasLikeNamespace.lit is before
    frame = nw.from_native(pd.DataFrame({"a": [1.0]}))
    with polars_semantics():  # of NumPy's dtypes nothing else is made
        assert frame.select(nw.lit(math.nan))["literal"].dtype == nw.Float64


def test_the_meaning_lasts_until_the_last_thread_is_done() -> None:
    before = PandasLikeNamespace.lit, pd.get_option("future.distinguish_nan_and_na")
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(polars_semantics())
        second.enter_context(polars_semantics())
        first.close()
        assert PandasLikeNamespace.lit is not before[0] and pd.get_option("future.distinguish_nan_and_na")
    assert (PandasLikeNamespace.lit, pd.get_option("future.distinguish_nan_and_na")) == before
