from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.preprocessing import MinMaxScaler

import gpupipe as gp
from gpupipe.core.errors import UsageError


@pytest.mark.parametrize("ends", [(0, 1), (-1.5, 3)])
@pytest.mark.parametrize("clip", [True, False])
def test_as_scikit_learn_does(ends: tuple[float, float], clip: bool) -> None:
    train, test = np.random.default_rng(0).normal(5, 3, (2, 200, 3))
    train[:, 2] = 4
    scaler = MinMaxScaler(ends, clip=clip).fit(train)
    fitted = gp.MinMaxScale(["a", "b", "c"], low=ends[0], high=ends[1], clip=clip).fit_plain(pl.DataFrame(train, schema=["a", "b", "c"]))
    made = fitted.apply(pl.DataFrame(test, schema=["a", "b", "c"])).to_numpy()
    np.testing.assert_array_equal(made, scaler.transform(test))


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^MinMaxScale expects low < high, got low=1, high=1\.$"):
        gp.MinMaxScale("x", low=1, high=1)
