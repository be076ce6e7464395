"""Bars in a table: as long as their values, on both sides of zero."""

from __future__ import annotations

import pytest

from gpupipe.report.bars import bars


def test_bars_are_as_long_as_their_values() -> None:
    first, second, third = bars("importance", [("dti", 0.4), ("other", 0.1), ("nothing", 0.0)])["rows"]
    assert first["width"] == 100 and first["width"] == pytest.approx(4 * second["width"]) and third["width"] == 0


def test_negative_bars_run_from_zero_to_the_left() -> None:
    up, down, none = bars("factor", [("up", 3.0), ("down", -1.0), ("none", float("nan"))])["rows"]
    assert up["left"] == down["left"] + down["width"] == none["left"] == 25
    assert up["width"] == 3 * down["width"] and none["width"] == 0
