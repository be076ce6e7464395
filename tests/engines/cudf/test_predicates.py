"""Filters for the device's Parquet reader, held against Arrow's reader, which takes filters of the same form."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpupipe as gp
from gpupipe.core.schema import Schema
from gpupipe.engines.cudf.predicates import MOST_TERMS, parquet_filters

ROWS = pl.DataFrame(
    {
        "x": [1, 2, 3, None, 5, -6],
        "s": ["a", "b", None, "", "é", "b"],
        "f": [0.5, None, 2.5, -1.0, 1e300, 0.0],
        "b": [True, None, False, True, False, True],
        "d": [dt.date(2020, 1, day) for day in range(1, 7)],
    }
)
SCHEMA = Schema.of_names(
    {"x": nw.Int64(), "s": nw.String(), "f": nw.Float64(), "b": nw.Boolean(), "d": nw.Date(), "f32": nw.Float32(), "i8": nw.Int8()},
)
X, S, F, F32 = pl.col("x"), pl.col("s"), pl.col("f"), pl.col("f32")
EXACT = [
    (X > 2, [[("x", ">", 2)]]),
    (pl.lit(2) < X, [[("x", ">", 2)]]),
    (X.is_between(1, 3) & (S == "b"), [[("x", ">=", 1), ("x", "<=", 3), ("s", "==", "b")]]),
    (S.is_in(["a", "é", None]), [[("s", "==", "a")], [("s", "==", "é")]]),
    ((X == 1) | (F >= 2.5), [[("x", "==", 1)], [("f", ">=", 2.5)]]),
    ((F32 < 0.5) & (F32 < 0.1), [[("f32", "<", 0.5)]]),
]
SAYS_NOTHING = [
    X.sin() > 0,
    (X > 2) | (F.sqrt() > 1),
    ~(X > 2),
    pl.col("b"),
    pl.col("d") > dt.date(2020, 1, 3),
    X.is_null(),
    F.gt(float("inf")),
    X == 2.5,
    X.is_in([]),
    pl.col("y") > 1,
    pl.col("i8") > 300,
    F32 <= 0.1,
]


@pytest.mark.parametrize(("predicate", "wanted"), EXACT, ids=str)
def test_translations(predicate: pl.Expr, wanted: object) -> None:
    assert parquet_filters(predicate, SCHEMA, nan_as_null=True) == wanted


@pytest.mark.parametrize("predicate", SAYS_NOTHING, ids=str)
def test_what_has_no_translation_keeps_every_row(predicate: pl.Expr) -> None:
    assert parquet_filters(predicate, SCHEMA, nan_as_null=True) is None


def test_a_part_without_translation_drops_out_of_a_conjunction() -> None:
    assert parquet_filters((X > 2) & (F.sqrt() > 1), SCHEMA, nan_as_null=True) == [[("x", ">", 2)]]


def test_floats_are_left_out_where_nan_is_a_number() -> None:
    assert parquet_filters((F > 1) & (X > 2), SCHEMA, nan_as_null=False) == [[("x", ">", 2)]]


def test_no_predicate_and_too_large_a_one() -> None:
    assert parquet_filters(None, SCHEMA, nan_as_null=True) is None
    assert parquet_filters(X.is_in(list(range(MOST_TERMS + 1))), SCHEMA, nan_as_null=True) is None


ATOMS = st.one_of(
    st.tuples(st.sampled_from(["gt", "ge", "lt", "le", "eq", "ne"]), st.integers(-7, 6)).map(lambda one: getattr(X, one[0])(one[1])),
    st.tuples(st.sampled_from(["gt", "eq", "ne"]), st.sampled_from([0.5, -1.0, 2.5])).map(lambda one: getattr(F, one[0])(one[1])),
    st.sampled_from(["a", "b", ""]).map(S.eq),
    st.lists(st.integers(-7, 6), min_size=1, max_size=3).map(X.is_in),
    st.just(X.is_null()),
    st.just(F.abs() > 1),
)
PREDICATES = st.recursive(
    ATOMS, lambda inner: st.tuples(inner, inner, st.booleans()).map(lambda two: two[0] & two[1] if two[2] else two[0] | two[1])
)


@given(PREDICATES)
def test_every_row_that_is_needed_is_kept(predicate: pl.Expr) -> None:
    import tempfile  # local: a file for each example

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        ROWS.with_row_index().write_parquet(path)
        filters = parquet_filters(predicate, SCHEMA, nan_as_null=True)
        kept = set(pq.read_table(path, filters=filters)["index"].to_pylist())
    assert set(ROWS.with_row_index().filter(predicate)["index"].to_list()) <= kept


def test_what_a_plan_asks_for_is_translated(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "rows.parquet")
    table = gp.ReadParquet(tmp_path).node() >> gp.Filter((nw.col("x") > 2) & (nw.col("s") == "b")) >> gp.Select("f")
    plan = gp.Pipeline("filtered", out=table).plan()
    reading = plan.steps[0].reading
    assert reading is not None
    assert parquet_filters(reading.predicate, SCHEMA, nan_as_null=True) == [[("x", ">", 2), ("s", "==", "b")]]
