"""Models that live on a device, as files: what is written is the estimator that predicts the same on a machine without one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import Ridge
from xgboost import XGBRegressor

from gpupipe.engines._model_files import load_model, save_model

ROWS = np.array([[0.0], [1.0], [2.0], [3.0]])
TARGET = np.array([0.0, 2.0, 4.0, 6.0])


@dataclass(frozen=True)
class Elsewhere:
    """A model that answers somewhere else, as those of engine `gpu` do."""

    estimator: Any

    def portable(self) -> Any:
        """Return the estimator that can be written."""
        return self.estimator


def test_a_booster_forgets_its_device(tmp_path: Path) -> None:
    booster = XGBRegressor(n_estimators=3, max_depth=2).fit(ROWS, TARGET)
    wanted = booster.predict(ROWS)
    booster.device = "cuda"  # as training on a device leaves it; set_params would look for one
    loaded = load_model(tmp_path, save_model(Elsewhere(booster), tmp_path), ())
    assert loaded.get_params()["device"] is None
    assert loaded.get_params()["max_depth"] == 2
    assert loaded.predict(ROWS).tolist() == wanted.tolist()


def test_what_stands_for_an_estimator_is_written_as_it(tmp_path: Path) -> None:
    fitted = Ridge(alpha=0.1).fit(ROWS, TARGET)
    facts = save_model(Elsewhere(fitted), tmp_path)
    assert facts["class"] == "sklearn.linear_model._ridge:Ridge"
    assert load_model(tmp_path, facts, ()).predict(ROWS).tolist() == fitted.predict(ROWS).tolist()
