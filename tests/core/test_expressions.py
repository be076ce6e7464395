"""Expressions against what Polars says of the same ones, written in its own words."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import WiringError
from gpupipe.core.expressions import columns_of, columns_read, filled, is_truth, kind_of, other_rows, output_name, slotted, values_in
from gpupipe.core.node import Value
from gpupipe.stages.scalar import Scalar
from gpupipe.testing.trial import HeldTable

c = nw.col
FRAME = pl.LazyFrame({"a": [1, 2], "b": [3, 4], "s": ["x", "y"]})
EXPRESSIONS: list[Any] = [
    c("a"),
    c("a") + c("b"),
    5 - c("b"),
    nw.when(c("a") > 1).then(c("b")).otherwise(0),
    nw.when(c("a") > 1).then("b"),
    nw.when(c("a") > 1, c("b") < 2).then(nw.lit(1)),
    nw.sum_horizontal("a", "b").sum(),
    nw.coalesce(c("b"), c("a")).max(),
    nw.concat_str("s", c("a").cast(nw.String)),
    c("a").filter(c("b") > 3).sum() / c("s").n_unique(),
    c("a").is_between(0, c("b")),
    c("a").cum_sum().over("s", order_by="b"),
    c("s").str.replace_all("x", "y"),
    c("s") == "a",
    c("a").fill_null(c("b")).alias("filled"),
    c("a").is_in([1, 2]).name.suffix("_in"),
    nw.len(),
    nw.lit(1),
]


def in_polars(expression: Any) -> pl.Expr:
    """Return the expression in Polars' own words, as narwhals hands it over."""
    made: pl.Expr = expression._to_compliant_expr(nw.from_native(FRAME).__narwhals_namespace__()).native
    return made


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_columns_and_names_are_those_that_polars_tells(expression: Any) -> None:
    theirs = in_polars(expression)
    assert columns_read(expression) == set(theirs.meta.root_names()) | ({"s", "b"} if "over" in str(expression) else set())
    assert output_name(expression) == theirs.meta.output_name()


@pytest.mark.parametrize("expression", [nw.all(), nw.nth(0), nw.exclude("a"), nw.selectors.numeric() * 2], ids=str)
def test_columns_that_depend_on_the_table_are_not_known(expression: Any) -> None:
    assert columns_read(expression) is None and columns_of(((None, expression), (None, "a"))) is None
    assert output_name(expression) is None


@pytest.mark.parametrize(
    ("expression", "operation"),
    [
        (c("a") + 1, None),
        (c("a").sum(), "sum"),
        (c("a") - c("a").mean(), "mean"),
        (nw.when(c("a") > c("a").median()).then(1).otherwise(0), "median"),
        (c("a").shift(1), "shift"),
        (c("a").rank().over("s"), "rank"),
        (c("a").filter(c("b") > 1), "filter"),
        (nw.len(), "len"),
    ],
    ids=str,
)
def test_what_looks_at_other_rows(expression: Any, operation: str | None) -> None:
    assert other_rows(expression) == operation
    assert kind_of(((None, expression),)) == ("row" if operation is None else "table")


def test_constants_alone_are_one_row() -> None:
    assert kind_of(((None, nw.lit(1)),), replaced=True) == "table"
    assert kind_of(((None, nw.lit(1)), (None, "a")), replaced=True) == "row"


def test_results_of_other_stages_are_found_and_filled_in() -> None:
    value = Scalar(nw.len())(HeldTable(FRAME.collect().to_arrow()).node())
    assert isinstance(value, Value)
    columns = ((None, c("a") > value), ("n", nw.lit(value)), ("m", nw.when(c("b") < value).then(value).otherwise(c("a"))))
    assert values_in(columns) == [value]
    slots = slotted(columns, [value])
    assert values_in(slots) == []
    made = nw.from_native(FRAME).select(*(e if name is None else e.alias(name) for name, e in filled(slots, [nw.lit(3)])))
    assert made.to_native().collect().rows() == [(False, 3, 1), (False, 3, 2)]


TRUTHS = [
    c("a") > 1,
    1 < c("a"),  # noqa: SIM300
    c("a").is_between(0, c("b")),
    (c("s") == "a") | ~c("a").is_in([1, 2]) & c("a").is_null(),
    ~(c("a").is_finite() & c("s").str.starts_with("x")),
]
OF_THEIR_COLUMNS = [c("a") & c("b"), ~c("a"), (c("a") > 1) & c("b"), nw.when(c("a") > 1).then(True), c("a").fill_null(1), "a", nw.all() > 1]


@pytest.mark.parametrize("expression", [*TRUTHS, *OF_THEIR_COLUMNS], ids=str)
def test_truth_values_are_those_that_polars_makes_whatever_the_columns(expression: Any) -> None:
    assert is_truth(expression) == any(expression is one for one in TRUTHS)
    for frame in (FRAME, FRAME.with_columns(pl.col("a").cast(pl.Int8), b=0.5)):
        if is_truth(expression):
            assert frame.select(in_polars(expression)).collect_schema().dtypes() == [pl.Boolean]


@pytest.mark.parametrize(
    ("make", "operation", "advice"),
    [
        (lambda value: c("a").is_in([value, 2]), "is_in", "Compare with each"),
        (lambda value: c("a").round(value), "round", "Run a pipeline of that result first"),
        (lambda value: nw.when(c("a").quantile(value, "linear") > 1).then(1), "quantile", "give the number itself"),
    ],
)
def test_a_result_where_plain_values_belong_is_refused_where_it_is_written(make: Any, operation: str, advice: str) -> None:
    value = Scalar(nw.len())(HeldTable(FRAME.collect().to_arrow()).node())
    with pytest.raises(WiringError, match=rf"^WithColumns: {operation}\(\) takes plain values, got a result of another stage.*{advice}"):
        gp.WithColumns(x=make(value))


def test_errors_of_narwhals_that_show_a_result_say_how_it_is_written() -> None:
    value = Scalar(nw.len())(HeldTable(FRAME.collect().to_arrow()).node())
    with pytest.raises(TypeError, match=r"known once the pipeline runs; in an expression nw\.lit\(value\)"):
        nw.coalesce(c("a"), value)
    table = gp.FromFrame(FRAME.collect().with_columns(a=pl.lit(None, pl.Int64))).node()
    made = gp.WithColumns(x=nw.coalesce(c("a"), nw.lit(Scalar(nw.len())(table))))(table)
    assert gp.Pipeline("p", out=made).run("cpu")["out"]["x"].to_list() == [2, 2]
