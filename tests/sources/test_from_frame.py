"""Frames in memory: pandas of every kind, Polars eager and lazy."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from gpupipe.core.errors import ColumnError, DtypeError, SourceError, UsageError
from gpupipe.sources.from_frame import FromFrame

Read = Callable[..., pa.Table]


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "f": [1.0, np.nan],
            "text": np.array(["q", None], dtype=object),
            "nan_text": pd.Series(["q", np.nan], dtype=object),
            "new_text": pd.Series(["q", None], dtype="str"),
            "day": pd.to_datetime(["2020-01-01", None]),
            "kind": pd.Categorical(["u", None]),
            "i": pd.array([1, None], dtype="Int64"),
            "b": [True, False],
            "arrow": pd.array([1.5, None], dtype=pd.ArrowDtype(pa.float32())),
        }
    )


def test_a_pandas_frame_of_every_backing(frame: pd.DataFrame, read: Read) -> None:
    before = frame.copy()
    found = read(FromFrame(frame))
    assert found.to_pylist() == [
        {
            "f": 1.0,
            "text": "q",
            "nan_text": "q",
            "new_text": "q",
            "day": datetime(2020, 1, 1),
            "kind": "u",
            "i": 1,
            "b": True,
            "arrow": 1.5,
        },
        {
            "f": None,
            "text": None,
            "nan_text": None,
            "new_text": None,
            "day": None,
            "kind": None,
            "i": None,
            "b": False,
            "arrow": None,
        },
    ]
    pd.testing.assert_frame_equal(frame, before)


def test_nan_of_numpy_may_stay_a_number(frame: pd.DataFrame, read: Read) -> None:
    found = read(FromFrame(frame, nan_as_null=False))
    assert math.isnan(found["f"][1].as_py()) and found["nan_text"].null_count == 1 and found["arrow"].null_count == 1


def test_only_an_index_with_a_name_is_a_column(frame: pd.DataFrame) -> None:
    assert next(iter(FromFrame(frame).schema())) == "f"
    named = frame.set_index(pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["id", None]))
    schema = FromFrame(named).schema()
    assert list(schema)[:2] == ["id", "f"] and str(schema["id"].dtype) == "Int64"


def test_polars_frames(read: Read) -> None:
    frame = pl.DataFrame({"a": [1, None], "c": pl.Series(["x", "y"], dtype=pl.Categorical), "f": [math.nan, 1.0]})
    wanted = {"a": [1, None], "c": ["x", "y"], "f": [None, 1.0]}
    assert read(FromFrame(frame)).to_pydict() == wanted
    assert read(FromFrame(frame.lazy())).to_pydict() == wanted
    assert FromFrame(frame).known_rows() == 2 and FromFrame(frame.lazy()).known_rows() is None
    assert list(FromFrame(frame.lazy()).schema()) == ["a", "c", "f"]


def test_a_lazy_frame_is_computed_only_where_it_is_needed(read: Read) -> None:
    def fail(values: pl.Series) -> pl.Series:
        raise AssertionError

    frame = pl.LazyFrame({"a": [1]}).with_columns(b=pl.col("a").map_batches(fail, return_dtype=pl.Int64))
    assert read(FromFrame(frame), ["a"]).to_pydict() == {"a": [1]}


@pytest.mark.parametrize("lazy", [False, True])
def test_what_polars_holds_and_arrow_does_not_is_refused(lazy: bool) -> None:
    objects = pl.DataFrame({"a": [1], "o": pl.Series([object()], dtype=pl.Object)})
    with pytest.raises(DtypeError, match=r"Column 'o': expected values of one dtype, got Python objects\. Convert them, or leave"):
        FromFrame(objects.lazy() if lazy else objects).schema()
    for dtype, value in ((pl.Int128, 1), (pl.UInt128, 1), (pl.List(pl.Int128), [1]), (pl.Struct({"x": pl.Int128}), {"x": 1})):
        wide = pl.DataFrame({"a": [1], "w": pl.Series([value], dtype=dtype)})
        with pytest.raises(DtypeError, match=r"Column 'w': expected whole numbers of at most 64 bits, got .*Int128.*\. Cast it to Int64"):
            FromFrame(wide.lazy() if lazy else wide).schema()


def test_what_pandas_holds_and_arrow_does_not_is_refused() -> None:
    months = pd.period_range("2020-01", periods=1, freq="M", name="p")
    for frame in (pd.DataFrame({"p": months}), pd.DataFrame({"a": [1]}, index=months)):
        with pytest.raises(
            DtypeError, match=r"Column 'p': expected dates or times, got pandas' period\[M\]\. Convert it, with .*to_timestamp"
        ):
            FromFrame(frame)
    for names in (["a", "a"], [1, 1]):
        with pytest.raises(ColumnError, match=rf"Expected every column once, got '{names[0]}' more than once\. Rename one of them"):
            FromFrame(pd.DataFrame([[1, 2]], columns=names))


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(UsageError, match=r"FromFrame expects a pandas or Polars frame, got dict\. Use FromArrow"):
        FromFrame({"a": [1]})
    with pytest.raises(UsageError, match=r"text as the name of every column, got 0\. Rename it"):
        FromFrame(pd.DataFrame([[1]]))
    with pytest.raises(SourceError, match=r"Column 'a' of the pandas frame holds values that make no one column"):
        FromFrame(pd.DataFrame({"a": pd.Series([1, "x"], dtype=object)}))


def test_intervals_are_structs_of_their_ends(read: Read) -> None:
    edges = pd.Series([1.5, None, 2.5, 1.5])
    frame = pd.DataFrame({"cut": pd.cut(edges, [1, 2, 3]), "plain": pd.arrays.IntervalArray.from_breaks([0, 1, 2, 3, 4])})
    ends = [None if value is pd.NA or value != value else {"left": value.left, "right": value.right} for value in frame["cut"]]
    found = read(FromFrame(frame))
    assert found["cut"].to_pylist() == ends == [{"left": 1, "right": 2}, None, {"left": 2, "right": 3}, {"left": 1, "right": 2}]
    assert found["plain"].to_pylist()[3] == {"left": 3, "right": 4}


def test_whole_numbers_beyond_64_bits_are_refused() -> None:
    with pytest.raises(
        SourceError, match=r"Column 'a' of the pandas frame holds values that make no one column: .*Convert it, with \.astype"
    ):
        FromFrame(pd.DataFrame({"a": [2**70, 1]}))
