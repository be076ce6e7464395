from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gpupipe.core.plain_json import json_text

Command = Callable[..., Any]


def test_every_value_is_one_that_strict_json_has() -> None:
    value = {
        "nan": float("nan"),
        "numpy": [np.float64("inf"), np.int64(3), np.bool_(True), np.array([1.5, np.nan])],
        "time": dt.datetime(2024, 1, 2, 3, tzinfo=dt.UTC),
        "set": {1},
    }
    read = json.loads(json_text(value), parse_constant=pytest.fail)
    assert read == {"nan": None, "numpy": [None, 3, True, [1.5, None]], "time": "2024-01-02T03:00:00+00:00", "set": [1]}
