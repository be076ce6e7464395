"""Digests of values: equal for what means the same, and no others."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import itertools
import random
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import narwhals.stable.v2.selectors as ncs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from gpupipe.checkpoints.code import UnaddressableError
from gpupipe.checkpoints.digest import digest


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclasses.dataclass
class Point:
    x: float = 0.0
    tags: list[str] = dataclasses.field(default_factory=list)


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Named(dict[str, int]):
    pass


def _rows(*values: Any, start: int = 0) -> pa.Table:
    return pa.table({"a": pa.array([*range(start), *values])}).slice(start)


DISTINCT: list[Callable[[], Any]] = [
    lambda: None,
    lambda: 1,
    lambda: 1.0,
    lambda: True,
    lambda: "1",
    lambda: b"1",
    lambda: -0.0,
    lambda: 0.0,
    lambda: float("nan"),
    lambda: ["a", "b"],
    lambda: ("a", "b"),
    lambda: ["ab"],
    lambda: {"a", "b"},
    lambda: {"a": "b"},
    lambda: [["a"], "b"],
    lambda: [[], "a", "b"],
    lambda: collections.defaultdict(int, a=1),
    lambda: collections.defaultdict(float, a=1),
    lambda: dt.date(2020, 1, 2),
    lambda: dt.datetime(2020, 1, 2, tzinfo=dt.UTC),
    lambda: dt.timedelta(1),
    lambda: decimal.Decimal("1.0"),
    lambda: Path("a"),
    lambda: re.compile("a"),
    lambda: re.compile("a", re.IGNORECASE),
    lambda: nw.Int64,
    lambda: nw.Datetime("us"),
    lambda: nw.Datetime("us", "UTC"),
    lambda: nw.Enum(["a"]),
    lambda: np.float32(1),
    lambda: np.array([1, 2]),
    lambda: np.array([[1, 2]]),
    lambda: np.array([1.0, 2.0]),
    lambda: np.array(["a", None], dtype=object),
    lambda: _rows(1, 2),
    lambda: _rows(1, None),
    lambda: pa.array([1, 2]),
    lambda: pa.array([[1, 2], None]),
    lambda: pl.DataFrame({"a": [1.0, None]}),
    lambda: pl.DataFrame({"a": [1.0, float("nan")]}),
    lambda: pl.DataFrame({"b": [1.0, None]}),
    lambda: pd.DataFrame({"a": [1, 2]}),
    lambda: pd.DataFrame({"a": [1, 2]}, index=[5, 6]),
    lambda: nw.col("a") + 1,
    lambda: nw.col("a") + 1.0,
    lambda: nw.col("a") + nw.col("b"),
    lambda: nw.col("a", "b"),
    lambda: nw.col("a, b"),
    lambda: nw.lit("1"),
    lambda: nw.lit(1),
    lambda: nw.col("a").is_in([1, 2]),
    lambda: nw.col("a").is_in(["1", "2"]),
    lambda: nw.col("a").is_in(nw.from_native(pl.Series([1, 2]), series_only=True)),
    lambda: nw.col("a").is_in(nw.from_native(pl.Series([1, 3]), series_only=True)),
    ncs.numeric,
    lambda: ncs.numeric() - ncs.by_dtype(nw.Int8),
    lambda: nw.when(nw.col("a") > 1).then(nw.lit(1)).otherwise(nw.lit(2)),
    lambda: pl.col("a").is_in(pl.Series([1, 2])),
    lambda: pl.col("a").is_in(pl.Series([1, 3])),
    Ridge,
    lambda: Ridge(alpha=2.0),
    LogisticRegression,
    lambda: make_pipeline(StandardScaler(), Ridge()),
    lambda: XGBClassifier(n_estimators=3),
    lambda: XGBClassifier(n_estimators=4),
    lambda: Colour.RED,
    lambda: Colour.BLUE,
    Point,
    lambda: Point(1.0),
    lambda: Point(tags=["a"]),
    lambda: Slotted(1),
    lambda: Slotted("1"),
    lambda: Named(a=1),
    lambda: Named(a=2),
    lambda: random.Random(1),
    lambda: random.Random(2),
    lambda: np.random.RandomState(1),
    lambda: np.random.default_rng(1),
    lambda: functools.partial(max, 1),
    lambda: functools.partial(max, 2),
    lambda: max,
    lambda: min,
    lambda: np.add,
    lambda: np.mean,
    lambda: np,
    lambda: Path,
    lambda: "a".join,
    lambda: "b".join,
    lambda: lambda value: value + 1,
    lambda: lambda value: value + 2,
    lambda: lambda value, by=1: value + by,
    lambda: lambda value, by=2: value + by,
]


def test_values_that_differ_have_digests_that_differ() -> None:
    made = [digest(value()) for value in DISTINCT]
    twice = [(one, two) for one, two in itertools.combinations(range(len(made)), 2) if made[one] == made[two]]
    assert not twice


@pytest.mark.parametrize("number", range(len(DISTINCT)))
def test_a_value_that_is_made_again_has_the_same_digest(number: int) -> None:
    assert digest(DISTINCT[number]()) == digest(DISTINCT[number]())


def test_what_lies_beyond_a_slice_or_below_a_null_does_not_count() -> None:
    assert digest(_rows(1, None, 3)) == digest(_rows(1, None, 3, start=5))
    one, other = (pa.Array.from_buffers(pa.int64(), 2, [pa.py_buffer(b"\1"), pa.array([7, under]).buffers()[1]]) for under in (1, 2))
    assert one.equals(other)
    assert digest(one) == digest(other)
    whole = pa.chunked_array([[1, 2, 3]])
    assert digest(whole) == digest(pa.chunked_array([[1], [2, 3]]))


def test_sharing_an_object_changes_nothing_that_cannot_change() -> None:
    shared, expression = ("a", "b"), nw.col("x")
    assert digest([shared, shared]) == digest([("a", "b"), tuple("ab")])
    assert digest(expression + expression) == digest(nw.col("x") + nw.col("x"))


def test_values_that_hold_themselves_end() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert digest(loop) != digest([1, [1]])

    def calls_itself(value: int) -> int:
        return calls_itself(value - 1) if value else 0

    assert digest(calls_itself)


def test_what_cannot_be_written_down_is_refused_by_name() -> None:
    with pytest.raises(UnaddressableError, match=r"^a _thread\.lock$"):
        digest({"a": [threading.Lock()]})
    with pytest.raises(UnaddressableError, match="^a object$"):
        digest(object())
    with pytest.raises(UnaddressableError, match="LazyFrame"):
        digest(pl.LazyFrame({"a": [1]}))

    class OfLibrary(threading.Thread):
        pass

    with pytest.raises(UnaddressableError, match=r"a .*OfLibrary, which extends threading\.Thread"):
        digest(OfLibrary(args=()))
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(UnaddressableError, match="nested too deeply"):
        digest(deep)
