"""Sums of no value: 0, or missing as DuckDB has them, on every engine."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest

import gpupipe as gp
from gpupipe.core.errors import UsageError

c = nw.col
ROWS = pa.table(
    {
        "k": [1, 1, 2, 2, 3],
        "x": pa.array([1, None, None, None, 5], pa.int64()),
        "m": pa.array([None, None, Decimal("1.25"), Decimal("-1.25"), None], pa.decimal128(9, 2)),
        "f": pa.array([0.5, None, None, 2.0, None], pa.float64()),
    }
)
SUMS: dict[str, Any] = {
    "sum(x)": c("x").sum(),
    "sum(m * 2)": (c("m") * 2).sum(),
    "sum(f) / count(f)": c("f").sum() / c("f").count(),
    "sum(x) filter (where f > 1)": c("x").filter(c("f") > 1).sum(),
    "sum(case when f > 1 then x end) + max(x)": nw.when(c("f") > 1).then(c("x")).sum() + c("x").max(),
    "coalesce(sum(m), -1)": nw.coalesce(c("m").sum(), nw.lit(Decimal(-1))),
    "count(x)": c("x").count(),
}


def of_duckdb(query: str) -> list[tuple[Any, ...]]:
    rows = ROWS  # noqa: F841  (DuckDB finds it by its name)
    return duckdb.sql(query).fetchall()


@pytest.mark.parametrize("sql", SUMS)
def test_sums_of_groups_and_of_tables_are_missing_as_in_sql(sql: str, engine: str) -> None:
    table = gp.FromArrow(ROWS).node()
    empty = table >> gp.Filter(c("k") > 9)
    grouped = gp.GroupBy("k", r=SUMS[sql], empty_sum="null")(table)
    whole, nothing = (gp.Scalar(SUMS[sql], empty_sum="null")(rows) for rows in (table, empty))
    result = gp.Pipeline("p", grouped=grouped, whole=whole, nothing=nothing).run(engine)
    found = result["grouped"].to_polars().sort("k").rows()
    assert found == of_duckdb(f"select k, {sql} from rows group by k order by k")
    assert result["whole"] == of_duckdb(f"select {sql} from rows")[0][0]
    assert result["nothing"] == of_duckdb(f"select {sql} from rows where k > 9")[0][0]


def test_without_the_option_they_are_zero(engine: str) -> None:
    table = gp.FromArrow(ROWS).node()
    result = gp.Pipeline("p", out=gp.GroupBy("k", x=c("x").sum())(table), m=gp.Scalar(c("m").sum())(table >> gp.Filter(c("k") > 9))).run(
        engine
    )
    assert result["out"].to_polars().sort("k").rows() == [(1, 1), (2, 0), (3, 5)]
    assert result["m"] == 0


def test_an_option_that_is_none_and_aggregates_of_several_columns_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^GroupBy expects empty_sum to be 'zero' or 'null', got None\."):
        gp.GroupBy("k", x=c("x").sum(), empty_sum=None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^Scalar with empty_sum='null' expects aggregates of one column each, got .*Write one for each"):
        gp.Scalar(c("x", "f").sum(), empty_sum="null")
