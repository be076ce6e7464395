from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, UnsupportedError, UsageError
from gpupipe.stages.group_by import GroupBy
from gpupipe.testing.laws import check_key_stage
from gpupipe.testing.strategies import tables

c = nw.col
SCHEMA = pa.schema(
    [("k", pa.int64()), ("s", pa.large_string()), ("i", pa.int32()), ("x", pa.float64()), ("b", pa.bool_()), ("d", pa.date32())]
)
BOUNDS = {"k": (0, 2), "i": (-9, 9), "x": (-8.0, 8.0)}


def by_key(table: pa.Table) -> dict[Any, Any]:
    """Return the column ``z`` by key ``k``."""
    return dict(zip(table["k"].to_pylist(), table["z"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("aggregate", "wanted"),
    [
        (c("i").sum(), {1: 3, 2: 0, None: 9, 3: -6}),
        (c("i").mean(), {1: 1.5, 2: None, None: 4.5, 3: -6.0}),
        (c("i").min(), {1: 1, 2: None, None: 4, 3: -6}),
        (c("i").max(), {1: 2, 2: None, None: 5, 3: -6}),
        (c("s").min(), {1: "a", 2: None, None: "", 3: "日本"}),
        (c("i").count(), {1: 2, 2: 0, None: 2, 3: 1}),
        (nw.len(), {1: 2, 2: 1, None: 2, 3: 1}),
        (c("s").n_unique(), {1: 2, 2: 1, None: 2, 3: 1}),
        (c("i").median(), {1: 1.5, 2: None, None: 4.5, 3: -6.0}),
        (c("b").sum(), {1: 1, 2: 0, None: 2, 3: 0}),
        (c("b").any(), {1: True, 2: False, None: True, 3: False}),
        (c("b").all(), {1: True, 2: False, None: True, 3: True}),
    ],
    ids=str,
)
def test_engines_agree_on_aggregates(aggregate: Any, wanted: dict[Any, Any], awkward: pa.Table) -> None:
    assert by_key(check_key_stage(GroupBy("k", z=aggregate), awkward)) == wanted
    assert check_key_stage(GroupBy("k", z=aggregate), awkward.slice(0, 0)).num_rows == 0


@pytest.mark.parametrize("aggregate", [c("x").sum(), c("x").mean(), c("x").max(), c("x").n_unique(), c("i").std(), c("i").var()], ids=str)
def test_engines_agree_on_floats(aggregate: Any, awkward: pa.Table) -> None:
    check_key_stage(GroupBy("k", z=aggregate), awkward, rtol=1e-12)


def test_missing_keys_are_kept_or_dropped(awkward: pa.Table) -> None:
    assert set(by_key(check_key_stage(GroupBy("k", z=nw.len()), awkward))) == {1, 2, 3, None}
    assert set(by_key(check_key_stage(GroupBy("k", z=nw.len(), null_keys="drop"), awkward))) == {1, 2, 3}


@given(tables(SCHEMA, bounds=BOUNDS, nan=False))
def test_law(table: pa.Table) -> None:
    stage = GroupBy(
        ["k", "b"],
        c("d").max(),
        total=c("i").sum(),
        mean=c("i").mean(),
        n=nw.len(),
        low=c("x").min(),
        kinds=c("s").n_unique(),
        words=c("s").max(),
    )
    check_key_stage(stage, table, rtol=1e-12)
    check_key_stage(GroupBy("s", sum=c("x").sum(), null_keys="drop"), table, rtol=1e-9)


@pytest.mark.xfail(
    strict=True, reason="upstream: pandas makes infinity of a key with NaN alone (pandas/limits.py, 'NaN in min, max and median')"
)
@pytest.mark.parametrize("aggregate", [c("x").min(), c("x").max(), c("x").median()], ids=str)
def test_keys_of_nan_alone(aggregate: Any) -> None:
    check_key_stage(GroupBy("k", z=aggregate), pa.table({"k": [1], "x": pa.array([float("nan")], from_pandas=False)}))


@pytest.mark.xfail(strict=True, reason="upstream: Polars' streaming group-by makes 0 of no values with ddof=0 (polars/limits.py)")
def test_variance_of_no_values() -> None:
    check_key_stage(GroupBy("k", z=c("x").var(ddof=0)), pa.table({"k": [1, 2], "x": pa.array([1.0, None])}))


# What is made of each key's rows, worked out by hand in test_aggregates_put_together: k=1 has x 1, 2, z 10, none; k=2 has 3 and 30.
PUT_TOGETHER: dict[str, tuple[Any, dict[int, Any]]] = {
    "conditional sum": (nw.when(c("x") > 1).then(c("x")).otherwise(0).sum(), {1: 2, 2: 3}),
    "conditional count": (nw.when(c("x") > 1).then(1).otherwise(0).sum(), {1: 1, 2: 1}),
    "conditional mean": (nw.when(c("x") > 1).then(c("x")).mean(), {1: 2.0, 2: 3.0}),
    "first that is there": (nw.coalesce(c("z"), c("x")).sum(), {1: 12, 2: 30}),
    "sum of columns": (nw.sum_horizontal("x", "z").sum(), {1: 13, 2: 33}),
    "largest of columns": (nw.max_horizontal("x", "z").max(), {1: 10, 2: 30}),
    "text": (nw.concat_str("s", "s").max(), {1: "bb", 2: "cc"}),
    "product": ((c("x") * c("z")).sum(), {1: 10, 2: 90}),
    "ratio": (c("x").sum() / c("z").sum(), {1: 0.3, 2: 0.1}),
    "difference": (c("x").max() - c("x").min() + nw.len(), {1: 3, 2: 1}),
    "missing ones": (c("z").null_count(), {1: 1, 2: 0}),
    "filtered sum": (c("x").filter(c("z").is_null()).sum(), {1: 2, 2: 0}),
    "filtered count": (c("x").filter(c("x") > 1).len(), {1: 1, 2: 1}),
    "distinct": (c("z").n_unique(), {1: 2, 2: 1}),
    "distinct that are there": (c("z").drop_nulls().n_unique(), {1: 1, 2: 1}),
    "distinct of some": (c("z").filter(c("x") > 1).n_unique(), {1: 1, 2: 1}),
    "choice of results": (nw.when(c("x").sum() > 2).then(c("z").max()).otherwise(nw.len()), {1: 10, 2: 30}),
}


@pytest.mark.parametrize("name", PUT_TOGETHER)
def test_aggregates_put_together(name: str, engine: str) -> None:
    aggregate, wanted = PUT_TOGETHER[name]
    table = gp.FromArrow(pa.table({"k": [1, 1, 2], "x": [1, 2, 3], "z": [10, None, 30], "s": ["a", "b", "c"]})).node()

    @gp.by_key("k")
    def grouped(frame: nw.LazyFrame) -> nw.LazyFrame:
        return frame.group_by("k").agg(aggregate.alias("r"))

    out = gp.Pipeline("p", stage=gp.GroupBy("k", r=aggregate)(table), function=grouped(table)).run(engine)
    assert dict(out["stage"].to_polars().rows()) == (wanted if name == "text" else pytest.approx(wanted))
    assert out["function"].to_polars().sort("k").rows() == out["stage"].to_polars().sort("k").rows()


@pytest.mark.parametrize("aggregate", [c("i").unique().max() + 1, c("i").shift(1).over("b", order_by="i").sum()], ids=str)
def test_what_cannot_be_taken_apart_is_refused(aggregate: Any, awkward: pa.Table) -> None:
    with pytest.raises(UnsupportedError, match="Expected an aggregate made of reductions of columns"):
        GroupBy("k", z=aggregate).apply(awkward.to_pandas())


@pytest.mark.parametrize("n_rows", [0, 6])
def test_a_computed_column_is_reduced(n_rows: int, awkward: pa.Table) -> None:
    made = check_key_stage(GroupBy("k", z=(c("i") * 2).sum()), awkward.slice(0, n_rows))
    if n_rows:
        assert by_key(made) == {1: 6, 2: 0, None: 18, 3: -12}


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^GroupBy expects null_keys to be 'keep' or 'drop', got 'no'\.$"):
        GroupBy("k", z=nw.len(), null_keys="no")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^GroupBy expects at least one aggregate, got none\. Write them beside the keys: GroupBy"):
        GroupBy("k")
    with pytest.raises(
        UsageError, match=r"^GroupBy expects an aggregate for 'n', such as nw\.col\('x'\)\.mean\(\), got the text 'mean'\.$"
    ):
        GroupBy("k", n="mean")
    with pytest.raises(
        UsageError, match=r"^GroupBy expects several keys as a list, got 'l' among the aggregates: GroupBy\(\['k', 'l'\], \.\.\.\)\.$"
    ):
        GroupBy("k", "l", n=nw.len())
    with pytest.raises(ColumnError, match=r"^GroupBy expects aggregates under new names, got 'k', which is a key\. Name it differently\.$"):
        GroupBy("k", k=nw.len()).apply(pl.DataFrame({"k": [1]}))
    with pytest.raises(ColumnError, match=r"^There is no column 'kk'\. Did you mean 'k'\?"):
        GroupBy("kk", n=nw.len()).apply(pl.DataFrame({"k": [1]}))


def test_key_of_lists_or_records(nested: pa.Table) -> None:
    with pytest.raises(
        DtypeError,
        match=r"^GroupBy's by expects plain values, got (List|Array|Struct)\(.*\) in column 'k'\. Take out",
    ):
        GroupBy("k", n=nw.len()).apply(pl.from_arrow(nested))
