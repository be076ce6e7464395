from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.preprocessing import KBinsDiscretizer

import gpupipe as gp
from gpupipe.core.errors import UsageError


@pytest.mark.parametrize(("by", "strategy"), [("quantile", "quantile"), ("width", "uniform")])
def test_as_scikit_learn_does(by: Any, strategy: str) -> None:
    train, test = np.random.default_rng(0).lognormal(0, 1, (2, 501, 1))
    theirs = KBinsDiscretizer(7, encode="ordinal", strategy=strategy, quantile_method="linear", subsample=None).fit(train)
    fitted = gp.Discretize("a", n_bins=7, by=by).fit_plain(pl.DataFrame(train, schema=["a"]))
    assert fitted.edges[0] == tuple(theirs.bin_edges_[0][1:-1])
    np.testing.assert_array_equal(fitted.apply(pl.DataFrame(test, schema=["a"])).to_numpy(), theirs.transform(test))


def test_ranges_between_equal_edges_fall_away() -> None:
    frame = pl.DataFrame({"x": [0] * 9 + [1]})
    assert gp.Discretize("x", n_bins=5).fit_plain(frame).apply(frame)["x"].unique().to_list() == [0]


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^Discretize expects n_bins >= 2 and by 'quantile' or 'width', got 1 and 'quantile'\.$"):
        gp.Discretize("x", n_bins=1)
