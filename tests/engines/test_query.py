"""A version of Polars' tree that is not known costs columns, and no answer."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.cli.findings import tree_problems
from gpupipe.engines import _query


def test_this_tree_is_known() -> None:
    assert tree_problems() == []


def read_by(pipeline: gp.Pipeline) -> set[str]:
    """Return the columns that are read of the source."""
    return {name for step in pipeline.plan().steps if step.reading is not None for name in step.reading.columns}


def test_an_unknown_tree_reads_more_and_answers_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pl.DataFrame({"k": ["a", "b", "a"], "x": [1, 2, 3], "unread": [0, 0, 0]})

    @gp.rows
    def doubled(frame: nw.LazyFrame) -> nw.LazyFrame:
        return frame.with_columns(y=nw.col("x") * 2)

    def pipeline() -> gp.Pipeline:
        return gp.Pipeline("p", out=doubled(gp.FromFrame(rows).node()) >> gp.GroupBy("k", y=nw.col("y").sum()) >> gp.SortRows("k"))

    known = read_by(pipeline())
    answer = pipeline().run("cpu")["out"]
    monkeypatch.setattr(_query, "KNOWN_VERSIONS", frozenset())
    assert (known, read_by(pipeline())) == ({"k", "x"}, {"k", "x", "unread"})
    assert pipeline().run("cpu")["out"].to_native().equals(answer.to_native())
    (problem,) = tree_problems()
    assert f"Polars {pl.__version__}" in problem["what"]
