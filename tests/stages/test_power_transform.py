from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.preprocessing import PowerTransformer

import gpupipe as gp
from gpupipe.core.errors import StageError, UsageError


@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
@pytest.mark.parametrize("standardize", [True, False])
def test_as_scikit_learn_does(method: Any, standardize: bool) -> None:
    chance = np.random.default_rng(0)
    rows = np.stack([chance.lognormal(0, 1, 400), chance.gamma(2, 3, 400), chance.uniform(1, 2, 400)], axis=1)
    rows = rows if method == "box-cox" else rows - 1.0
    theirs = PowerTransformer(method=method, standardize=standardize).fit(rows)
    frame = pl.DataFrame(rows, schema=["a", "b", "c"])
    fitted = gp.PowerTransform(["a", "b", "c"], method=method, standardize=standardize).fit_plain(frame)
    np.testing.assert_allclose(fitted.powers, theirs.lambdas_, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(fitted.apply(frame).to_numpy(), theirs.transform(rows), rtol=1e-4, atol=1e-4)


def test_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^PowerTransform expects method 'yeo-johnson' or 'box-cox', got 'boxcox'\.$"):
        gp.PowerTransform("x", method="boxcox")  # type: ignore[arg-type]
    with pytest.raises(StageError, match=r"^PowerTransform expects numbers above 0 for 'box-cox', got 0\.0 in column 'x'\. Use method="):
        gp.PowerTransform("x", method="box-cox").fit_plain(pl.DataFrame({"x": [0, 1]}))
