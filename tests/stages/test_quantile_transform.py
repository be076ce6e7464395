from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.preprocessing import QuantileTransformer

import gpupipe as gp
from gpupipe.core.errors import UsageError


@pytest.mark.parametrize("output", ["uniform", "normal"])
def test_as_scikit_learn_does(output: Any) -> None:
    train, test = np.random.default_rng(0).lognormal(0, 1, (2, 500, 2))
    train[:, 1] = np.round(train[:, 1])
    test[:, 1] = np.round(test[:, 1])
    theirs = QuantileTransformer(n_quantiles=50, output_distribution=output, subsample=None).fit(train)
    fitted = gp.QuantileTransform(["a", "b"], n_quantiles=50, output=output, exact=True).fit_plain(pl.DataFrame(train, schema=["a", "b"]))
    np.testing.assert_allclose(np.transpose(fitted.quantiles), theirs.quantiles_, rtol=1e-15)
    made = fitted.apply(pl.DataFrame(test, schema=["a", "b"])).to_numpy()
    np.testing.assert_allclose(made, theirs.transform(test), rtol=1e-9, atol=1e-12)


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^QuantileTransform expects n_quantiles >= 2 and output 'uniform' or 'normal', got 1 and"):
        gp.QuantileTransform("x", n_quantiles=1)


def test_a_constant_is_at_its_lower_end_as_scikit_learn_has_it() -> None:
    frame = pl.DataFrame({"x": [2.0] * 5})
    wanted = QuantileTransformer(n_quantiles=3).fit_transform(frame.to_numpy())[:, 0]
    made = gp.QuantileTransform("x", n_quantiles=3, exact=True).fit_plain(frame).apply(frame)
    assert made["x"].to_list() == wanted.tolist() == [0.0] * 5
