from __future__ import annotations

import polars as pl
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LinearRegression

import gpupipe as gp
from gpupipe.core.errors import PlanError, UsageError


def test_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^columns expects kinds among 'number', .*, got 'numbers'\. Did you mean 'number'\?$"):
        gp.columns("numbers")
    table = gp.FromFrame(pl.DataFrame({"s": ["a"]})).node()
    with pytest.raises(PlanError, match=r"^Expected columns of kind 'number', got 's: String'\. Name them instead\."):
        gp.Pipeline("p", out=gp.Standardize(gp.columns("number")).fit(table)).check()


def test_a_model_and_drop_take_them_and_others_say_that_they_do_not() -> None:
    frame = pl.DataFrame({"id": [1, 2, 3], "x": [0.0, 1.0, 2.0], "s": ["a", "b", "c"], "y": [1.0, 3.0, 5.0]})
    table = gp.FromFrame(frame).node()
    model = gp.Learn(LinearRegression(), features=gp.columns("number", but="id"), target="y").fit(table)
    result = gp.Pipeline("p", model=model, made=gp.Drop(gp.columns("text"))(model.predict(table))).run("cpu")
    assert result["model"].features == ("x",)
    assert result["made"].columns == ["id", "x", "y", "prediction"]
    clusters = gp.FitPredict(KMeans(2, random_state=0, n_init=1), features=gp.columns("float")).apply(frame)
    assert clusters["cluster"].n_unique() == 2
    with pytest.raises(UsageError, match=r"^Select expects names and expressions, got gp\.columns of kind 'text'\. .*nw\.selectors"):
        gp.Select(gp.columns("text"))
    with pytest.raises(UsageError, match=r"expects one column name or several, got Columns"):
        gp.SortRows(gp.columns("text"))
