"""The form that is found, on series whose form is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gpupipe.core.errors import UsageError
from gpupipe.forecasts import AutoHoltWinters, HoltWinters


def test_known_forms_are_found(quiet: Callable[..., Any]) -> None:
    times, chance = np.arange(72), np.random.default_rng(0)
    wave = np.sin(times * np.pi / 3)
    rows = np.stack([100 + times * 0.5 + 10 * wave, (100 + 2 * times) * (1 + 0.3 * wave), np.full(72, 50.0), 20 - 10 * wave])
    model = quiet(AutoHoltWinters(6), rows + chance.normal(0, 0.5, rows.shape))
    assert [form.partition(", ")[2] for form in model.forms_] == [
        "additive season",
        "multiplicative season",
        "no season",
        "additive season",
    ]
    assert model.forms_[2].startswith("no trend")
    assert model.chosen_.shape == (4,)
    for place, chosen in enumerate(model.chosen_):
        assert model.aicc_[place] == min(one.aicc_[place] for one in model.models_)
        assert isinstance(model.models_[chosen], HoltWinters)
        np.testing.assert_array_equal(
            model.forecast(3, level=80).upper[80][place], model.models_[chosen].forecast(3, level=80).upper[80][place]
        )


def test_only_damped_trends(monthly: np.ndarray, quiet: Callable[..., Any]) -> None:
    model = quiet(AutoHoltWinters(12, damped_only=True), monthly[:3])
    assert not any(form.startswith("additive") for form in model.forms_)


def test_parameters_and_components_are_those_of_the_chosen_form(monthly: np.ndarray) -> None:
    model = AutoHoltWinters(12, n_paths=100).fit(monthly)
    for place, which in enumerate(model.chosen_):
        chosen = model.models_[which]
        for name, rows in chosen.params_.items():
            if rows[place].size:
                np.testing.assert_array_equal(model.params_[name][place], rows[place])
        for name, rows in chosen.components().items():
            np.testing.assert_array_equal(model.components()[name][place], rows[place])
    with pytest.raises(UsageError, match="has not been fitted"):
        AutoHoltWinters(12).components()
