from __future__ import annotations

import narwhals.stable.v2 as nw
import polars as pl
import pytest

import gpupipe as gp
from gpupipe.core.columns import Columns
from gpupipe.core.schema import Schema

SCHEMA = Schema.of_names({"id": nw.Int64(), "x": nw.Float64(), "C1": nw.String(), "C2": nw.Int8(), "t": nw.Date(), "f": nw.Boolean()})


@pytest.mark.parametrize(
    ("chosen", "wanted"),
    [
        (gp.columns(), ["id", "x", "C1", "C2", "t", "f"]),
        (gp.columns("number", but="id"), ["x", "C2"]),
        (gp.columns(["text", "boolean"]), ["C1", "f"]),
        (gp.columns(named="C*", but=["C1"]), ["C2"]),
        (gp.columns("time"), ["t"]),
    ],
)
def test_columns_by_kind_pattern_and_role(chosen: Columns, wanted: list[str]) -> None:
    assert list(chosen.among(SCHEMA)) == wanted


def test_as_polars_selects() -> None:
    import polars.selectors as cs  # local: it is the oracle

    frame = pl.DataFrame({"a": [1], "b": ["x"], "c": [0.5], "d": [True]})
    by_kind = {"number": cs.numeric(), "text": cs.string(), "float": cs.float(), "integer": cs.integer(), "boolean": cs.boolean()}
    for kind, theirs in by_kind.items():
        ours = gp.columns(kind).among(dict(nw.from_native(frame).schema))
        assert list(ours) == frame.select(theirs).columns
