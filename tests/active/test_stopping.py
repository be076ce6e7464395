"""Rules for stopping, each of which says why."""

from __future__ import annotations

from typing import Any

import pytest

from gpupipe.active.stopping import read_rule
from gpupipe.core.errors import UsageError


def curve(*metrics: float | None, **last: Any) -> list[dict[str, Any]]:
    points = [
        {"round": at, "cost": 10.0 * at, "metric": value, "kappa": None, "best": None, "uncertainty": None}
        for at, value in enumerate(metrics)
    ]
    points[-1].update(last)
    return points


@pytest.mark.parametrize(
    ("rule", "goes_on", "stops", "why"),
    [
        ("budget=20", curve(None, 0.5), curve(None, 0.5, 0.6), "budget=20: 20 was spent"),
        ("metric=0.6", curve(None), curve(None, 0.62), "metric=0.6: 0.62 was reached"),
        ("rounds=2", curve(0.1, 0.2), curve(0.1, 0.2, 0.3), "rounds=2: 2 were answered"),
        ("slope=0.01", curve(0.5, 0.5, 0.505), curve(None, 0.5, 0.5, 0.505, 0.505), "slope=0.01: 0.005 was gained in 3 rounds"),
        ("uncertainty=0.1", curve(0.5, uncertainty=0.2), curve(0.5, uncertainty=0.05), "uncertainty=0.1: the mean score was 0.05"),
        ("score=0.1", curve(0.5, best=0.2), curve(0.5, best=0.05), "score=0.1: the best score was 0.05"),
    ],
)
def test_rules(rule: str, goes_on: Any, stops: Any, why: str) -> None:
    assert read_rule(rule).why(goes_on) is None
    assert read_rule(rule).why(stops) == why
    assert read_rule(rule).why([]) is None


def test_stable_predictions_agree_in_three_rounds() -> None:
    points = curve(0.1, 0.2, 0.3, 0.4)
    for point, kappa in zip(points, (None, 0.995, 0.992, 0.999), strict=True):
        point["kappa"] = kappa
    assert read_rule("stable").why(points[:3]) is None
    assert read_rule("stable").why(points) == "stable=0.99: predictions agreed by a kappa of 0.992 or more in 3 rounds"
    assert read_rule("stable=0.995").why(points) is None


@pytest.mark.parametrize("text", ["bugdet=3", "budget", "budget=0", "budget=x", "rounds=-1", "metric=nan", "stable=0", ""])
def test_what_is_no_rule_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="Expected"):
        read_rule(text)
    with pytest.raises(UsageError, match="Did you mean 'budget'"):
        read_rule("bugdet=3")
