"""Joins against a join written in plain Python."""

from __future__ import annotations

from typing import Any, get_args

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, StageError, UsageError
from gpupipe.stages.join import How, Join, Validate
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_table_stage
from gpupipe.testing.strategies import tables

LEFT = pa.schema([("k", pa.int64()), ("s", pa.large_string()), ("v", pa.float64())])
RIGHT = pa.schema([("k", pa.int64()), ("s", pa.large_string()), ("v", pa.int32()), ("w", pa.bool_())])
KEYED = [how for how in get_args(How) if how != "cross"]
POOL = {"k": (0, 2)}

Row = dict[str, Any]


def joined(left: pa.Table, right: pa.Table, how: str, on: list[tuple[str, str]], suffix: str = "_right") -> pa.Table:
    """Return the join, by looking at every pair of rows."""

    def match(one: Row, other: Row) -> bool:
        return all(one[l] is not None and one[l] == other[r] for l, r in on)  # noqa: E741

    def row(one: Row | None, other: Row | None) -> Row:
        made = {name: None if one is None else one[name] for name in left.column_names}
        if one is None and other is not None:
            made |= {l: other[r] for l, r in on}  # noqa: E741
        keys = {r for _, r in on}
        rest = {name: name + suffix if name in made else name for name in right.column_names if name not in keys}
        return made | {new: None if other is None else other[old] for old, new in rest.items()}

    lefts, rights = left.to_pylist(), right.to_pylist()
    pairs = [(one, other) for one in lefts for other in rights if match(one, other)]
    if how in ("semi", "anti"):
        return pa.Table.from_pylist([one for one in lefts if any(match(one, r) for r in rights) == (how == "semi")], left.schema)
    rows = [row(one, other) for one, other in pairs]
    if how in ("left", "full"):
        rows += [row(one, None) for one in lefts if not any(match(one, other) for other in rights)]
    if how in ("right", "full"):
        rows += [row(None, other) for other in rights if not any(match(one, other) for one in lefts)]
    types = {**{f.name: f.type for f in left.schema}}
    for field in right.schema:
        if field.name not in {r for _, r in on}:
            types[field.name + suffix if field.name in left.column_names else field.name] = field.type
    return pa.Table.from_pylist(rows, pa.schema(list(types.items())))


@pytest.mark.parametrize("how", KEYED)
@given(left=tables(LEFT, bounds=POOL, nan=False), right=tables(RIGHT, bounds=POOL, nan=False))
def test_one_key(how: str, left: pa.Table, right: pa.Table) -> None:
    made = check_table_stage(Join(on="k", how=how), left, right)
    assert_same_rows(made, joined(left, right, how, [("k", "k")]))


@pytest.mark.parametrize("how", KEYED)
@given(data=st.data())
def test_two_keys_of_other_names(how: str, data: st.DataObject) -> None:
    schema = pa.schema([("kk", pa.int64()), ("w", pa.bool_()), ("v", pa.int32()), ("ss", pa.large_string())])
    left, right = data.draw(tables(LEFT, bounds=POOL, nan=False)), data.draw(tables(schema, bounds={"kk": (0, 2)}, nan=False))
    on = [("k", "kk"), ("s", "ss")]
    made = check_table_stage(Join(left_on=["k", "s"], right_on=["kk", "ss"], how=how, suffix="_r"), left, right)
    assert_same_rows(made, joined(left, right, how, on, "_r"))


@pytest.mark.parametrize("how", KEYED)
def test_right_table_has_a_column_named_like_the_left_key(how: str) -> None:
    left = pa.table({"a": pa.array([1, 2, None]), "x": [1, 2, 3]})
    right = pa.table({"b": pa.array([2, 3, None]), "a": [7, 8, 9], "x": [4, 5, 6]})
    made = check_table_stage(Join(left_on="a", right_on="b", how=how), left, right)
    assert_same_rows(made, joined(left, right, how, [("a", "b")]))


