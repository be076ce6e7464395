"""Tensors of tables: labels, missing cells, cells of several rows, and what is refused."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, PlanError, StageError, UsageError
from gpupipe.testing.tasks import check_task

ROWS = pl.DataFrame(
    {
        "place": ["b", "a", "b", "c"],
        "day": [date(2020, 1, 2), date(2020, 1, 1), date(2020, 1, 1), date(2020, 1, 5)],
        "hour": [0, 1, 1, 0],
        "x": [1.5, 2.0, -3.0, 0.0],
    }
)
DIMS = ["place", "day", "hour"]


def pivoted() -> Any:
    """Return the tensor as Polars' own pivots have it."""
    wide = ROWS.with_columns(column=pl.concat_str("day", pl.lit("/"), "hour")).pivot("column", index="place", values="x").sort("place")
    days, hours = sorted(set(ROWS["day"])), [0, 1]
    names = [f"{day}/{hour}" for day in days for hour in hours]
    full = [wide[name].to_numpy() if name in wide.columns else np.full(3, np.nan) for name in names]
    return np.stack(full, axis=1).reshape(3, 3, 2)


def test_law(engine: str) -> None:
    made = check_task(gp.ToTensor(DIMS, "x"), ROWS, engines=("cpu", engine))
    np.testing.assert_array_equal(made.values, pivoted())
    np.testing.assert_array_equal(made.mask, ~np.isnan(pivoted()))
    assert [frame[frame.columns[0]].to_list() for frame in made.labels] == [sorted(set(ROWS[name])) for name in DIMS]
    assert made.dims == tuple(DIMS)


def test_fill_and_dtype(engine: str) -> None:
    made = check_task(gp.ToTensor(DIMS, "x", fill=0), ROWS.cast({"x": pl.Float32}), engines=("cpu", engine))
    np.testing.assert_array_equal(made.values, np.nan_to_num(pivoted()).astype(np.float32))
    assert made.mask is None
    assert made.values.dtype == np.float32


def test_sparse(engine: str) -> None:
    made = check_task(gp.ToTensor(DIMS, "x", sparse=True), ROWS, engines=("cpu", engine))
    dense = np.zeros(made.shape)
    dense[tuple(made.coordinates)] = made.values
    np.testing.assert_array_equal(dense, np.nan_to_num(pivoted()))
    assert made.spec.sparse


@pytest.mark.parametrize(("rule", "value"), [("sum", 6.0), ("mean", 2.0), ("last", 1.0)])
def test_cells_of_several_rows(rule: Any, value: float, engine: str) -> None:
    rows = pl.DataFrame({"a": [0, 0, 0, 1], "b": [0, 0, 0, 1], "x": [2.0, 3.0, 1.0, 9.0]})
    table = gp.FromFrame(rows).node()
    made = gp.Pipeline("folded", made=gp.ToTensor(["a", "b"], "x", fill=0, duplicates=rule)(table)).run(engine)["made"]
    if engine != "dask" or rule != "last":  # rows of blocks have no order
        assert made.values.tolist() == [[value, 0.0], [0.0, 9.0]]
    with pytest.raises(StageError, match=r"one row for each cell, got 2 more, at a=0, b=0 for one\. Aggregate them first"):
        gp.Pipeline("twice", made=gp.ToTensor(["a", "b"], "x")(table)).run(engine)


def test_missing_values_are_missing_cells_and_missing_labels_an_error(engine: str) -> None:
    rows = pl.DataFrame({"a": ["u", "v"], "b": [1, 2], "x": [None, 1.0]})
    made = gp.Pipeline("gaps", made=gp.ToTensor(["a", "b"], "x", fill=-1)(gp.FromFrame(rows).node())).run(engine)["made"]
    assert made.values[-1, -1] == 1.0
    with pytest.raises(StageError, match="a label in every row of 'a', got 1 missing"):
        gp.Pipeline("gaps", made=gp.ToTensor(["a", "b"], "x")(gp.FromFrame(rows.with_columns(a=pl.Series([None, "v"]))).node())).run(engine)


