"""The plan: schemas, pushdown, phases, and errors that say where."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, PlanError, UsageError, WiringError
from gpupipe.core.node import Table
from gpupipe.plan import make_plan, readable

FRAME = pl.DataFrame({"k": [1, 1, 2], "x": [1.0, 2.0, 3.0], "s": ["a", "b", None], "z": [7, 8, 9]})


@pytest.fixture
def table() -> Table:
    return gp.FromFrame(FRAME).node()


@gp.rows
def broken(frame: nw.LazyFrame) -> nw.LazyFrame:
    """Does what no empty table can take."""
    return frame.filter(nw.col("x") > frame.collect()["x"].to_list()[0])


def notes(error: BaseException) -> str:
    return "\n".join(getattr(error, "__notes__", []))


def test_a_missing_column_is_named_with_the_nearest_and_the_line(table: Table) -> None:
    out = table >> gp.WithColumns(y=nw.col("xx") + 1)
    with pytest.raises(ColumnError, match=r"There is no column 'xx'. Did you mean 'x'\? The columns are 'k', 'x', 's', 'z'") as caught:
        make_plan("p", {"out": out})
    assert re.search(rf"In stage WithColumns, wired at .*{Path(__file__).name}:\d+", notes(caught.value))


def test_a_dtype_that_not_every_engine_has_is_refused(table: Table) -> None:
    with pytest.raises(DtypeError, match=r"Column 'e' is Enum\(categories=\['a', 'b'\]\), which not every engine has") as caught:
        make_plan("p", {"out": table >> gp.WithColumns(e=nw.col("s").cast(nw.Enum(["a", "b"])))})
    assert "In stage WithColumns, wired at" in notes(caught.value)


def test_a_missing_column_deep_in_a_function_is_named(table: Table) -> None:
    @gp.rows
    def inner(frame: nw.LazyFrame) -> nw.LazyFrame:
        return frame.with_columns(y=nw.col("x") * nw.col("kk"))

    with pytest.raises(ColumnError, match="There is no column 'kk'") as caught:
        make_plan("p", {"out": inner(table)})
    assert "In stage inner" in notes(caught.value)


def test_an_error_of_the_function_itself_says_what_it_was_tried_on(table: Table) -> None:
    with pytest.raises(PlanError, match=r"IndexError: list index out of range\s+The stage was tried on empty tables with the columns 'k'"):
        make_plan("p", {"out": broken(table)})


def test_a_wrong_dtype_is_found_before_anything_is_read(table: Table) -> None:
    with pytest.raises(DtypeError, match="Standardize expects numbers, got String in column 's'"):
        make_plan("p", {"fit": gp.Standardize("s").fit(table)})


def test_text_and_a_number_are_told_with_their_columns(table: Table) -> None:
    with pytest.raises(PlanError) as caught:
        make_plan("p", {"out": gp.WithColumns(y=nw.col("s") + nw.col("x"))(table)})
    told = str(caught.value)
    assert "Resolved plan" not in told
    assert "'s' (String)" in told
    assert len(told.splitlines()) == 2


def test_an_expression_on_the_wrong_dtype_is_found(table: Table) -> None:
    with pytest.raises(PlanError):
        make_plan("p", {"out": table >> gp.WithColumns(y=nw.col("s") - 1)})


def test_fitted_here_applied_there_must_match(table: Table) -> None:
    scaler = gp.Standardize("x").fit(table)
    other = gp.FromFrame(pl.DataFrame({"q": [1]})).node()
    with pytest.raises(ColumnError, match="There is no column 'x'") as caught:
        make_plan("p", {"out": scaler(other)})
    assert "Standardize.apply" in notes(caught.value)


def test_sources_are_asked_for_the_columns_and_rows_that_are_needed(table: Table) -> None:
    plan = make_plan("p", {"n": gp.Scalar(nw.col("x").sum())(table >> gp.Filter(nw.col("k") > 1))})
    reading = plan.steps[0].reading
    assert reading is not None
    assert set(reading.columns) == {"k", "x"}
    assert readable(str(reading.predicate)) == "(k) > (1)"


def test_two_consumers_get_the_union_of_columns_and_no_filter_where_one_needs_all(table: Table) -> None:
    kept = gp.Scalar(nw.col("x").sum())(table >> gp.Filter(nw.col("k") > 1))
    whole = gp.Scalar(nw.col("z").max())(table)
    reading = make_plan("p", {"a": kept, "b": whole}).steps[0].reading
    assert reading is not None
    assert set(reading.columns) == {"k", "x", "z"}
    assert reading.predicate is None


def test_filters_of_two_consumers_are_joined_by_or(table: Table, engine: str) -> None:
    low = gp.Scalar(nw.col("x").sum())(table >> gp.Filter(nw.col("k") == 1))
    high = gp.Scalar(nw.col("x").sum())(table >> gp.Filter(nw.col("k") == 2))
    pipeline = gp.Pipeline("p", low=low, high=high)
    reading = pipeline.plan().steps[0].reading
    assert reading is not None and reading.predicate is not None
    assert dict(pipeline.run(engine)) == {"low": 3.0, "high": 3.0}


def test_a_column_that_is_named_but_not_needed_is_still_there_in_the_run(table: Table, engine: str) -> None:
    @gp.by_key("k")
    def grouped(frame: nw.LazyFrame) -> nw.LazyFrame:
        return frame.group_by("k").agg(nw.col("z").max(), nw.col("x").max())

    pipeline = gp.Pipeline("p", n=gp.Scalar(nw.len())(grouped(table)))
    assert pipeline.run(engine)["n"] == 2
    reading = pipeline.plan().steps[0].reading
    assert reading is not None and set(reading.columns) == {"k", "x", "z"}


def test_nullability_is_carried_along() -> None:
    source = gp.FromFrame(FRAME).node()
    filled = source >> gp.FillNull({"s": "none"}) >> gp.Rename(s="t")
    plan = make_plan("p", {"out": filled})
    schema = plan.steps[-1].schema
    assert schema is not None and not schema["t"].nullable


def test_phases_follow_the_barriers(table: Table) -> None:
    scaler = gp.Standardize("x").fit(table)
    scaled = scaler(table)
    plan = make_plan("p", {"out": scaled, "again": gp.Standardize("x").fit(scaled)})
    assert [(step.stage.name, step.phase) for step in plan.steps] == [
        ("FromFrame", 0),
        ("Standardize", 0),
        ("Standardize.apply", 1),
        ("Standardize", 1),
    ]


def test_what_only_a_later_phase_needs_is_put_off_with_all_that_it_is_made_of(table: Table) -> None:
    limit = gp.Scalar(nw.col("x").mean())(table)
    other = gp.FromFrame(FRAME.select("k", "z")).node() >> gp.Filter(nw.col("z") > 7) >> gp.Rename(z="y")
    shared = table >> gp.Select("k")
    high = table >> gp.Filter(nw.col("x") > limit)
    plan = make_plan("p", {"out": gp.Join("k")(high, other, shared), "limit": limit})
    phases = {step.stage.name: step.phase for step in plan.steps}
    assert phases["Filter(col(z) > 7)"] == phases["Rename"] == 1
    assert [step.phase for step in plan.steps if step.stage.name == "FromFrame"] == [0, 1], "the first one is needed for the mean"
    assert phases["Select"] == 0, "it is made of rows that are read anyway"
    assert all(plan.steps[given].phase <= step.phase for step in plan.steps for given in step.inputs)


def test_a_table_that_a_task_makes_is_there_before_what_is_made_of_it() -> None:
    edges = gp.FromFrame(pl.DataFrame({"a": [1, 2], "b": [2, 3]})).node()
    degrees = gp.Degrees()(gp.ToGraph("a", "b", directed=True)(edges))
    out = degrees >> gp.Rename(a="vertex") >> gp.Select("vertex", "degree")
    plan = make_plan("p", {"out": out})
    assert [(step.stage.name, step.phase) for step in plan.steps][1:] == [("ToGraph", 0), ("Degrees", 1), ("Rename", 2), ("Select", 2)]
    rows = gp.Pipeline("p", out=out).run("cpu")["out"].to_arrow().to_pydict()
    assert rows == {"vertex": [1, 2, 3], "degree": [1, 2, 1]}


def test_an_output_is_not_put_off(table: Table) -> None:
    limit = gp.Scalar(nw.col("x").mean())(table)
    other = gp.FromFrame(FRAME.select("k")).node()
    plan = make_plan("p", {"out": gp.Join("k")(table >> gp.Filter(nw.col("x") > limit), other), "other": other})
    assert [step.phase for step in plan.steps if step.stage.name == "FromFrame"] == [0, 0]


def test_two_sinks_on_one_path_are_refused(table: Table, tmp_path: Path) -> None:
    path = str(tmp_path / "out.parquet")
    with pytest.raises(WiringError, match=r"both write to .*out\.parquet"):
        make_plan("p", {"a": gp.WriteParquet(path)(table), "b": gp.WriteParquet(path)(table >> gp.Drop("x"))})


def test_a_cycle_is_refused(table: Table) -> None:
    one = table >> gp.Drop("x")
    two = one >> gp.Drop("s")
    one.inputs = (two,)
    with pytest.raises(WiringError, match=r"depends on itself"):
        gp.Pipeline("p", out=two)


def test_scalar_that_does_not_reduce_is_refused(table: Table) -> None:
    with pytest.raises(PlanError, match="reduce all rows to one value"):
        make_plan("p", {"n": gp.Scalar(nw.col("x"))(table)})


def test_fifty_stages_are_planned_and_described(table: Table) -> None:
    for number in range(50):
        table = table >> gp.WithColumns(x=nw.col("x") + number)
    plan = gp.Pipeline("p", out=table).plan()
    assert len(plan.as_json()["stages"]) == 51


@pytest.mark.parametrize(("one", "other"), [("out", "out/in.parquet"), ("out/in", "out")])
def test_no_output_lies_in_another(one: str, other: str, table: Table, tmp_path: Path) -> None:
    outputs = {"a": gp.WriteParquet(tmp_path / one)(table), "b": gp.WriteParquet(tmp_path / other)(table)}
    with pytest.raises(WiringError, match=r"one of which lies in the other\. Give one of them another path"):
        make_plan("p", outputs)
    make_plan("p", {"a": gp.WriteParquet(tmp_path / "out")(table), "b": gp.WriteParquet(tmp_path / "outer")(table)})


def test_an_output_has_a_path(table: Table) -> None:
    for sink in (gp.WriteParquet(""), gp.WriteCsv(""), gp.WriteArrow("")):
        with pytest.raises(UsageError, match="Expected the path of an output, got an empty text"):
            make_plan("p", {"out": sink(table)})


def test_what_only_a_run_of_the_query_shows_belongs_to_its_stage(tmp_path: Path) -> None:
    zoned = gp.FromFrame(pl.DataFrame({"t": [datetime(2020, 1, 1)]}, schema={"t": pl.Datetime("us", "Europe/Berlin")})).node()
    early = zoned >> gp.Filter(nw.col("t") < datetime(2020, 1, 1, tzinfo=UTC))
    later = early >> gp.WithColumns(n=nw.lit(1))
    for output in (later, gp.WriteParquet(tmp_path / "out.parquet")(later), gp.Scalar(nw.col("t").max())(later)):
        with pytest.raises(PlanError, match="could not evaluate '<' comparison") as caught:
            make_plan("p", {"out": output})
        assert "In stage Filter" in notes(caught.value)


def test_a_declared_key_is_a_column(tmp_path: Path) -> None:
    FRAME.write_parquet(tmp_path / "a.parquet")
    with pytest.raises(ColumnError, match=r"There is no column 'kk'\. Did you mean 'k'\?"):
        make_plan("p", {"out": gp.ReadParquet(tmp_path, key="kk").node()})


def test_a_node_by_another_name_is_the_same_step(table: Table) -> None:
    fitted = gp.Standardize("x").fit(table)
    named = fitted.named("scaler")
    plan = make_plan("p", {"a": fitted(table), "b": named(table), "scaler": named, "again": fitted})
    assert [step.stage.name for step in plan.steps] == ["FromFrame", "Standardize", "Standardize.apply", "Standardize.apply"]
    assert plan.outputs["scaler"] == plan.outputs["again"] == 1 and plan.steps[1].node.label == "scaler"
    other = gp.Standardize("x").fit(table)
    assert len(make_plan("p", {"a": fitted, "b": other}).steps) == 3, "a stage of its own is a step of its own"
