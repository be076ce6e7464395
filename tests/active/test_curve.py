"""Areas under learning curves and what it costs to come somewhere, against scikit-learn's area and sums by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import auc

from gpupipe.active.curve import area_under, cost_to
from gpupipe.core.errors import UsageError


def test_area_is_scikit_learns_over_the_width() -> None:
    chance = np.random.default_rng(0)
    costs, metrics = np.cumsum(chance.random(20)), chance.random(20)
    assert area_under(costs, metrics) == pytest.approx(auc(costs, metrics) / (costs[-1] - costs[0]))
    longer = auc([*costs, costs[-1] + 5], [*metrics, metrics[-1]]) / (costs[-1] + 5 - costs[0])
    assert area_under(costs, metrics, costs[-1] + 5) == pytest.approx(longer)
    assert area_under([0, 10, 20], [0.0, 1.0, np.nan], 5) == pytest.approx(0.25)


def test_cost_to_is_where_the_line_crosses() -> None:
    costs, metrics = [0, 10, 20, 30], [0.2, 0.6, 0.5, 1.0]
    assert cost_to(costs, metrics, 0.1) == 0
    assert cost_to(costs, metrics, 0.6) == pytest.approx(10)
    assert cost_to(costs, metrics, 0.75) == pytest.approx(25)
    assert cost_to(costs, metrics, 1.1) is None


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(UsageError, match="costs that ascend"):
        area_under([1, 0], [1.0, 1.0])
    with pytest.raises(UsageError, match="as many costs as metrics"):
        cost_to([1], [1.0, 2.0], 1)
    with pytest.raises(UsageError, match="one point or more"):
        area_under([1], [np.nan])