def test_what_is_refused_before_a_row_is_read() -> None:
    table = gp.FromFrame(ROWS).node()
    for stage, error, match in [
        (gp.ToTensor(["place", "month"], "x"), ColumnError, "'month'"),
        (gp.ToTensor(["place", "day"], "place2"), ColumnError, "'place2'"),
        (gp.ToTensor(["day", "hour"], "place"), DtypeError, "ToTensor's value expects numbers"),
        (gp.ToTensor(["x", "hour"], "hour2"), ColumnError, "hour2"),
        (gp.ToTensor(["day", "x"], "hour"), PlanError, "labels that can be equal, got Float64 in 'x'"),
    ]:
        with pytest.raises(error, match=match):
            gp.Pipeline("refused", made=stage(table)).check()
    with pytest.raises(UsageError, match="different columns"):
        gp.ToTensor(["a", "a"], "x")
    with pytest.raises(UsageError, match="A sparse tensor's other cells are zero, got fill=1"):
        gp.ToTensor(["a", "b"], "x", sparse=True, fill=1)
    with pytest.raises(UsageError, match="duplicates='first'"):
        gp.ToTensor(["a", "b"], "x", duplicates="first")  # type: ignore[arg-type]


def test_a_tensor_larger_than_memory_is_refused_before_it_is_made() -> None:
    n = 3000
    rows = pl.DataFrame({"a": np.arange(n), "b": np.arange(n), "c": np.arange(n), "x": np.ones(n)})
    with pytest.raises(StageError, match=r"shape \(3000, 3000, 3000\) needs 216,000,000,000 bytes, .* 1.11e-05 % of its"):
        gp.ToTensor(["a", "b", "c"], "x", fill=0).apply(rows)
    assert len(gp.ToTensor(["a", "b", "c"], "x", sparse=True).apply(rows).values) == n


def test_report_tells_of_the_tensor(engine: str) -> None:
    report = gp.Pipeline("told", made=gp.ToTensor(DIMS, "x")(gp.FromFrame(ROWS).node())).run(engine).report
    facts = report["stages"][1]["facts"]
    assert (facts["shape"], facts["cells"], facts["present"]) == ("3 place x 3 day x 2 hour", 18, 0.222222)


def test_gaps_of_a_grid_are_missing_cells(engine: str) -> None:
    """Pandas' own reindexing by a date range gives the same."""
    made = check_task(gp.ToTensor(["place", "day", "hour"], "x", every={"day": "1d", "hour": 1}), ROWS, engines=("cpu", engine))
    days = pd.date_range("2020-01-01", "2020-01-05", freq="1D")
    wide = ROWS.to_pandas().set_index(["place", "hour", "day"])["x"].unstack("day").reindex(columns=days)
    wanted = wide.reindex(pd.MultiIndex.from_product([["a", "b", "c"], [0, 1]])).to_numpy().reshape(3, 2, 5).transpose(0, 2, 1)
    np.testing.assert_array_equal(made.values, wanted)
    assert made.labels[1]["day"].to_list() == days.date.tolist()
    assert made.shape == (3, 5, 2)


