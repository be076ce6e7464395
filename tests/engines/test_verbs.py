"""Verbs through Arrow and the array kernels."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gpupipe.core.verbs import Rolled, Window
from gpupipe.engines import _verbs
from gpupipe.engines._verbs import roll_table

WINDOW = Window(("k",), "t", -1, 3, (Rolled("high", "x", "max"), Rolled("sum", "x", "sum"), Rolled("n", "x", "count")))


@pytest.mark.parametrize("kind", [pa.int64(), pa.large_string()], ids=str)
@pytest.mark.parametrize("is_sorted", [True, False])
@pytest.mark.parametrize("missing_index", [0.0, 0.2])
def test_windows_do_not_depend_on_how_many_keys_are_worked_out_at_a_time(
    kind: pa.DataType, is_sorted: bool, missing_index: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(5)
    keys = random.integers(0, 40, 500)
    table = pa.table(
        {
            "k": pa.array(np.sort(keys) if is_sorted else keys).cast(kind),
            "t": pa.array(random.integers(0, 9, 500), mask=random.random(500) < missing_index),
            "x": pa.array(random.integers(0, 99, 500), mask=random.random(500) < 0.3),
        }
    )
    at_once = roll_table(table, WINDOW)
    assert at_once["n"].null_count == table["t"].null_count
    for n_rows in (1, 7, 64, 499):
        monkeypatch.setattr(_verbs, "_ROLLED_ROWS", n_rows)
        assert roll_table(table, WINDOW).equals(at_once)
    assert roll_table(table.slice(0, 0), WINDOW).schema == at_once.schema
