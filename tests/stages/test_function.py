from __future__ import annotations

import pickle
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given

import gpupipe as gp
from gpupipe.core.errors import ArtefactError, ColumnError, PlanError, StageError, UsageError, WiringError
from gpupipe.pipeline import Pipeline
from gpupipe.stages.function import by_key, rows, whole_table
from gpupipe.testing.laws import check_key_stage, check_row_stage, check_table_stage
from gpupipe.testing.strategies import cut_tables, tables
from gpupipe.testing.trial import HeldTable

Frame = nw.LazyFrame[Any]
SCHEMA = pa.schema([("k", pa.int64()), ("i", pa.int32()), ("s", pa.large_string())])
BOUNDS = {"k": (0, 2), "i": (-9, 9)}


@rows
def scaled(frame: Frame, *, by: int = 2, name: str = "z") -> Frame:
    """Multiply."""
    return frame.with_columns((nw.col("i").cast(nw.Int64) * by).alias(name))


@by_key("k")
def summary(frame: Frame) -> Frame:
    return frame.group_by("k").agg(total=nw.col("i").sum(), n=nw.len())


@by_key("k")
def matched(left: Frame, right: Frame) -> Frame:
    return left.join(right.group_by("k").agg(most=nw.col("i").max()), on="k", how="left")


@whole_table
def above_mean(frame: Frame) -> Frame:
    mean = frame.select(mean=nw.col("i").mean())
    return frame.join(mean, how="cross").filter(nw.col("i") > nw.col("mean")).drop("mean")


@rows
def wrong(frame: Frame) -> Any:
    return 3


@rows
def peeking(frame: Frame) -> Frame:
    return frame.with_columns(z=nw.col("i").max())


@given(cut_tables(SCHEMA, bounds=BOUNDS))
def test_law_of_rows(cut: tuple[pa.Table, tuple[int, ...]]) -> None:
    check_row_stage(scaled.bind(by=3, name="日本"), cut[0], cuts=cut[1])  # type: ignore[arg-type]


@given(tables(SCHEMA, bounds=BOUNDS), tables(SCHEMA, bounds=BOUNDS))
def test_law_of_keys(left: pa.Table, right: pa.Table) -> None:
    check_key_stage(summary, left)
    check_key_stage(matched, left, right)


@given(tables(SCHEMA, bounds=BOUNDS))
def test_law_of_whole_tables(table: pa.Table) -> None:
    check_table_stage(above_mean, table)


def test_a_row_function_that_peeks_at_other_rows_is_refused() -> None:
    with pytest.raises(PlanError, match=r"^peeking looks at other rows than its own: max\(\), at "):
        check_row_stage(peeking, pa.table({"i": [1, 2]}))


def test_parameters_are_bound_in_calls_and_binds(engine: str) -> None:
    node = HeldTable(pa.table({"i": [1]})).node()
    made = Pipeline("tried", two=scaled(node), five=scaled(node, by=5), six=scaled.bind(by=6)(node, name="q")).run(engine)
    assert [made[name].to_arrow().to_pylist() for name in made] == [[{"i": 1, "z": 2}], [{"i": 1, "z": 5}], [{"i": 1, "q": 6}]]


def test_name_doc_and_apply() -> None:
    assert scaled.name == "scaled"
    assert scaled.__doc__ == "Multiply."
    assert scaled.apply(pl.DataFrame({"i": [2]})).to_dicts() == [{"i": 2, "z": 4}]
    assert pickle.loads(pickle.dumps(scaled.bind(by=4))).parameters == (("by", 4),)


def test_parameters_that_are_not_there() -> None:
    with pytest.raises(UsageError, match=r"^scaled has no keyword parameter 'nam'\. Did you mean 'name'\? It has 'by', 'name'\.$"):
        scaled.bind(nam="q")
    with pytest.raises(UsageError, match=r"^summary has no keyword parameter 'q'\. It has none\.$"):
        summary.bind(q=1)


def test_numbers_of_tables() -> None:
    node = HeldTable(pa.table({"i": [1], "k": [1]})).node()
    with pytest.raises(
        UsageError, match=r"^matched cannot be called on 1 table\(s\): missing a required argument: 'right'\. It is matched\(left"
    ):
        matched(node)
    with pytest.raises(WiringError, match=r"^scaled takes tables of a pipeline, got DataFrame\. Use \.apply\(frame\) for plain frames\.$"):
        scaled(pl.DataFrame({"i": [1]}))  # type: ignore[arg-type]


def test_function_that_returns_no_frame() -> None:
    with pytest.raises(StageError, match=r"^wrong must return a narwhals frame, got int\. Return the frame it made\.$"):
        wrong.apply(pl.DataFrame({"i": [1]}))


def test_function_that_cannot_be_found_again() -> None:
    @rows
    def hidden(frame: Frame) -> Frame:
        return frame

    message = r"^Expected a stage '.*<locals>\.hidden' in module '.*', found NoneType\. Decorate it at the module's top level\.$"
    with pytest.raises(ArtefactError, match=message):
        pickle.loads(pickle.dumps(hidden))


def test_decorators() -> None:
    with pytest.raises(UsageError, match=r"^by_key expects the key's columns first: @by_key\('loan_id'\)\.$"):
        by_key(lambda frame: frame)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^by_key expects one column name or several, got \[\]\.$"):
        by_key()
    for decorate, name in ((rows, "rows"), (whole_table, "whole_table"), (by_key("k"), "by_key")):
        with pytest.raises(UsageError, match=rf"^@{name} expects a function, got int\.$"):
            decorate(3)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"^@rows expects a function, got RowFunction\.$"):
        rows(scaled)


def test_key_that_is_not_there() -> None:
    with pytest.raises(ColumnError, match=r"^There is no column 'k'\. The columns are 'i'\.$"):
        summary.apply(pl.DataFrame({"i": [1]}))


@whole_table
def named_rows(frame: Frame, names: Frame) -> Frame:
    inner = frame.with_columns(twice=nw.col("k") * 2).join(names, on="k")
    return inner.join(names.select("k", again="name"), left_on="twice", right_on="k", how="left").filter(nw.col("k") >= 0)


@pytest.mark.parametrize("engine_of_one_process", ["cpu", "pandas"])
def test_joins_inside_keep_the_order_where_something_after_depends_on_it(engine_of_one_process: str) -> None:
    frame = pl.DataFrame({"k": range(20_000)}).sample(fraction=1, shuffle=True, seed=1)
    names = pl.DataFrame({"k": range(0, 40_000, 2), "name": range(20_000)}).sample(fraction=1, shuffle=True, seed=2)
    made = named_rows(gp.FromFrame(frame).node(), gp.FromFrame(names).node())
    limited = gp.Pipeline("p", out=gp.Limit(5_000)(made)).run(engine_of_one_process)["out"].to_polars()
    assert limited["k"].to_list() == frame.filter(pl.col("k") % 2 == 0)["k"].to_list()[:5_000]
    assert limited["again"].to_list() == limited["k"].to_list()


def test_a_join_that_says_itself_what_order_it_wants_has_it() -> None:
    def native(frame: Frame, names: Frame) -> Frame:
        return nw.from_native(frame.to_native().join(names.to_native(), on="k", maintain_order="right"))

    frame, names = (pl.DataFrame({"k": range(1000)}).sample(fraction=1, shuffle=True, seed=seed) for seed in (1, 2))
    made = whole_table(native)(gp.FromFrame(frame).node(), gp.FromFrame(names).node())
    assert gp.Pipeline("p", out=gp.Limit(1000)(made)).run("cpu")["out"]["k"].to_list() == names["k"].to_list()
