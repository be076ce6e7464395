from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

import gpupipe as gp
from gpupipe.core.errors import ColumnError, StageError, UsageError


@pytest.mark.parametrize("drop_first", [True, False])
def test_as_scikit_learn_does(drop_first: bool) -> None:
    words = np.random.default_rng(0).choice(["pro", "basic", "é"], (60, 2)).astype(object)
    theirs = OneHotEncoder(drop="first" if drop_first else None, sparse_output=False).fit(words)
    frame = pl.DataFrame(words.tolist(), schema=["a", "b"], orient="row")
    made = gp.OneHot(["a", "b"], drop_first=drop_first).fit_plain(frame).apply(frame)
    assert made.columns == theirs.get_feature_names_out(["a", "b"]).tolist()
    np.testing.assert_array_equal(made.to_numpy(), theirs.transform(words))


def test_rare_and_unseen_categories_as_scikit_learn_does() -> None:
    train, test = [["a"]] * 5 + [["b"]] * 2 + [["c"]], [["a"], ["b"], ["c"], ["new"]]
    theirs = OneHotEncoder(min_frequency=2, max_categories=2, handle_unknown="infrequent_if_exist", sparse_output=False).fit(train)
    fitted = gp.OneHot("x", min_count=2, max_categories=1, rare=True).fit_plain(pl.DataFrame(train, schema=["x"], orient="row"))
    made = fitted.apply(pl.DataFrame(test, schema=["x"], orient="row"))
    np.testing.assert_array_equal(made.to_numpy(), theirs.transform(test))
    assert made.columns == ["x_a", "x_rare"]


def test_its_columns_are_used_before_they_are_known(engine: str) -> None:
    frame = pl.DataFrame({"plan": ["basic", "pro", None, "pro"] * 5, "x": range(20), "y": [0, 1, 0, 1] * 5})
    table = gp.FromFrame(frame).node()
    encoded = gp.OneHot("plan").fit(table)(table)
    model = gp.Learn(LogisticRegression(), target="y", features=["plan_basic", "plan_pro"]).fit(encoded)
    result = gp.Pipeline("p", out=gp.Select("plan_pro", "prediction")(model(encoded))).run(engine)
    assert result["out"].to_arrow().to_pylist() == [{"plan_pro": flag, "prediction": flag} for flag in [0, 1, 0, 1] * 5]


def test_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^OneHot expects min_count and max_categories from 1 on, got 0 and None\.$"):
        gp.OneHot("x", min_count=0)
    with pytest.raises(StageError, match=r"^OneHot expects categories that give names of their own, got 'x_a_b' more than once"):
        gp.OneHot("x").fit_plain(pl.DataFrame({"x": ["a b", "a_b"]}))
    frame = pl.DataFrame({"x": ["a"], "x_a": [1]})
    with pytest.raises(ColumnError, match=r"^OneHot expects new names for its columns, got 'x_a', there already"):
        gp.OneHot("x").fit_plain(frame).apply(frame)
