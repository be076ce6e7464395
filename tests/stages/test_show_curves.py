"""Curves of a table's columns on the page."""

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, PlanError, UsageError
from gpupipe.testing.tasks import check_task

ROWS = pl.DataFrame({"x": [2, 1, 3, 1, None], "y": [0.5, 0.25, None, 4.0, 1.0], "kind": ["a", "a", "a", "b", "b"]})


def test_law() -> None:
    assert check_task(gp.ShowCurves("x", "y", by="kind"), ROWS, any_order=False).rows() == ROWS.rows()


def test_each_kind_has_a_curve_from_left_to_right() -> None:
    result = gp.Pipeline("p", made=gp.ShowCurves("x", "y", by="kind", title="Both")(gp.FromFrame(ROWS).node())).run("cpu")
    (card,) = result.report["cards"]
    (part,) = card["parts"]
    assert (card["title"], part["x"], part["y"]) == ("Both", "x", "y")
    assert part["curves"] == [{"label": "a", "x": [1.0, 2.0], "y": [0.25, 0.5]}, {"label": "b", "x": [1.0], "y": [4.0]}]


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(ColumnError, match="'z'"):
        gp.ShowCurves("x", "z").apply(ROWS)
    with pytest.raises(DtypeError, match="ShowCurves"):
        gp.ShowCurves("x", "kind").apply(ROWS)
    with pytest.raises(PlanError, match="another column than x and y"):
        gp.ShowCurves("x", "y", by="x").apply(ROWS)
    with pytest.raises(UsageError, match="at most 10,000 rows and 8 curves, got 9 and 9"):
        gp.ShowCurves("x", "y", by="kind").apply(pl.DataFrame({"x": range(9), "y": range(9), "kind": list("abcdefghi")}))