def test_cross() -> None:
    left, right = pa.table({"a": [1, None]}), pa.table({"a": pa.array(["x", "y"], pa.large_string())})
    made = check_table_stage(Join(how="cross", suffix="_2"), left, right)
    assert_same_rows(made, joined(left, right, "inner", [], "_2"))


def test_three_tables_from_left_to_right() -> None:
    one, two, three = pa.table({"k": [1, 2]}), pa.table({"k": [1, 2], "a": [3, 4]}), pa.table({"k": [2], "b": [5]})
    made = check_table_stage(Join("k", how="left"), one, two, three)
    assert sorted(made.to_pylist(), key=lambda row: row["k"]) == [{"k": 1, "a": 3, "b": None}, {"k": 2, "a": 4, "b": 5}]


@pytest.mark.parametrize("how", KEYED)
def test_what_is_proven_not_null_is_not(how: str) -> None:
    schema = pa.schema([pa.field("k", pa.int64(), nullable=False), pa.field("v", pa.int64(), nullable=False)])
    check_table_stage(Join("k", how=how), pa.table([[1, 2], [1, 1]], schema=schema), pa.table([[2, 3], [5, 5]], schema=schema))


@pytest.mark.parametrize("how", KEYED)
@given(left=tables(LEFT, bounds=POOL, nan=False), right=tables(RIGHT, bounds=POOL, nan=False))
def test_a_suffix_for_each_table(how: str, left: pa.Table, right: pa.Table) -> None:
    made = check_table_stage(Join("k", how=how, suffix=("_old", "_new")), left, right)
    plain = joined(left, right, how, [("k", "k")], "_new")
    both = () if how in ("semi", "anti") else ("s", "v")
    assert_same_rows(made, plain.rename_columns([name + "_old" if name in both else name for name in plain.column_names]))


VALIDATED = [("1:1", {"left", "right"}), ("1:m", {"left"}), ("m:1", {"right"}), ("m:m", set())]


@pytest.mark.once_on_clusters("validate")
@pytest.mark.parametrize(("validate", "once"), VALIDATED)
@pytest.mark.parametrize("how", ["inner", "left", "right", "full", "semi"])
def test_keys_that_repeat_where_they_should_not(engine: str, how: How, validate: Validate, once: set[str]) -> None:
    few = pl.DataFrame({"k": [None, None, *range(1, 40)], "j": ["x"] * 41, "v": range(41)})
    more = pl.concat([few, pl.DataFrame({"k": [7], "j": ["x"], "v": [70]}), few.slice(0, 2)])
    for wrong in ("left", "right", None):
        left, right = (gp.FromFrame(more if side == wrong else few).node() for side in ("left", "right"))
        pipeline = gp.Pipeline("p", out=Join(["k", "j"], how=how, validate=validate)(left, right))
        if wrong not in once:
            assert len(pipeline.run(engine)["out"]) >= 39
            continue
        message = (
            rf"^Join expects each key in one row of the {wrong} table \(validate='{validate}'\), got k=7, j='x' in 2 rows\. Deduplicate"
        )
        with pytest.raises(StageError, match=message) as raised:
            pipeline.run(engine)
        assert "In stage Join" in raised.value.__notes__[0]


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^Join expects how to be one of 'inner', .*, got 'lef'\. Did you mean 'left'\?$"):
        Join("k", how="lef")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^Join expects either on, or left_on and right_on together\.$"):
        Join()
    with pytest.raises(UsageError, match=r"^Join expects either on, or left_on and right_on together\.$"):
        Join("k", left_on="k", right_on="k")
    with pytest.raises(UsageError, match=r"^Join expects either on, or left_on and right_on together\.$"):
        Join(left_on="k")
    with pytest.raises(UsageError, match=r"^Join expects as many keys on both sides, got 1 and 2\.$"):
        Join(left_on="k", right_on=["a", "b"])
    with pytest.raises(UsageError, match=r"^A cross join has no keys: leave out on, left_on and right_on\.$"):
        Join("k", how="cross")
    with pytest.raises(UsageError, match=r"^Join expects validate to be one of '1:1', '1:m', 'm:1', 'm:m', got '1:n'\.$"):
        Join("k", validate="1:n")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^A cross join has no keys to validate: leave out validate, got 'm:1'\.$"):
        Join(how="cross", validate="m:1")
    with pytest.raises(UsageError, match=r"^Join expects suffix to be a text for the right table, or one for each table, got \('a',\)\.$"):
        Join("k", suffix=("a",))  # type: ignore[arg-type]
    frame = pl.DataFrame({"k": [1], "v": [1]})
    with pytest.raises(UsageError, match=r"^Join expects two tables where each has a suffix of its own, got 3\. Join them one"):
        Join("k", suffix=("_a", "_b")).apply(frame, frame, frame)
    with pytest.raises(UsageError, match=r"^Join's on expects one column name or several, got \[\]\.$"):
        Join([])


