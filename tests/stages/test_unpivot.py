from __future__ import annotations

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import ColumnError, DtypeError, UsageError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_row_stage

FRAME = pl.DataFrame({"k": [1, 2, 3], "a": [5, None, 7], "b": [8, 9, None], "z": [0.5, 0.5, 0.5]})


def test_law_and_polars() -> None:
    made = check_row_stage(gp.Unpivot(["a", "b"], keep="k", variable="name"), FRAME)
    assert_same_rows(made, FRAME.unpivot(["a", "b"], index="k", variable_name="name"))


def test_bad_input() -> None:
    with pytest.raises(UsageError, match=r"^Unpivot expects columns that become rows or are kept, and new names, got 'a' twice\.$"):
        gp.Unpivot(["a", "b"], keep="a")
    with pytest.raises(DtypeError, match=r"^Unpivot expects columns of one dtype, got 'a: Int64', 'z: Float64'\. Cast them first\.$"):
        gp.Unpivot(["a", "z"]).apply(FRAME)
    with pytest.raises(ColumnError, match=r"^Unpivot expects new names, got 'k', which is kept\."):
        gp.Unpivot("a", keep="k", value="k").apply(FRAME)
