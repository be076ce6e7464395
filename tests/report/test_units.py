from __future__ import annotations

import pytest

from gpupipe.report.units import bytes_text, number_text, seconds_text


@pytest.mark.parametrize("seconds", [0.000_999_9, 0.009_949, 0.999_6, 9.96, 59.949, 59.951, 3599.4, 3599.6, 1e7])
def test_a_duration_never_shows_a_full_unit_of_the_next_kind(seconds: float) -> None:
    told = seconds_text(seconds)
    assert not told.startswith(("1000", "60"))
    assert " 60 " not in told


@pytest.mark.parametrize(("size", "told"), [(999.6, "1000 B"), (1e3, "1.0 kB"), (99_950, "100 kB"), (1e18, "1000 PB"), (-2e6, "-2.0 MB")])
def test_bytes_at_the_rims_of_their_units(size: float, told: str) -> None:
    assert bytes_text(size) == told


def test_numbers_that_are_none() -> None:
    assert [number_text(value) for value in (float("inf"), float("-inf"), -0.5, 0.0)] == ["∞", "-∞", "-0.5000", "0.0000"]
    assert bytes_text(float("nan")) == seconds_text(float("nan")) == "–"