@pytest.mark.parametrize(
    ("dtype", "step", "first", "last", "n"),
    [
        (pl.Datetime("us"), "15m", datetime(2020, 1, 1, 0, 30), datetime(2020, 1, 1, 2, 45), 10),
        (pl.Datetime("ms"), "1h", datetime(2020, 1, 1), datetime(2020, 1, 2), 25),
        (pl.Datetime("ns", "UTC"), "2d", datetime(2020, 1, 1, 6), datetime(2020, 1, 11, 6), 6),
        (pl.Datetime("us"), "1mo", datetime(2019, 11, 3, 7), datetime(2020, 2, 3, 7), 4),
        (pl.Date, "1q", date(2019, 10, 1), date(2020, 7, 1), 4),
        (pl.Date, "1y", date(2019, 10, 1), date(2021, 10, 1), 3),
        (pl.Date, "1w", date(2020, 1, 1), date(2020, 1, 22), 4),
        (pl.Int32, 5, -5, 10, 4),
    ],
)
def test_steps_of_every_kind(dtype: Any, step: Any, first: Any, last: Any, n: int, engine: str) -> None:
    time = pl.Series("t", [first, last]).cast(dtype)
    rows = pl.DataFrame({"t": time, "a": [0, 0], "x": [1.0, 2.0]})
    made = check_task(gp.ToTensor(["t", "a"], "x", every={"t": step}), rows, engines=("cpu", engine))
    if isinstance(step, int):
        wanted = pl.Series("t", range(first, last + 1, step), pl.Int32)
    else:
        between = pl.date_range if dtype == pl.Date else pl.datetime_range
        wanted = between(first, last, step, eager=True).alias("t").cast(dtype)
    assert len(wanted) == n
    assert pl.from_arrow(made.labels[0].to_arrow())["t"].cast(dtype).to_list() == wanted.to_list()
    assert made.mask[:, 0].tolist() == [True, *[False] * (n - 2), True]


def test_what_lies_off_a_grid_is_refused_with_its_place(engine: str) -> None:
    times = [datetime(2020, 1, 1), datetime(2020, 1, 1, 1), datetime(2020, 1, 1, 1, 59)]
    table = gp.FromFrame(pl.DataFrame({"t": times, "a": [0, 1, 2], "x": [1.0, 2.0, 3.0]})).node()
    with pytest.raises(StageError, match=r"every '1h' along 't', from 2020-01-01T00:00.* got 1 off that grid, 2020-01-01T01:59"):
        gp.Pipeline("off", made=gp.ToTensor(["t", "a"], "x", every={"t": "1h"})(table)).run(engine)
    days = gp.FromFrame(pl.DataFrame({"t": [date(2020, 1, 31), date(2020, 2, 29)], "a": [0, 1], "x": [1.0, 2.0]})).node()
    with pytest.raises(StageError, match=r"every '1mo' along 't', from 2020-01-31 on, got 1 off that grid, 2020-02-29 for one\. Round"):
        gp.Pipeline("off", made=gp.ToTensor(["t", "a"], "x", every={"t": "1mo"})(days)).run(engine)
    far = gp.FromFrame(pl.DataFrame({"t": [0, 2**40], "a": [0, 1], "x": [1.0, 2.0]})).node()
    with pytest.raises(StageError, match=r"has 1,099,511,627,777 labels\. Choose a coarser step"):
        gp.Pipeline("far", made=gp.ToTensor(["t", "a"], "x", every={"t": 1}, sparse=True)(far)).run(engine)
    wide = gp.FromFrame(pl.DataFrame({**{name: [0, 2**22] for name in "abc"}, "x": [1.0, 2.0]})).node()
    with pytest.raises(StageError, match="more cells than 64 bits can number"):
        gp.Pipeline("wide", made=gp.ToTensor([*"abc"], "x", every=dict.fromkeys("abc", 1), sparse=True)(wide)).run("cpu")


def test_steps_that_do_not_fit_are_refused() -> None:
    table = gp.FromFrame(ROWS).node()
    for every, match in [
        ({"day": "1h"}, "every\\['day'\\] is '1h', and the labels are Date, which take days, weeks, months or years"),
        ({"hour": "1h"}, "the labels are Int64, which take a whole number"),
        ({"day": 1}, "the labels are Date, which take a step of time"),
        ({"place": 1}, "the labels are String, which take no step"),
    ]:
        with pytest.raises(PlanError, match=match):
            gp.Pipeline("refused", made=gp.ToTensor(DIMS, "x", every=every)(table)).check()
    with pytest.raises(UsageError, match=r"every to name dimensions, got 'days'\. Did you mean 'day'\?"):
        gp.ToTensor(DIMS, "x", every={"days": "1d"})
    for step in ("1x", "0d", 0, "d", True, 1.5):
        with pytest.raises(UsageError, match="a step such as '1h'"):
            gp.ToTensor(DIMS, "x", every={"day": step})  # type: ignore[dict-item]
