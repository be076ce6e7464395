"""Every metric has one name and is of one kind of column; what computes them is held to the names in the tests of `Evaluate`."""

from __future__ import annotations

from gpupipe.core import metrics


def test_no_metric_is_of_two_kinds() -> None:
    assert len(set(metrics.METRICS)) == len(metrics.METRICS) == 26
    assert set(metrics.OF_CLASSES) < set(metrics.OF_PROBABILITY)
