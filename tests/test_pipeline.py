"""Pipelines: outputs, results, drawings."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import UsageError, WiringError

FRAME = pl.DataFrame({"a": [1, 2, 3]})


def table() -> gp.core.node.Table:
    return gp.FromFrame(FRAME).node()


def test_nested_outputs_come_back_nested(engine: str) -> None:
    rows = table()
    pipeline = gp.Pipeline("p", {"sums": {"a": gp.Scalar(nw.col("a").sum())(rows), "n": gp.Scalar(nw.len())(rows)}}, rows=rows)
    result = pipeline.run(engine)
    assert result["sums"] == {"a": 6, "n": 3}
    assert result.report["outputs"]["rows"] == {"rows": 3, "columns": 1, "path": None}


def test_two_outputs_with_one_name_are_refused() -> None:
    rows = table()
    with pytest.raises(WiringError, match="Two outputs are called 'out'"):
        gp.Pipeline("p", {"out": rows}, out=rows)


def test_an_output_must_be_a_node() -> None:
    with pytest.raises(WiringError, match="Output 'out' must be a node of the pipeline, got int"):
        gp.Pipeline("p", out=3)


def test_a_pipeline_needs_a_name_and_an_output() -> None:
    with pytest.raises(UsageError, match="expects a name first"):
        gp.Pipeline("", out=table())
    with pytest.raises(UsageError, match="expects a name first"):
        gp.Pipeline(out=table())
    with pytest.raises(UsageError, match="expects at least one output"):
        gp.Pipeline("p")
    with pytest.raises(UsageError, match=r"expects its outputs by keyword, or as mappings, got 'Table': Pipeline\('p', model=model\)"):
        gp.Pipeline("p", table())  # type: ignore[arg-type]


def test_a_result_prints_its_tables() -> None:
    wide = pl.DataFrame({f"column_{number}": [number] * 7 for number in range(30)})
    told = str(gp.Pipeline("p", rows=gp.FromFrame(wide).node(), total=gp.Scalar(nw.len())(table())).run())
    assert told.startswith("<Result of 'p' on ") and "rows: 7 rows × 30 columns" in told and "│ 0        ┆" in told and "total: 3" in told


def test_an_unknown_output_suggests_the_nearest() -> None:
    result = gp.Pipeline("p", total=gp.Scalar(nw.len())(table())).run()
    with pytest.raises(KeyError, match="Did you mean 'total'"):
        result["totl"]


def test_a_node_has_no_truth_value() -> None:
    with pytest.raises(WiringError, match="has no truth value"):
        bool(table())


def test_it_draws_itself() -> None:
    pipeline = gp.Pipeline("p", out=table() >> gp.Filter(nw.col("a") > 1))
    assert "FromFrame" in str(pipeline) and str(pipeline) == str(pipeline.plan())
    assert pipeline._repr_svg_().startswith("<svg")
    assert repr(pipeline) == "<Pipeline 'p': 2 nodes, outputs 'out'>"


def test_running_twice_gives_the_same(engine: str) -> None:
    pipeline = gp.Pipeline("p", out=gp.SortRows("a")(table()))
    assert pipeline.run(engine)["out"].to_arrow().equals(pipeline.run(engine)["out"].to_arrow())
