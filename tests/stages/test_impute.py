from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression

import gpupipe as gp
from gpupipe.core.errors import DtypeError, UsageError


@pytest.mark.parametrize("how", ["mean", "median", "most_frequent"])
def test_as_scikit_learn_does(how: Any) -> None:
    chance = np.random.default_rng(0)
    rows = chance.integers(-4, 5, (101, 3)).astype(float)
    rows[chance.random(rows.shape) < 0.2] = np.nan
    theirs = SimpleImputer(strategy=how, add_indicator=True).fit(rows)
    frame = pl.DataFrame(rows, schema=["a", "b", "c"]).with_columns(pl.all().fill_nan(None).cast(pl.Int32))
    made = gp.Impute(["a", "b", "c"], how, indicator=True).fit_plain(frame).apply(frame)
    np.testing.assert_allclose(made.to_numpy().astype(float), theirs.transform(rows), rtol=1e-15)


def test_text_and_booleans() -> None:
    frame = pl.DataFrame({"s": ["b", "a", None, "b", "a"], "f": [True, None, False, True, None]})
    theirs = SimpleImputer(strategy="most_frequent", missing_values=None).fit(frame.select("s").to_numpy())
    made = gp.Impute(gp.columns(["text", "boolean"]), "most_frequent").fit_plain(frame).apply(frame)
    assert made["s"].to_list() == theirs.transform(frame.select("s").to_numpy())[:, 0].tolist()
    assert made["f"].to_list() == [True, True, False, True, True]


def test_nothing_is_missing_afterwards_and_the_plan_knows() -> None:
    table = gp.FromFrame(pl.DataFrame({"x": [1, None]})).node()
    result = gp.Pipeline("p", out=gp.Impute("x", value=0).fit(table)(table)).run()
    assert result["out"].to_dict(as_series=False) == {"x": [1, 0]}


def test_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^Impute expects 'mean', 'median' or 'most_frequent', got 'forward'\. A key's last"):
        gp.Impute("x", "forward")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"got 'constant'\. Give the constant as value=\.$"):
        gp.Impute("x", "constant")  # type: ignore[arg-type]
    with pytest.raises(DtypeError, match=r"^Impute expects a value that column 'x' of dtype Int64 can hold, got 'a'\.$"):
        gp.Impute("x", value="a").fit_plain(pl.DataFrame({"x": [1]}))
    with pytest.raises(DtypeError, match=r"^Impute's 'mean' expects numbers, got String in column 's'\."):
        gp.Impute("s").fit_plain(pl.DataFrame({"s": ["a"]}))


def test_what_is_imputed_is_missing_no_longer_for_an_estimator_that_takes_no_missing_values() -> None:
    table = gp.FromFrame(pl.DataFrame({"x": [1.0, None, 3.0], "y": [1.0, 2.0, 3.0]})).node()
    imputed = gp.Impute("x").fit(table)(table)
    model = gp.Learn(LinearRegression(), features=["x"], target="y").fit(imputed)
    assert gp.Pipeline("p", model=model).run("cpu")["model"].model.coef_.tolist() == pytest.approx([1.0])
