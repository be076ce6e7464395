"""What was kept of a result for the report is believed only where a page can show it."""

from __future__ import annotations

from typing import Any

import pytest

from gpupipe.report.descriptions import is_description

MODEL = {"estimator": "Ridge", "parameters": {"alpha": 1}, "features": ["a"], "importance": [["a", 1.0]], "history": {"rmse": [1.0, None]}}
CURVE = {"kind": "roc", "x": [0.0, 1.0], "y": [0.0, None], "auc": 0.5}


def test_what_gpupipe_writes_is_one() -> None:
    assert is_description({}) and is_description({"models": [MODEL], "curves": [CURVE], "cards": []})


@pytest.mark.parametrize(
    "given",
    [
        None,
        {"other": []},
        {"models": [{**MODEL, "estimator": 3}]},
        {"models": [{**MODEL, "importance": [["a"]]}]},
        {"models": [{**MODEL, "history": {"rmse": "x"}}]},
        {"curves": [{**CURVE, "x": ["0"]}]},
        {"curves": [CURVE, None]},
        {"cards": {"title": "x"}},
    ],
)
def test_what_a_page_cannot_show_is_none(given: Any) -> None:
    assert not is_description(given)
