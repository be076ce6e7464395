from __future__ import annotations

import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.errors import UsageError


def test_as_polars_counts(engine: str) -> None:
    frame = pl.DataFrame({"a": ["x", "y", "z"], "b": [1, 1, 2], "c": [True, True, True]})
    table = gp.FromFrame(frame).node()
    made = gp.Pipeline("p", out=gp.DropLowCardinality(frame.columns, least=3).fit(table)(table)).run(engine)["out"]
    assert made.columns == [name for name in frame.columns if frame[name].n_unique() >= 3]


def test_options() -> None:
    with pytest.raises(UsageError, match=r"^DropLowCardinality expects least >= 1, got 0\.$"):
        gp.DropLowCardinality("a", least=0)
