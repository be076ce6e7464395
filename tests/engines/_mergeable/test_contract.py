"""The loop over blocks in one process: what the contract means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from gpupipe.engines._mergeable.choose import mergeable
from gpupipe.engines._mergeable.contract import EstimatorFit, fit_in_parts


@pytest.mark.parametrize("estimator", [LinearRegression(), LogisticRegression(C=0.1, tol=1e-6)], ids=repr)
def test_the_loop_fits_in_one_pass_and_in_several(estimator: Any, features: Any, labels: Any) -> None:
    fit, target = mergeable(estimator), labels["booleans"]
    assert fit is not None
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    blocks = [(scaled[rows], target[rows], None) for rows in np.split(np.arange(len(features)), [0, 1, 50, 50])]
    np.testing.assert_allclose(fit_in_parts(fit, iter(blocks)).coef_, estimator.fit(scaled, target).coef_, rtol=1e-6)


def test_the_same_order_of_blocks_gives_the_same_bits(features: Any, numbers: Any) -> None:
    fit = mergeable(LinearRegression())
    assert fit is not None
    blocks = [(features[rows], numbers[rows], None) for rows in np.split(np.arange(len(features)), [33, 50])]
    one, other = (fit_in_parts(fit, blocks).coef_.tobytes() for _ in range(2))
    assert one == other


def test_blocks_are_left_as_they_were(features: Any, numbers: Any, weights: Any) -> None:
    fit = mergeable(LinearRegression())
    assert fit is not None
    block = (features.copy(), numbers.copy(), weights.copy())
    fit.measure(fit.start(4), *block)
    for before, after in zip((features, numbers, weights), block, strict=True):
        np.testing.assert_array_equal(before, after)


def test_the_contract_is_abstract() -> None:
    with pytest.raises(TypeError, match="abstract"):
        EstimatorFit(LinearRegression())  # type: ignore[abstract]
