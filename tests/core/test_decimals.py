"""Arithmetic of decimals against DuckDB's, on every engine."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import pyarrow as pa
import pytest

import gpupipe as gp
from gpupipe.core.errors import DtypeError

c = nw.col
ROWS = pa.table(
    {
        "k": [1, 1, 2, 2],
        "p": pa.array([Decimal("1.11"), Decimal("-2.22"), None, Decimal("99999.99")], pa.decimal128(15, 2)),
        "d": pa.array([Decimal("0.05"), Decimal("0.07"), Decimal("0.01"), Decimal("0.10")], pa.decimal128(15, 2)),
        "t": pa.array([Decimal("0.080"), Decimal("0.005"), Decimal("0.001"), Decimal("0.125")], pa.decimal128(9, 3)),
        "i": [3, 4, 5, 6],
    }
)
EXPRESSIONS: dict[str, Any] = {
    "p * d": c("p") * c("d"),
    "p * (1 - d)": c("p") * (1 - c("d")),
    "p * (1 - d) * (1 + t)": c("p") * (1 - c("d")) * (1 + c("t")),
    "p + d * t": c("p") + c("d") * c("t"),
    "p * i - d": c("p") * c("i") - c("d"),
    "p / d": c("p") / c("d"),
    "p / i": c("p") / c("i"),
    "i / p": c("i") / c("p"),
    "coalesce(p, t)": nw.coalesce(c("p"), c("t")),
    "coalesce(t * p, p, i)": nw.coalesce(c("t") * c("p"), "p", c("i")),
    "coalesce(p, 0.12345) - d": nw.coalesce(c("p"), nw.lit(Decimal("0.12345"))) - c("d"),
    "coalesce(p, 0) + t + i": nw.sum_horizontal(c("p"), "t", c("i")),
    "i::decimal(15, 2) * d": c("i").cast(nw.Decimal(15, 2)) * c("d"),
    "i::decimal(15, 2)": c("i").cast(nw.Decimal(15, 2)),
    "case when p > 1 then p * d else 0 end": nw.when(c("p") > 1).then(c("p") * c("d")).otherwise(0),
}
AGGREGATES: dict[str, Any] = {
    "sum(p)": c("p").sum(),
    "sum(p * (1 - d))": (c("p") * (1 - c("d"))).sum(),
    "avg(p)": c("p").mean(),
    "avg(p * d)": (c("p") * c("d")).mean(),
    "sum(p * d) / sum(d)": (c("p") * c("d")).sum() / c("d").sum(),
    "max(p) - min(d)": c("p").max() - c("d").min(),
    "sum(p)::double / (sum(i) + 0.5::double)": c("p").sum() / (c("i").sum() + 0.5),
    "sum(p * d)::double * 0.5::double": (c("p") * c("d")).sum() * 0.5,
    "sum(p * 0.005)": (c("p") * Decimal("0.005")).sum(),
    "median(d::double)": c("d").median(),
}


def same(found: Any, wanted: Any) -> bool:
    """Whether a value is DuckDB's: a decimal exactly, a float to its last digits."""
    if isinstance(wanted, Decimal) and isinstance(found, Decimal):
        return found == wanted
    return (found is None) == (wanted is None) and (wanted is None or float(found) == pytest.approx(float(wanted), rel=1e-14))


def of_duckdb(query: str) -> list[Any]:
    rows = ROWS  # noqa: F841  (DuckDB finds it by its name)
    return [row[0] for row in duckdb.sql(query).fetchall()]


@pytest.mark.once_on_clusters
@pytest.mark.parametrize("sql", EXPRESSIONS)
def test_columns(sql: str, engine: str) -> None:
    found = (
        gp.Pipeline("p", out=gp.WithColumns(r=EXPRESSIONS[sql])(gp.FromArrow(ROWS).node())).run(engine)["out"].to_polars()["r"].to_list()
    )
    wanted = of_duckdb(f"select {sql} from rows")
    assert all(map(same, found, wanted)), (found, wanted)


@pytest.mark.parametrize("sql", AGGREGATES)
def test_aggregates(sql: str, engine: str) -> None:
    table = gp.FromArrow(ROWS).node()
    run = gp.Pipeline("p", out=gp.GroupBy("k", r=AGGREGATES[sql])(table), n=gp.Scalar(AGGREGATES[sql])(table)).run(engine)
    found, wanted = run["out"].to_polars().sort("k")["r"].to_list(), of_duckdb(f"select {sql} from rows group by k order by k")
    assert all(map(same, found, wanted)), (found, wanted)
    assert same(run["n"], of_duckdb(f"select {sql} from rows")[0])


def test_what_all_rows_are_reduced_to_keeps_its_digits_beside_each_row(engine: str) -> None:
    stage = gp.WithColumns(r=c("p") - (c("d") * c("t")).max(), s=c("p").max() * c("d"), u=c("p") - c("p").sum() * 0.5)
    found = gp.Pipeline("p", out=stage(gp.FromArrow(ROWS).node())).run(engine)["out"].to_polars()
    for name, sql in (
        ("r", "p - max(d * t) over ()"),
        ("s", "max(p) over () * d"),
        ("u", "p::double - sum(p) over () * 0.5::double"),
    ):
        wanted = of_duckdb(f"select {sql} from rows")
        assert all(map(same, found[name].to_list(), wanted)), (name, found[name].to_list(), wanted)


def test_of_no_rows_and_of_missing_values_alone(engine: str) -> None:
    rows = pa.table({"p": pa.array([None], pa.decimal128(15, 2)), "x": pa.array([None], pa.float64()), "i": pa.array([None], pa.int64())})
    expressions: dict[str, tuple[Any, Any]] = {
        "sum": (c("p").sum() / (c("i").sum() + 0.5), 0.0),
        "max": (c("p").max() + 0.5, None),
        "product": (c("p").max() * c("p").min(), None),
        "beside": ((c("p") - c("p").max()).sum(), Decimal("0.00")),
        "quotient": ((c("p") / c("x").max()).sum(), 0.0),
        "compared": (c("x").max() > 1, None),
        "whole": (c("i").max() > 1, None),
        "mean": (c("i").mean() * 0.5, None),
    }
    for table in (rows, rows.slice(0, 0)):
        scalar = gp.Scalar(**{name: given for name, (given, _) in expressions.items()})
        found = gp.Pipeline("p", n=scalar(gp.FromArrow(table).node())).run(engine)["n"]
        assert found == {name: wanted for name, (_, wanted) in expressions.items()}


@pytest.mark.parametrize("expression", [c("p") // c("d"), c("p") % 2, c("p") ** 2], ids=str)
def test_what_engines_do_in_different_ways_is_refused(expression: Any) -> None:
    with pytest.raises(DtypeError, match=r"Expected no .* of decimals, which engines do in different ways. Cast them first"):
        gp.Pipeline("p", out=gp.WithColumns(r=expression)(gp.FromArrow(ROWS).node())).check()


def test_too_many_digits_are_refused() -> None:
    small = c("p").cast(nw.Decimal(38, 20))
    with pytest.raises(DtypeError, match="at most 38 digits behind the point, got 40"):
        gp.Pipeline("p", out=gp.WithColumns(r=small * small)(gp.FromArrow(ROWS).node())).check()


def test_a_product_that_does_not_fit_ends_the_run(engine: str) -> None:
    large = pa.table({"p": pa.array([Decimal(10) ** 30], pa.decimal128(38, 4))})
    with pytest.raises(gp.GpupipeError):
        gp.Pipeline("p", out=gp.WithColumns(r=c("p") * c("p"))(gp.FromArrow(large).node())).run(engine)
