"""Stages tried on empty tables: what their queries show, and errors in gpupipe's words."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, PlanError
from gpupipe.core.schema import Schema
from gpupipe.core.stage import TableStage
from gpupipe.engines._symbolic import VERBS, empty_frame
from gpupipe.engines._tried import keeps_rows, translated

SCHEMA = Schema.of_names({"k": nw.Int64(), "x": nw.Float64()})


@gp.rows
def adds(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.with_columns(y=nw.col("x") * 2).select("k", "y")


@gp.rows
def filters(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.filter(nw.col("x") > 0)


@gp.rows
def reduces(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.select(nw.col("x").sum())


@gp.by_key("k")
def windows(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.with_columns(y=nw.col("x").max().over("k"))


@gp.by_key("k")
def groups(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.group_by("k").agg(nw.col("x").max())


@gp.by_key("k")
def collected(frame: nw.LazyFrame) -> nw.LazyFrame:
    return frame.collect().filter(nw.col("x") > 0).lazy()


@pytest.mark.parametrize(
    ("stage", "kept"),
    [(adds, True), (collected, False), (windows, True), (filters, False), (reduces, False), (groups, False), (gp.SortRows("x"), False)],
)
def test_a_query_shows_whether_it_keeps_the_rows(stage: TableStage, kept: bool) -> None:
    assert keeps_rows(stage, stage.run(VERBS, empty_frame(SCHEMA)), [SCHEMA]) is kept


def test_a_missing_column_becomes_a_column_error() -> None:
    def run() -> None:
        raise nw.exceptions.ColumnNotFoundError('unable to find column "xx"; valid columns: ["k", "x"]')

    with pytest.raises(ColumnError, match="There is no column 'xx'. Did you mean 'x'"):
        translated(run, [SCHEMA])


def test_any_other_error_says_what_it_was_tried_on() -> None:
    with pytest.raises(
        PlanError, match=r"ZeroDivisionError: division by zero\nThe stage was tried on empty tables with the columns 'k' \(Int64\), 'x' \("
    ):
        translated(lambda: 1 / 0, [SCHEMA])


def test_gpupipes_own_errors_pass() -> None:
    def run() -> None:
        raise ColumnError("mine")

    with pytest.raises(ColumnError, match="^mine$"):
        translated(run, [SCHEMA])
