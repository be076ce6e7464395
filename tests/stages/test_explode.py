from __future__ import annotations

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import DtypeError
from gpupipe.testing.compare import assert_same_rows
from gpupipe.testing.laws import check_row_stage


def test_law_and_pandas() -> None:
    frame = pl.DataFrame({"k": [1, 2, 3, 4], "x": [[1, None], [], None, [3]]})
    theirs = frame.to_pandas().explode("x")
    wanted = pl.DataFrame({"k": theirs["k"].to_list(), "x": [None if x is None or x != x else int(x) for x in theirs["x"]]})
    assert_same_rows(check_row_stage(gp.Explode("x"), frame), wanted)


def test_bad_input() -> None:
    with pytest.raises(DtypeError, match=r"^Explode expects lists, got String in column 'x'\. Split text first: \.str\.split\(\)\.$"):
        gp.Explode("x").apply(pl.DataFrame({"x": ["a b"]}))