def test_keys_that_do_not_fit() -> None:
    left, right = pl.DataFrame({"k": [1]}), pl.DataFrame({"k": ["1"]})
    message = r"^Join expects keys of one dtype, got Int64 in 'k' on the left and String in 'k' on the right\. Cast one of them\.$"
    with pytest.raises(DtypeError, match=message):
        Join("k").apply(left, right)
    with pytest.raises(ColumnError, match=r"^There is no column 'kk'\. Did you mean 'k'\? The columns are 'k'\.$"):
        Join("kk").apply(left, left)


def test_name_that_comes_twice(engine: str) -> None:
    left, right = pl.DataFrame({"k": [1], "v": [1], "v_right": [2]}), pl.DataFrame({"k": [1], "v": [3]})
    frames = [left, right] if engine == "cpu" else [left.to_pandas(), right.to_pandas()]
    with pytest.raises(ColumnError, match=r"^Join would make column 'v_right' twice\. Give it another suffix, or rename one of them\.$"):
        Join("k").apply(*frames)


@pytest.mark.parametrize("how", ["left", "inner"])
@pytest.mark.parametrize("engine_of_one_process", ["cpu", "pandas"])
def test_rows_stay_in_the_order_of_the_left_table(how: str, engine_of_one_process: str) -> None:
    rows = pl.DataFrame({"row": range(300_000)}).with_columns(k=(pl.col("row") * 7919) % 1000)
    right = pl.DataFrame({"k": range(0, 1000, 2), "v": range(500)}).sample(fraction=1, shuffle=True, seed=0)
    joined = gp.Join("k", how=how).in_order()(gp.FromFrame(rows).node(), gp.FromFrame(right).node())
    found = gp.Pipeline("p", out=joined).run(engine_of_one_process)["out"]["row"].to_list()
    assert found == [row for row in range(300_000) if how == "left" or (row * 7919) % 1000 % 2 == 0]


def test_rows_stay_in_order_only_where_a_learner_depends_on_it() -> None:
    left, right = (
        gp.FromFrame(pl.DataFrame({"k": [1, 2], "y": [0, 1]})).node(),
        gp.FromFrame(pl.DataFrame({"k": [1, 2], "x": [3.0, 4.0]})).node(),
    )
    learned, counted = gp.Join("k")(left, right), gp.Join("k", how="left")(left, right)
    model = gp.Learn(LogisticRegression(), target="y").fit(gp.Filter(nw.col("x") > 0)(learned))
    steps = gp.Pipeline("p", model=model, n=gp.Scalar(nw.len())(counted)).plan().steps
    assert {step.stage.how.how: step.any_order for step in steps if isinstance(step.stage, gp.Join)} == {"inner": False, "left": True}


def test_key_of_lists_or_records(nested: pa.Table) -> None:
    with pytest.raises(DtypeError, match=r"^Join's key expects plain values, got (List|Array|Struct)\(.*\) in column 'k'\. Take out"):
        Join("k").apply(pl.from_arrow(nested), pl.from_arrow(nested))
